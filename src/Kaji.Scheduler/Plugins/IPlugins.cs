using Kaji.Client;
using k8s.Models;
using Kaji.Scheduler.Cache;

namespace Kaji.Scheduler.Plugins;

/// <summary>Says whether a Pod can run on a node.</summary>
public interface IFilterPlugin
{
    /// <summary>Null when it can; else the reasons, as Kubernetes words them.</summary>
    IReadOnlyList<string>? Filter(V1Pod pod, PodRequest request, NodeSnapshot node, IReadOnlyCollection<NodeSnapshot> all);
}

/// <summary>Says how well a node suits a Pod.</summary>
public interface IScorePlugin
{
    /// <summary>0 to 100.</summary>
    long Score(V1Pod pod, PodRequest request, NodeSnapshot node);
}

/// <summary>The plug-ins in the order they are asked. Adding one is a line here.</summary>
public static class PluginTable
{
    public static IReadOnlyList<IFilterPlugin> Filters { get; } =
        [new NodeUnschedulable(), new NodeName(), new TaintToleration(), new NodeAffinity(), new NodePorts(), new NodeResourcesFit(), new PodTopologySpread(), new InterPodAffinity()];

    public static IReadOnlyList<(IScorePlugin Plugin, long Weight)> Scores { get; } = [(new LeastAllocated(), 1), (new BalancedAllocation(), 1), (new TaintToleration(), 3), (new NodeAffinity(), 2)];
}
