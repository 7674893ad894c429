using System.Net;
using System.Text;
using k8s.Models;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.NodeRanges;

/// <summary>Gives each node its part of the Pod range (spec.podCIDR), as the node IPAM controller does. The first part is the server's own node's.</summary>
public sealed class NodeRangeController : Controller
{
    private readonly IApiClient _client;
    private readonly IInformer<V1Node> _nodes;
    private readonly IPNetwork _cluster;

    // One node at a time: two must not choose the same part.
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Dictionary<string, string> _given = new(StringComparer.Ordinal);

    public NodeRangeController(IApiClient client, InformerFactory informers, IPNetwork cluster, TimeProvider time, ILoggerFactory logging)
        : base("node-ipam-controller", time, logging.CreateLogger<NodeRangeController>())
    {
        (_client, _cluster, _nodes) = (client, cluster, informers.For(Kinds.Node));
        _nodes.Subscribe(c =>
        {
            if (c.New is { } node && string.IsNullOrEmpty(node.Spec?.PodCIDR))
            {
                Enqueue(null, node.Metadata.Name);
            }
        });
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (_nodes.Get(null, objectName) is not { } node || !string.IsNullOrEmpty(node.Spec?.PodCIDR))
            {
                return;
            }

            foreach (var gone in _given.Keys.Where(n => _nodes.Get(null, n) is null).ToArray())
            {
                _given.Remove(gone);
            }

            var own = node.Metadata.Labels?.ContainsKey("node-role.kubernetes.io/control-plane") == true;
            var taken = _nodes.List().Select(n => n.Spec?.PodCIDR).OfType<string>().Concat(_given.Where(g => g.Key != objectName).Select(g => g.Value)).ToHashSet(StringComparer.Ordinal);
            var range = Enumerable.Range(own ? 0 : 1, PodRanges.Count(_cluster) - (own ? 0 : 1)).Select(i => PodRanges.At(_cluster, i).ToString()).FirstOrDefault(r => !taken.Contains(r))
                ?? throw new InvalidOperationException($"the Pod range {_cluster} has no part left for node {objectName}");
            _given[objectName] = range;
            await _client.PatchAsync(Kinds.Node, null, objectName, Patch.Merge(Encoding.UTF8.GetBytes($$$"""{"spec":{"podCIDR":"{{{range}}}","podCIDRs":["{{{range}}}"]}}""")), null, cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }
}
