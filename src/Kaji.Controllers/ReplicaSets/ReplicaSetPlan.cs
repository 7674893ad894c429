using k8s.Models;
using Kaji.Controllers.Pods;

namespace Kaji.Controllers.ReplicaSets;

/// <summary>What a ReplicaSet needs: so many Pods made, these deleted.</summary>
internal sealed record ReplicaSetPlan(int Create, IReadOnlyList<V1Pod> Delete)
{
    /// <summary>At most so many creates or deletes at once.</summary>
    public const int Burst = 500;

    public static ReplicaSetPlan Of(V1ReplicaSet set, IReadOnlyList<V1Pod> owned, DateTimeOffset now)
    {
        var active = owned.Where(p => p.IsActive()).ToArray();
        var want = set.Spec.Replicas ?? 1;
        if (active.Length <= want)
        {
            return new ReplicaSetPlan(Math.Min(Burst, want - active.Length), []);
        }

        return new ReplicaSetPlan(0, [.. active.Order(new DeletionOrder(now)).Take(Math.Min(Burst, active.Length - want))]);
    }

    public static V1ReplicaSetStatus Status(V1ReplicaSet set, IReadOnlyList<V1Pod> owned, string? failure, DateTimeOffset now)
    {
        var active = owned.Where(p => p.IsActive()).ToArray();
        var labels = set.Spec.Template.Metadata?.Labels ?? new Dictionary<string, string>(StringComparer.Ordinal);
        var conditions = (set.Status?.Conditions ?? []).Where(c => c.Type != "ReplicaFailure").ToList();
        if (failure is not null)
        {
            var old = set.Status?.Conditions?.FirstOrDefault(c => c.Type == "ReplicaFailure");
            conditions.Add(new V1ReplicaSetCondition { Type = "ReplicaFailure", Status = "True", Reason = "FailedCreate", Message = failure, LastTransitionTime = old?.LastTransitionTime ?? now.UtcDateTime });
        }

        return new V1ReplicaSetStatus
        {
            Replicas = active.Length,
            FullyLabeledReplicas = active.Count(p => labels.All(l => p.Metadata.Labels?.TryGetValue(l.Key, out var v) == true && v == l.Value)),
            ReadyReplicas = active.Count(p => p.IsReady()),
            AvailableReplicas = active.Count(p => p.IsAvailable(set.Spec.MinReadySeconds ?? 0, now)),
            TerminatingReplicas = owned.Count(p => p.Metadata.DeletionTimestamp is not null && !p.HasEnded()),
            ObservedGeneration = set.Metadata.Generation,
            Conditions = conditions.Count > 0 ? conditions : null,
        };
    }

    /// <summary>Those go first that are missed least: not on a node, not running, not ready, of low deletion cost, young.</summary>
    private sealed class DeletionOrder(DateTimeOffset now) : IComparer<V1Pod>
    {
        private const string CostAnnotation = "controller.kubernetes.io/pod-deletion-cost";

        public int Compare(V1Pod? x, V1Pod? y)
        {
            foreach (var difference in (ReadOnlySpan<int>)
            [
                (string.IsNullOrEmpty(x!.Spec.NodeName) ? 0 : 1) - (string.IsNullOrEmpty(y!.Spec.NodeName) ? 0 : 1),
                Phase(x) - Phase(y),
                (x.IsReady() ? 1 : 0) - (y.IsReady() ? 1 : 0),
                Cost(x).CompareTo(Cost(y)),
                ReadySince(y).CompareTo(ReadySince(x)),
                Restarts(y) - Restarts(x),
            ])
            {
                if (difference != 0)
                {
                    return difference;
                }
            }

            return Nullable.Compare(y!.Metadata.CreationTimestamp, x!.Metadata.CreationTimestamp);
        }

        private static int Phase(V1Pod pod) => pod.Status?.Phase switch { "Pending" => 0, "Unknown" => 1, _ => 2 };

        private static int Cost(V1Pod pod) => pod.Metadata.Annotations?.TryGetValue(CostAnnotation, out var text) == true && int.TryParse(text, out var cost) ? cost : 0;

        private static int Restarts(V1Pod pod) => pod.Status?.ContainerStatuses?.Sum(s => s.RestartCount) ?? 0;

        private DateTimeOffset ReadySince(V1Pod pod) => pod.Condition("Ready") is { Status: "True", LastTransitionTime: { } since } ? PodFacts.Utc(since) : now;
    }
}
