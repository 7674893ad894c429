using k8s.Models;
using Kaji.Controllers.Pods;

namespace Kaji.Controllers.ReplicaSets;

/// <summary>What a ReplicaSet needs: so many Pods made, these deleted. Pure.</summary>
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

        return new ReplicaSetPlan(0, [.. active.Order(new DeletionOrder(active, now)).Take(Math.Min(Burst, active.Length - want))]);
    }

    /// <summary>The status that these Pods mean.</summary>
    /// <param name="leaving">Uids of Pods whose deletion has been asked for, whether or not the cache shows it: a Deployment must not count on them.</param>
    public static V1ReplicaSetStatus Status(V1ReplicaSet set, IReadOnlyList<V1Pod> owned, IReadOnlySet<string> leaving, PodFailure? failure, DateTimeOffset now)
    {
        var active = owned.Where(p => p.IsActive() && !leaving.Contains(p.Metadata.Uid)).ToArray();
        var labels = set.Spec.Template.Metadata?.Labels ?? new Dictionary<string, string>(StringComparer.Ordinal);
        var conditions = (set.Status?.Conditions ?? []).Where(c => c.Type != PodFailure.Condition).ToList();
        if (failure is not null)
        {
            var old = set.Status?.Conditions?.FirstOrDefault(c => c.Type == PodFailure.Condition);
            conditions.Add(new V1ReplicaSetCondition
            {
                Type = PodFailure.Condition, Status = "True", Reason = failure.Reason, Message = failure.Message, LastTransitionTime = old?.LastTransitionTime ?? now.UtcDateTime,
            });
        }

        return new V1ReplicaSetStatus
        {
            Replicas = active.Length,
            FullyLabeledReplicas = active.Count(p => labels.All(l => p.Metadata.Labels?.TryGetValue(l.Key, out var v) == true && v == l.Value)),
            ReadyReplicas = active.Count(p => p.IsReady()),
            AvailableReplicas = active.Count(p => p.IsAvailable(set.Spec.MinReadySeconds ?? 0, now)),
            TerminatingReplicas = owned.Count(p => (p.Metadata.DeletionTimestamp is not null || leaving.Contains(p.Metadata.Uid)) && !p.HasEnded()),
            ObservedGeneration = set.Metadata.Generation,
            Conditions = conditions.Count > 0 ? conditions : null,
        };
    }

    /// <summary>How long until the next ready Pod counts as available; null when none is on its way.</summary>
    public static TimeSpan? NextAvailable(V1ReplicaSet set, IReadOnlyList<V1Pod> owned, DateTimeOffset now)
    {
        if (set.Spec.MinReadySeconds is not ({ } seconds and > 0))
        {
            return null;
        }

        var waits = owned.Where(p => p.IsActive() && p.IsReady() && !p.IsAvailable(seconds, now))
            .Select(p => p.Condition("Ready")!.LastTransitionTime is { } since ? PodFacts.Utc(since).AddSeconds(seconds) - now : TimeSpan.FromSeconds(seconds)).ToArray();
        return waits.Length > 0 ? waits.Min() : null;
    }
}
