using Kaji.Client;
using k8s.Models;
using Kaji.Scheduler.Cache;

namespace Kaji.Scheduler.Plugins;

/// <summary>The sum of requests stays within what the node has.</summary>
public sealed class NodeResourcesFit : IFilterPlugin
{
    public IReadOnlyList<string>? Filter(V1Pod pod, PodRequest request, NodeSnapshot node, IReadOnlyCollection<NodeSnapshot> all)
    {
        List<string>? missing = null;
        foreach (var (name, wanted) in request.Resources)
        {
            if (wanted > 0 && node.Requested.GetValueOrDefault(name) + wanted > node.Allocatable.GetValueOrDefault(name))
            {
                (missing ??= []).Add(name == "pods" ? "Too many pods" : $"Insufficient {name}");
            }
        }

        return missing;
    }
}

/// <summary>Nodes with more free are preferred.</summary>
public sealed class LeastAllocated : IScorePlugin
{
    public long Score(V1Pod pod, PodRequest request, NodeSnapshot node) => (Free("cpu", request, node) + Free("memory", request, node)) / 2;

    private static long Free(string name, PodRequest request, NodeSnapshot node)
    {
        var capacity = node.Allocatable.GetValueOrDefault(name);
        var used = node.Requested.GetValueOrDefault(name) + request.Resources.GetValueOrDefault(name);
        return capacity == 0 || used > capacity ? 0 : (capacity - used) * 100 / capacity;
    }
}

/// <summary>Nodes whose cpu and memory are used alike are preferred.</summary>
public sealed class BalancedAllocation : IScorePlugin
{
    public long Score(V1Pod pod, PodRequest request, NodeSnapshot node)
    {
        double Share(string name) => node.Allocatable.GetValueOrDefault(name) is > 0 and var capacity
            ? Math.Min(1, (double)(node.Requested.GetValueOrDefault(name) + request.Resources.GetValueOrDefault(name)) / capacity) : 1;
        return (long)(100 * (1 - (Math.Abs(Share("cpu") - Share("memory")) / 2)));
    }
}
