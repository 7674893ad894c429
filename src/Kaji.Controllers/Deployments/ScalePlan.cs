using k8s.Models;

namespace Kaji.Controllers.Deployments;

/// <summary>How large each ReplicaSet of a Deployment shall be now. Pure: rolling updates, Recreate, and changes of size in between.</summary>
internal static class ScalePlan
{
    /// <summary>
    /// Whether the Deployment has been resized since its sets were last told: then the sets it has are resized first, in proportion, and the rollout goes on afterwards.
    /// </summary>
    public static bool IsResized(V1Deployment deployment, IEnumerable<V1ReplicaSet> sets) => deployment.Spec.Strategy?.Type != "Recreate"
        && sets.Any(s => s.Spec.Replicas > 0 && Annotations.Number(s.Metadata, Annotations.Desired) is { } told && told != (deployment.Spec.Replicas ?? 1));

    /// <summary>The sizes of a rollout's next step, the new set first.</summary>
    /// <param name="newest">The set of the present template.</param>
    /// <param name="old">The others, oldest first.</param>
    /// <param name="oldPodsLeft">Whether Pods of the others still run.</param>
    public static IReadOnlyList<(V1ReplicaSet Set, int Size)> Rollout(V1Deployment deployment, V1ReplicaSet newest, IReadOnlyList<V1ReplicaSet> old, bool oldPodsLeft)
    {
        var wanted = deployment.Spec.Replicas ?? 1;
        if (deployment.Spec.Strategy?.Type == "Recreate")
        {
            var waits = oldPodsLeft || old.Any(s => s.Spec.Replicas > 0);
            return [(newest, waits ? Math.Min(Size(newest), wanted) : wanted), .. old.Select(s => (s, 0))];
        }

        var (surge, unavailable) = RollingMath.Limits(deployment);
        var size = RollingMath.NewSize(wanted, surge, Size(newest), Size(newest) + old.Sum(Size));
        var sizes = RollingMath.OldSizes(wanted, unavailable, size, Math.Min(size, Sure(newest)), [.. old.Select(s => (Size(s), Available(s), Sure(s)))]);
        return [(newest, size), .. old.Zip(sizes)];
    }

    /// <summary>The sizes after the Deployment was resized, or while it is paused: each set keeps its share.</summary>
    /// <param name="newest">The set of the present template, if there is one.</param>
    public static IReadOnlyList<(V1ReplicaSet Set, int Size)> Resize(V1Deployment deployment, V1ReplicaSet? newest, IReadOnlyCollection<V1ReplicaSet> sets)
    {
        var wanted = deployment.Spec.Replicas ?? 1;
        var active = sets.Where(s => s.Spec.Replicas > 0).ToArray();
        if (active.Length <= 1)
        {
            var only = active.FirstOrDefault() ?? newest ?? sets.OrderByDescending(s => s.Metadata.CreationTimestamp).FirstOrDefault();
            return only is null ? [] : [(only, wanted)];
        }

        if (newest is not null && Size(newest) == wanted && Annotations.Number(newest.Metadata, Annotations.Desired) == wanted && newest.Status?.AvailableReplicas == wanted)
        {
            return [.. active.Select(s => (s, s.Metadata.Uid == newest.Metadata.Uid ? wanted : 0))];
        }

        return deployment.Spec.Strategy?.Type == "Recreate" ? [] : Proportionally(deployment, wanted, active);
    }

    private static (V1ReplicaSet Set, int Size)[] Proportionally(V1Deployment deployment, int wanted, V1ReplicaSet[] active)
    {
        var (surge, _) = RollingMath.Limits(deployment);
        var allowed = wanted > 0 ? wanted + surge : 0;
        var change = allowed - active.Sum(Size);
        V1ReplicaSet[] ordered = change > 0
            ? [.. active.OrderByDescending(Size).ThenByDescending(s => s.Metadata.CreationTimestamp)]
            : [.. active.OrderByDescending(Size).ThenBy(s => s.Metadata.CreationTimestamp)];
        var sizes = ordered.Select(Size).ToArray();
        var left = change;
        for (var i = 0; i < sizes.Length && left != 0; i++)
        {
            var share = wanted == 0 ? -sizes[i] : Share(deployment, ordered[i], wanted + surge);
            share = change > 0 ? Math.Clamp(share, 0, left) : Math.Clamp(share, left, 0);
            sizes[i] += share;
            left -= share;
        }

        // What rounding left over goes to (or comes from) the largest.
        for (var i = 0; i < sizes.Length && left != 0; i++)
        {
            var take = Math.Max(left, -sizes[i]);
            sizes[i] += take;
            left -= take;
        }

        return [.. ordered.Zip(sizes)];
    }

    private static int Share(V1Deployment deployment, V1ReplicaSet set, int max)
    {
        var before = Annotations.Number(set.Metadata, Annotations.Max) is > 0 and { } told ? told : deployment.Status?.Replicas ?? 0;
        return before == 0 ? 0 : (int)Math.Round((double)Size(set) * max / before, MidpointRounding.AwayFromZero) - Size(set);
    }

    private static int Size(V1ReplicaSet set) => set.Spec.Replicas ?? 0;

    private static int Available(V1ReplicaSet set) => Math.Min(Size(set), set.Status?.AvailableReplicas ?? 0);

    /// <summary>
    /// Available for sure. A status of an earlier generation says nothing: the set may have deleted Pods for a size that has been taken back since.
    /// </summary>
    private static int Sure(V1ReplicaSet set) => (set.Status?.ObservedGeneration ?? 0) >= (set.Metadata.Generation ?? 0) ? Available(set) : 0;
}
