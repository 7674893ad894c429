using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using k8s.Models;
using Kaji.Client;
using Kaji.Controllers.Pods;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.NodeLifecycle;

/// <summary>
/// Notices nodes that have fallen silent (neither Lease nor status renewed), taints nodes by their conditions, and drives Pods off whose tolerations have run out.
/// Silence is counted from when this controller heard something, not from the node's clock: after a stop of the control plane every node gets its full grace.
/// A key with a namespace is a Pod, one without a node. https://kubernetes.io/docs/concepts/architecture/nodes/
/// </summary>
public sealed class NodeLifecycleController : Controller
{
    private const string LeaseNamespace = "kube-node-lease";
    private readonly IApiClient _client;
    private readonly IInformer<V1Node> _nodes;
    private readonly IInformer<V1Pod> _pods;
    private readonly EventRecorder _events;
    private readonly NodeLifecycleOptions _options;
    private readonly ConcurrentDictionary<string, DateTimeOffset> _heard = new(StringComparer.Ordinal);

    public NodeLifecycleController(IApiClient client, InformerFactory informers, EventRecorder events, TimeProvider time, ILoggerFactory logging, NodeLifecycleOptions? options = null)
        : base("node-lifecycle-controller", time, logging.CreateLogger<NodeLifecycleController>())
    {
        (_client, _events, _options) = (client, events, options ?? new NodeLifecycleOptions());
        _options.Validate();
        _nodes = informers.For(Kinds.Node);
        _pods = informers.For(Kinds.Pod);
        _nodes.Subscribe(OnNode);
        _pods.Subscribe(OnPod);
        informers.For(Kinds.Lease, LeaseNamespace).Subscribe(change =>
        {
            if (change.New?.Spec?.RenewTime is { } renewed && change.Old?.Spec?.RenewTime != renewed)
            {
                Heard(change.New.Metadata.Name);
            }
        });
    }

