using k8s.Models;
using Kaji.Controllers.Pods;

namespace Kaji.Controllers.NodeLifecycle;

/// <summary>How long a Pod stays on a node with NoExecute taints. https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-based-evictions Pure.</summary>
internal static class EvictionPlan
{
    /// <returns>When the Pod has to go; null when it may stay.</returns>
    public static DateTimeOffset? Deadline(V1Pod pod, IEnumerable<V1Taint>? taints, DateTimeOffset now)
    {
        DateTimeOffset? deadline = null;
        foreach (var taint in (taints ?? []).Where(t => t.Effect == "NoExecute"))
        {
            var tolerations = (pod.Spec.Tolerations ?? []).Where(t => Tolerates(t, taint)).ToArray();
            if (tolerations.Length == 0)
            {
                return now;
            }

            var bounded = tolerations.Where(t => t.TolerationSeconds is not null).Select(t => Math.Max(0, t.TolerationSeconds!.Value)).ToArray();
            if (bounded.Length > 0)
            {
                var until = (taint.TimeAdded is { } added ? PodFacts.Utc(added) : now).AddSeconds(bounded.Min());
                deadline = deadline is { } other && other < until ? other : until;
            }
        }

        return deadline;
    }

    private static bool Tolerates(V1Toleration toleration, V1Taint taint)
    {
        if (!string.IsNullOrEmpty(toleration.Effect) && toleration.Effect != taint.Effect)
        {
            return false;
        }

        var exists = toleration.OperatorProperty == "Exists";
        return string.IsNullOrEmpty(toleration.Key)
            ? exists
            : toleration.Key == taint.Key && (exists || (toleration.Value ?? "") == (taint.Value ?? ""));
    }
}
