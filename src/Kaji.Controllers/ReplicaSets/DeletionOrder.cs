using System.Globalization;
using k8s.Models;
using Kaji.Controllers.Pods;

namespace Kaji.Controllers.ReplicaSets;

/// <summary>
/// Those Pods go first that are missed least: not on a node, not running, not ready, of low deletion cost, doubled up on a node, young in readiness, restarted often, young.
/// https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#scaling-a-replicaset
/// </summary>
internal sealed class DeletionOrder(IReadOnlyCollection<V1Pod> active, DateTimeOffset now) : IComparer<V1Pod>
{
    private const string CostAnnotation = "controller.kubernetes.io/pod-deletion-cost";
    private readonly Dictionary<string, int> _onNode = active.GroupBy(p => p.Spec.NodeName ?? "", StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);

    public int Compare(V1Pod? x, V1Pod? y)
    {
        foreach (var difference in (ReadOnlySpan<int>)
        [
            (string.IsNullOrEmpty(x!.Spec.NodeName) ? 0 : 1) - (string.IsNullOrEmpty(y!.Spec.NodeName) ? 0 : 1),
            Phase(x) - Phase(y),
            (x.IsReady() ? 1 : 0) - (y.IsReady() ? 1 : 0),
            Cost(x).CompareTo(Cost(y)),
            _onNode.GetValueOrDefault(y.Spec.NodeName ?? "") - _onNode.GetValueOrDefault(x.Spec.NodeName ?? ""),
            ReadySince(y).CompareTo(ReadySince(x)),
            Restarts(y) - Restarts(x),
        ])
        {
            if (difference != 0)
            {
                return difference;
            }
        }

        return Nullable.Compare(y.Metadata.CreationTimestamp, x.Metadata.CreationTimestamp);
    }

    private static int Phase(V1Pod pod) => pod.Status?.Phase switch { "Running" => 2, "Unknown" => 1, _ => 0 };

    private static int Cost(V1Pod pod) =>
        pod.Metadata.Annotations?.TryGetValue(CostAnnotation, out var text) == true && int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var cost) ? cost : 0;

    private static int Restarts(V1Pod pod) => pod.Status?.ContainerStatuses is { Count: > 0 } statuses ? statuses.Max(s => s.RestartCount) : 0;

    private DateTimeOffset ReadySince(V1Pod pod) => pod.Condition("Ready") is { Status: "True", LastTransitionTime: { } since } ? PodFacts.Utc(since) : now;
}
