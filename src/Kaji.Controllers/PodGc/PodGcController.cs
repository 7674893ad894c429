using System.Text;
using k8s.Models;
using Kaji.Client;
using Kaji.Controllers.Pods;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.PodGc;

/// <summary>
/// Deletes Pods that nobody else will: of nodes that are no longer there, terminating ones that never got a node, and ended ones beyond a bound. A key
/// without a namespace is a node that went, the empty key the ended Pods. https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-garbage-collection
/// </summary>
public sealed class PodGcController : Controller
{
    private readonly IApiClient _client;
    private readonly IInformer<V1Pod> _pods;
    private readonly IInformer<V1Node> _nodes;
    private readonly PodGcOptions _options;
    private readonly HashSet<string> _ended = new(StringComparer.Ordinal);

    public PodGcController(IApiClient client, InformerFactory informers, TimeProvider time, ILoggerFactory logging, PodGcOptions? options = null)
        : base("pod-garbage-collector-controller", time, logging.CreateLogger<PodGcController>())
    {
        (_client, _options) = (client, options ?? new PodGcOptions());
        _options.Validate();
        _pods = informers.For(Kinds.Pod);
        _nodes = informers.For(Kinds.Node);
        _pods.Subscribe(OnPod);
        // Pods are not looked at here: their handler looks at nodes, and each is called with its informer's lock held.
        _nodes.Subscribe(change =>
        {
            if (change.New is null)
            {
                Enqueue("", change.Object.Metadata.Name);
            }
        });
    }

    public override Task RunAsync(CancellationToken cancellationToken)
    {
        // Nodes may have gone while nobody looked.
        Quarantine();
        return base.RunAsync(cancellationToken);
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (objectName.Length == 0)
        {
            foreach (var old in Surplus(_pods.List(), _options.TerminatedPodThreshold))
            {
                await DeleteAsync(old, cancellationToken);
            }

            return;
        }

        if (ns.Length == 0)
        {
            Quarantine();
            return;
        }

        if (_pods.Get(ns, objectName) is not { } pod)
        {
            return;
        }

        if (NeverPlaced(pod))
        {
            await DeleteAsync(pod, cancellationToken);
        }
        else if (IsLost(pod) && await _client.FindAsync(Kinds.Node, null, pod.Spec.NodeName, cancellationToken) is null)
        {
            if (!pod.HasEnded())
            {
                await _client.PatchAsync(
                    Kinds.Pod, ns, objectName,
                    Patch.StrategicMerge(Encoding.UTF8.GetBytes("""{"status":{"phase":"Failed","conditions":[{"type":"DisruptionTarget","status":"True","reason":"DeletionByPodGC","message":"PodGC: node no longer exists"}]}}""")),
                    "status", cancellationToken);
            }

            await DeleteAsync(pod, cancellationToken);
        }
    }

    /// <summary>The oldest ended Pods beyond the bound. Pure.</summary>
    internal static IReadOnlyList<V1Pod> Surplus(IEnumerable<V1Pod> pods, int bound)
    {
        var ended = pods.Where(p => p.HasEnded() && p.Metadata.DeletionTimestamp is null).ToArray();
        return ended.Length <= bound ? [] : [.. ended.OrderBy(p => p.Metadata.CreationTimestamp).ThenBy(p => p.Metadata.Name, StringComparer.Ordinal).Take(ended.Length - bound)];
    }

    /// <summary>Each Pod whose node is missing is looked at again when it has been missing for long.</summary>
    private void Quarantine()
    {
        foreach (var pod in _pods.List().Where(IsLost))
        {
            EnqueueAfter(pod.Metadata.NamespaceProperty, pod.Metadata.Name, _options.Quarantine);
        }
    }

    private Task DeleteAsync(V1Pod pod, CancellationToken cancellationToken) =>
        _client.DeleteAsync(Kinds.Pod, pod.Metadata.NamespaceProperty, pod.Metadata.Name, new V1DeleteOptions { GracePeriodSeconds = 0, Preconditions = new V1Preconditions { Uid = pod.Metadata.Uid } }, cancellationToken);

    private void OnPod(InformerEvent<V1Pod> change)
    {
        var pod = change.Object;
        var (ns, name) = (pod.Metadata.NamespaceProperty, pod.Metadata.Name);
        if (change.New is not null && pod.HasEnded())
        {
            if (_ended.Add($"{ns}/{name}") && _ended.Count > _options.TerminatedPodThreshold)
            {
                Enqueue("", "");
            }
        }
        else
        {
            _ended.Remove($"{ns}/{name}");
        }

        if (change.New is not null && NeverPlaced(pod))
        {
            Enqueue(ns, name);
        }
        else if (change.New is not null && _nodes.HasSynced && change.Old is null && IsLost(pod))
        {
            EnqueueAfter(ns, name, _options.Quarantine);
        }
    }

    private bool IsLost(V1Pod pod) => !string.IsNullOrEmpty(pod.Spec.NodeName) && _nodes.Get(null, pod.Spec.NodeName) is null;

    private static bool NeverPlaced(V1Pod pod) => pod.Metadata.DeletionTimestamp is not null && string.IsNullOrEmpty(pod.Spec.NodeName);
}
