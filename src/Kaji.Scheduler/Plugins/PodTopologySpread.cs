using Kaji.Client;
using k8s.Models;
using Kaji.Scheduler.Cache;

namespace Kaji.Scheduler.Plugins;

/// <summary>Hard topology spread constraints: no domain gets more than maxSkew Pods above the emptiest.</summary>
public sealed class PodTopologySpread : IFilterPlugin
{
    public IReadOnlyList<string>? Filter(V1Pod pod, PodRequest request, NodeSnapshot node, IReadOnlyCollection<NodeSnapshot> all)
    {
        foreach (var constraint in (pod.Spec.TopologySpreadConstraints ?? []).Where(c => c.WhenUnsatisfiable == "DoNotSchedule"))
        {
            if (node.Node.Metadata.Labels?.TryGetValue(constraint.TopologyKey, out var domain) != true)
            {
                return ["node(s) didn't match pod topology spread constraints (missing required label)"];
            }

            var counts = new Dictionary<string, int>(StringComparer.Ordinal);
            foreach (var other in all.Where(n => NodeAffinity.Matches(pod, n.Node)))
            {
                if (other.Node.Metadata.Labels?.TryGetValue(constraint.TopologyKey, out var at) == true)
                {
                    counts[at] = counts.GetValueOrDefault(at) + other.Pods.Count(p => p.Pod.Metadata.NamespaceProperty == pod.Metadata.NamespaceProperty && LabelMatch.Of(constraint.LabelSelector, p.Pod.Metadata.Labels));
                }
            }

            var self = LabelMatch.Of(constraint.LabelSelector, pod.Metadata.Labels) ? 1 : 0;
            if (counts.GetValueOrDefault(domain!) + self - counts.Values.DefaultIfEmpty(0).Min() > constraint.MaxSkew)
            {
                return ["node(s) didn't match pod topology spread constraints"];
            }
        }

        return null;
    }
}

/// <summary>Label selectors on Pods.</summary>
internal static class LabelMatch
{
    /// <summary>Null selects nothing, an empty selector all.</summary>
    public static bool Of(V1LabelSelector? selector, IDictionary<string, string>? labels)
    {
        if (selector is null)
        {
            return false;
        }

        string? Value(string key) => labels is not null && labels.TryGetValue(key, out var value) ? value : null;
        return (selector.MatchLabels ?? new Dictionary<string, string>(StringComparer.Ordinal)).All(l => Value(l.Key) == l.Value)
            && (selector.MatchExpressions ?? []).All(e => e.OperatorProperty switch
            {
                "In" => Value(e.Key) is { } v && e.Values.Contains(v),
                "NotIn" => Value(e.Key) is not { } v || !e.Values.Contains(v),
                "Exists" => Value(e.Key) is not null,
                _ => Value(e.Key) is null,
            });
    }
}
