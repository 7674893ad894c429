using Kaji.Client;
using k8s.Models;
using Kaji.Scheduler.Cache;

namespace Kaji.Scheduler.Plugins;

/// <summary>Required affinity and anti-affinity between Pods, in both directions for anti-affinity.</summary>
public sealed class InterPodAffinity : IFilterPlugin
{
    public IReadOnlyList<string>? Filter(V1Pod pod, PodRequest request, NodeSnapshot node, IReadOnlyCollection<NodeSnapshot> all)
    {
        foreach (var term in pod.Spec.Affinity?.PodAntiAffinity?.RequiredDuringSchedulingIgnoredDuringExecution ?? [])
        {
            if (InDomain(term, node, all).Any(other => Matches(term, pod, other)))
            {
                return ["node(s) didn't match pod anti-affinity rules"];
            }
        }

        foreach (var other in all)
        {
            foreach (var (placed, _) in other.Pods)
            {
                foreach (var term in placed.Spec.Affinity?.PodAntiAffinity?.RequiredDuringSchedulingIgnoredDuringExecution ?? [])
                {
                    if (SameDomain(term, node, other) && Matches(term, placed, pod))
                    {
                        return ["node(s) didn't satisfy existing pods anti-affinity rules"];
                    }
                }
            }
        }

        foreach (var term in pod.Spec.Affinity?.PodAffinity?.RequiredDuringSchedulingIgnoredDuringExecution ?? [])
        {
            // The first of a group that wants to be together is let in where it matches itself.
            var somewhere = all.SelectMany(n => n.Pods).Any(p => Matches(term, pod, p.Pod));
            if (!InDomain(term, node, all).Any(other => Matches(term, pod, other)) && (somewhere || !Matches(term, pod, pod)))
            {
                return ["node(s) didn't match pod affinity rules"];
            }
        }

        return null;
    }

    private static bool Matches(V1PodAffinityTerm term, V1Pod owner, V1Pod other)
    {
        var namespaces = term.Namespaces is { Count: > 0 } named ? named : term.NamespaceSelector is not null ? null : [owner.Metadata.NamespaceProperty];
        return (namespaces is null || namespaces.Contains(other.Metadata.NamespaceProperty)) && LabelMatch.Of(term.LabelSelector, other.Metadata.Labels);
    }

    private static IEnumerable<V1Pod> InDomain(V1PodAffinityTerm term, NodeSnapshot node, IReadOnlyCollection<NodeSnapshot> all) =>
        all.Where(other => SameDomain(term, node, other)).SelectMany(other => other.Pods).Select(p => p.Pod);

    private static bool SameDomain(V1PodAffinityTerm term, NodeSnapshot a, NodeSnapshot b) =>
        a.Node.Metadata.Labels?.TryGetValue(term.TopologyKey, out var x) == true && b.Node.Metadata.Labels?.TryGetValue(term.TopologyKey, out var y) == true && x == y;
}
