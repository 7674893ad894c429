using Kaji.Client;
using k8s.Models;
using Kaji.Scheduler.Cache;

namespace Kaji.Scheduler.Plugins;

/// <summary>A cordoned node takes only Pods that tolerate it.</summary>
public sealed class NodeUnschedulable : IFilterPlugin
{
    private static readonly V1Taint Taint = new() { Key = "node.kubernetes.io/unschedulable", Effect = "NoSchedule" };

    public IReadOnlyList<string>? Filter(V1Pod pod, PodRequest request, NodeSnapshot node, IReadOnlyCollection<NodeSnapshot> all) =>
        node.Node.Spec?.Unschedulable == true && !TaintToleration.Tolerates(pod, Taint) ? ["node(s) were unschedulable"] : null;
}
