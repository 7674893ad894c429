using k8s.Models;
using Kaji.Controllers.Pods;

namespace Kaji.Controllers.NodeLifecycle;

/// <summary>What a node's silence and its conditions lead to: conditions that become Unknown, and taints. Pure.</summary>
/// <param name="Conditions">The node's conditions as they should be; null when they are.</param>
/// <param name="Taints">The node's taints as they should be; null when they are.</param>
/// <param name="CheckAfter">When to look again if nothing is heard; null when there is nothing to wait for.</param>
internal sealed record NodeHealthPlan(IReadOnlyList<V1NodeCondition>? Conditions, IReadOnlyList<V1Taint>? Taints, TimeSpan? CheckAfter)
{
    public const string NotReady = "node.kubernetes.io/not-ready";
    public const string Unreachable = "node.kubernetes.io/unreachable";
    private const string Unschedulable = "node.kubernetes.io/unschedulable";
    private const string NoSchedule = "NoSchedule";
    private const string NoExecute = "NoExecute";
    private static readonly string[] Reported = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

    /// <summary>Condition and status that give a taint (https://kubernetes.io/docs/reference/labels-annotations-taints/).</summary>
    private static readonly (string Type, string Status, string Taint)[] ByCondition =
    [
        ("Ready", "False", NotReady), ("Ready", "Unknown", Unreachable), ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure"), ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
        ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"), ("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"),
    ];

    /// <param name="silence">Since when nothing was heard of the node.</param>
    /// <param name="evict">Whether Pods may be driven off; not when no node at all is ready: then it is the network or the control plane that fails, and there is nowhere to go.</param>
    public static NodeHealthPlan Of(V1Node node, TimeSpan silence, bool evict, NodeLifecycleOptions options, DateTimeOffset now)
    {
        var present = node.Status?.Conditions?.ToArray() ?? [];
        var ready = present.FirstOrDefault(c => c.Type == "Ready");
        var grace = ready is null ? options.StartupGracePeriod : options.MonitorGracePeriod;
        var lost = silence >= grace;
        var conditions = lost ? Lost(present, now) : present;
        var taints = TaintsOf(node, conditions, evict, now);
        return new NodeHealthPlan(
            conditions.Select(c => (c.Type, c.Status)).SequenceEqual(present.Select(c => (c.Type, c.Status))) ? null : conditions,
            taints.Select(Key).ToHashSet().SetEquals((node.Spec?.Taints ?? []).Select(Key)) ? null : taints,
            lost ? null : grace - silence);
    }

    private static V1NodeCondition[] Lost(V1NodeCondition[] present, DateTimeOffset now) =>
    [
        .. present.Where(c => !Reported.Contains(c.Type, StringComparer.Ordinal)),
        .. Reported.Select(type => present.FirstOrDefault(c => c.Type == type) switch
        {
            { Status: "Unknown" } already => already,
            { } old => new V1NodeCondition
            {
                Type = type, Status = "Unknown", Reason = "NodeStatusUnknown", Message = "Kubelet stopped posting node status.", LastHeartbeatTime = old.LastHeartbeatTime, LastTransitionTime = now.ToApiTime(),
            },
            null => new V1NodeCondition { Type = type, Status = "Unknown", Reason = "NodeStatusNeverUpdated", Message = "Kubelet never posted node status.", LastTransitionTime = now.ToApiTime() },
        }),
    ];

    private static List<V1Taint> TaintsOf(V1Node node, IReadOnlyList<V1NodeCondition> conditions, bool evict, DateTimeOffset now)
    {
        var old = node.Spec?.Taints ?? [];
        var wanted = old.Where(t => !IsOurs(t)).ToList();
        void Add(string key, string effect) => wanted.Add(old.FirstOrDefault(t => t.Key == key && t.Effect == effect)
            ?? new V1Taint { Key = key, Effect = effect, TimeAdded = effect == NoExecute ? now.ToApiTime() : null });

        foreach (var (type, status, taint) in ByCondition)
        {
            if (conditions.Any(c => c.Type == type && c.Status == status))
            {
                Add(taint, NoSchedule);
                if (evict && type == "Ready")
                {
                    Add(taint, NoExecute);
                }
            }
        }

        if (node.Spec?.Unschedulable == true)
        {
            Add(Unschedulable, NoSchedule);
        }

        return wanted;
    }

    private static bool IsOurs(V1Taint taint) => taint.Effect switch
    {
        NoSchedule => taint.Key == Unschedulable || ByCondition.Any(c => c.Taint == taint.Key),
        NoExecute => taint.Key is NotReady or Unreachable,
        _ => false,
    };

    private static (string, string?, string) Key(V1Taint taint) => (taint.Key, taint.Value ?? "", taint.Effect);
}
