using k8s.Models;

namespace Kaji.Controllers.Deployments;

/// <summary>Which old ReplicaSets a Deployment no longer keeps for a rollback. Pure.</summary>
internal static class HistoryPlan
{
    private const int DefaultLimit = 10;

    /// <summary>The oldest idle sets beyond revisionHistoryLimit.</summary>
    public static IReadOnlyList<V1ReplicaSet> Surplus(V1Deployment deployment, V1ReplicaSet? newest, IEnumerable<V1ReplicaSet> sets)
    {
        var idle = sets
            .Where(s => s.Metadata.Uid != newest?.Metadata.Uid && (s.Spec.Replicas ?? 1) == 0 && (s.Status?.Replicas ?? 0) == 0 && s.Status?.ObservedGeneration >= s.Metadata.Generation)
            .OrderBy(s => Annotations.RevisionOf(s.Metadata)).ThenBy(s => s.Metadata.CreationTimestamp).ToArray();
        return [.. idle.Take(Math.Max(0, idle.Length - (deployment.Spec.RevisionHistoryLimit ?? DefaultLimit)))];
    }
}
