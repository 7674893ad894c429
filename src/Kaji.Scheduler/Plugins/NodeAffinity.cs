using Kaji.Client;
using k8s.Models;
using Kaji.Scheduler.Cache;

namespace Kaji.Scheduler.Plugins;

/// <summary>nodeSelector and node affinity.</summary>
public sealed class NodeAffinity : IFilterPlugin, IScorePlugin
{
    public IReadOnlyList<string>? Filter(V1Pod pod, PodRequest request, NodeSnapshot node, IReadOnlyCollection<NodeSnapshot> all) =>
        Matches(pod, node.Node) ? null : ["node(s) didn't match Pod's node affinity/selector"];

    public static bool Matches(V1Pod pod, V1Node node)
    {
        var labels = node.Metadata.Labels ?? new Dictionary<string, string>(StringComparer.Ordinal);
        if (pod.Spec.NodeSelector is { } selector && !selector.All(s => labels.TryGetValue(s.Key, out var value) && value == s.Value))
        {
            return false;
        }

        var required = pod.Spec.Affinity?.NodeAffinity?.RequiredDuringSchedulingIgnoredDuringExecution;
        return required is null || required.NodeSelectorTerms.Any(t => Matches(t, node, labels));
    }

    public long Score(V1Pod pod, PodRequest request, NodeSnapshot node)
    {
        var preferred = pod.Spec.Affinity?.NodeAffinity?.PreferredDuringSchedulingIgnoredDuringExecution ?? [];
        var labels = node.Node.Metadata.Labels ?? new Dictionary<string, string>(StringComparer.Ordinal);
        return Math.Min(100, preferred.Where(p => Matches(p.Preference, node.Node, labels)).Sum(p => (long)p.Weight));
    }

    private static bool Matches(V1NodeSelectorTerm term, V1Node node, IDictionary<string, string> labels)
    {
        var (expressions, fields) = (term.MatchExpressions ?? [], term.MatchFields ?? []);
        return expressions.Count + fields.Count > 0
            && expressions.All(e => Matches(e, labels.TryGetValue(e.Key, out var value) ? value : null))
            && fields.All(e => e.Key == "metadata.name" && Matches(e, node.Metadata.Name));
    }

    private static bool Matches(V1NodeSelectorRequirement requirement, string? value) => requirement.OperatorProperty switch
    {
        "In" => value is not null && requirement.Values.Contains(value),
        "NotIn" => value is null || !requirement.Values.Contains(value),
        "Exists" => value is not null,
        "DoesNotExist" => value is null,
        "Gt" => long.TryParse(value, out var a) && long.TryParse(requirement.Values[0], out var b) && a > b,
        "Lt" => long.TryParse(value, out var a) && long.TryParse(requirement.Values[0], out var b) && a < b,
        _ => false,
    };
}