    protected override Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken) =>
        ns.Length == 0 ? ReconcileNodeAsync(objectName, cancellationToken) : ReconcilePodAsync(ns, objectName, cancellationToken);

    private async Task ReconcileNodeAsync(string name, CancellationToken cancellationToken)
    {
        if (_nodes.Get(null, name) is not { } node)
        {
            _heard.TryRemove(name, out _);
            return;
        }

        var now = Time.GetUtcNow();
        var silence = now - _heard.GetOrAdd(name, now);
        var othersReady = _nodes.List().Any(n => n.Metadata.Name != name && IsReady(n));
        var plan = NodeHealthPlan.Of(node, silence, othersReady, _options, now);
        if (plan.CheckAfter is { } after)
        {
            EnqueueAfter("", name, after);
        }

        if (Evicts(node))
        {
            foreach (var pod in _pods.List().Where(p => p.Spec.NodeName == name && p.Metadata.DeletionTimestamp is null))
            {
                Enqueue(pod.Metadata.NamespaceProperty, pod.Metadata.Name);
            }
        }

        if (plan.Conditions is { } conditions)
        {
            var wanted = ModelJson.Serialize(new V1NodeStatus { Conditions = [.. conditions] });
            await _client.PatchAsync(Kinds.Node, null, name, Patch.Merge((byte[])[.. "{\"status\":"u8, .. wanted, .. "}"u8]), "status", cancellationToken);
            _events.Record(Kinds.Node, node, "Normal", "NodeNotReady", $"Node {name} status is now: NodeNotReady");
            await MarkPodsNotReadyAsync(name, now, cancellationToken);
        }

        if (plan.Taints is { } taints)
        {
            // The version guards against a taint that somebody else sets at the same time: then the next look starts from it. Written on the newest after our own status patch.
            var version = plan.Conditions is null ? node.Metadata.ResourceVersion : (await _client.GetAsync(Kinds.Node, null, name, cancellationToken)).Metadata.ResourceVersion;
            var body = ModelJson.Serialize(new V1NodeSpec { Taints = [.. taints] });
            await _client.PatchAsync(
                Kinds.Node, null, name,
                Patch.Merge(taints.Count == 0
                    ? Encoding.UTF8.GetBytes($$$"""{"metadata":{"resourceVersion":"{{{version}}}"},"spec":{"taints":null}}""")
                    : (byte[])[.. Encoding.UTF8.GetBytes($$$"""{"metadata":{"resourceVersion":"{{{version}}}"},"spec":"""), .. body, .. "}"u8]),
                cancellationToken: cancellationToken);
        }
    }

    private async Task ReconcilePodAsync(string ns, string name, CancellationToken cancellationToken)
    {
        if (_pods.Get(ns, name) is not { Metadata.DeletionTimestamp: null, Spec.NodeName: { Length: > 0 } nodeName } pod
            || _nodes.Get(null, nodeName) is not { } node
            || EvictionPlan.Deadline(pod, node.Spec?.Taints, Time.GetUtcNow()) is not { } deadline)
        {
            return;
        }

        var left = deadline - Time.GetUtcNow();
        if (left > TimeSpan.Zero)
        {
            EnqueueAfter(ns, name, left);
            return;
        }

        _events.Record(Kinds.Pod, pod, "Normal", "TaintManagerEviction", $"Marking for deletion Pod {ns}/{name}");
        await _client.PatchAsync(
            Kinds.Pod, ns, name, Condition("DisruptionTarget", "True", Time.GetUtcNow(), "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint"), "status", cancellationToken);
        await _client.DeleteAsync(Kinds.Pod, ns, name, new V1DeleteOptions { Preconditions = new V1Preconditions { Uid = pod.Metadata.Uid } }, cancellationToken);
    }

    /// <summary>Nobody can say any more that they are ready: Services leave them out.</summary>
    private async Task MarkPodsNotReadyAsync(string node, DateTimeOffset now, CancellationToken cancellationToken)
    {
        foreach (var pod in _pods.List().Where(p => p.Spec.NodeName == node && p.IsReady()))
        {
            try
            {
                await _client.PatchAsync(Kinds.Pod, pod.Metadata.NamespaceProperty, pod.Metadata.Name, Condition("Ready", "False", now, "NodeNotReady", "Node is not ready"), "status", cancellationToken);
            }
            catch (ApiException e) when (e.IsNotFound)
            {
                // It has gone meanwhile: so has its place in the Service.
                continue;
            }
        }
    }

    private static Patch Condition(string type, string status, DateTimeOffset now, string reason, string message) => Patch.StrategicMerge(Encoding.UTF8.GetBytes(
        $$$"""{"status":{"conditions":[{"type":"{{{type}}}","status":"{{{status}}}","lastTransitionTime":"{{{now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)}}}","reason":"{{{reason}}}","message":"{{{message}}}"}]}}"""));

    /// <summary>Called with the nodes' lock held, as <see cref="OnPod"/> with the Pods': this one must not look at Pods, because that one looks at nodes.</summary>
    private void OnNode(InformerEvent<V1Node> change)
    {
        var name = change.Object.Metadata.Name;
        if (change.New is not null && Heartbeat(change.Old) != Heartbeat(change.New))
        {
            Heard(name);
        }

        Enqueue("", name);
        if (change.New is not null && change.Old is not null && IsReady(change.Old) != IsReady(change.New))
        {
            // Whether Pods may be driven off depends on whether any other node is well.
            foreach (var other in _nodes.List().Where(n => !IsReady(n)))
            {
                Enqueue("", other.Metadata.Name);
            }
        }
    }

    private void OnPod(InformerEvent<V1Pod> change)
    {
        if (change.New is { Metadata.DeletionTimestamp: null, Spec.NodeName: { Length: > 0 } node } pod && _nodes.Get(null, node) is { } known && Evicts(known))
        {
            Enqueue(pod.Metadata.NamespaceProperty, pod.Metadata.Name);
        }
    }

    private void Heard(string node)
    {
        _heard[node] = Time.GetUtcNow();
        if (_nodes.Get(null, node) is { } known && !IsReady(known))
        {
            Enqueue("", node);
        }
    }

    private static bool IsReady(V1Node node) => node.Status?.Conditions?.Any(c => c is { Type: "Ready", Status: "True" }) == true;

    private static DateTime? Heartbeat(V1Node? node) => node?.Status?.Conditions?.FirstOrDefault(c => c.Type == "Ready")?.LastHeartbeatTime;

    private static bool Evicts(V1Node node) => node.Spec?.Taints?.Any(t => t.Effect == "NoExecute") == true;
}
