using Kaji.Client;
using k8s.Models;
using Kaji.Scheduler.Cache;
using Kaji.Scheduler.Plugins;

namespace Kaji.Scheduler;

/// <summary>Where a Pod goes: a node's name, or why nowhere. Pure.</summary>
internal readonly record struct SchedulingPlan(string? Node, string Message)
{
    public static SchedulingPlan Of(V1Pod pod, PodRequest request, IReadOnlyCollection<NodeSnapshot> nodes)
    {
        if (nodes.Count == 0)
        {
            return new SchedulingPlan(null, "no nodes available to schedule pods");
        }

        var refusals = new SortedDictionary<string, int>(StringComparer.Ordinal);
        (long Score, string Node)? best = null;
        foreach (var node in nodes)
        {
            IReadOnlyList<string>? reasons = null;
            foreach (var filter in PluginTable.Filters)
            {
                if ((reasons = filter.Filter(pod, request, node, nodes)) is not null)
                {
                    break;
                }
            }

            if (reasons is not null)
            {
                foreach (var reason in reasons)
                {
                    refusals[reason] = refusals.GetValueOrDefault(reason) + 1;
                }

                continue;
            }

            var score = PluginTable.Scores.Sum(s => s.Weight * s.Plugin.Score(pod, request, node));
            if (best is null || score > best.Value.Score)
            {
                best = (score, node.Node.Metadata.Name);
            }
        }

        if (best is { } found)
        {
            return new SchedulingPlan(found.Node, "");
        }

        var why = string.Join(", ", refusals.Select(r => $"{r.Value} {r.Key}"));
        var hopeless = refusals.Keys.All(r => r.StartsWith("node(s) didn't match", StringComparison.Ordinal) || r.StartsWith("node(s) had untolerated", StringComparison.Ordinal) || r.StartsWith("node(s) were unschedulable", StringComparison.Ordinal));
        var preemption = hopeless ? $"{nodes.Count} Preemption is not helpful for scheduling" : $"{nodes.Count} No preemption victims found for incoming pod";
        return new SchedulingPlan(null, $"0/{nodes.Count} nodes are available: {why}. preemption: 0/{nodes.Count} nodes are available: {preemption}.");
    }
}
