using System.Globalization;
using k8s.Models;
using Kaji.Controllers.Pods;

namespace Kaji.Controllers.Namespaces;

/// <summary>The conditions by which a terminating namespace tells what stands in its way, worded as Kubernetes words them. Pure.</summary>
internal static class NamespaceConditions
{
    public static IList<V1NamespaceCondition> Of(IEnumerable<V1NamespaceCondition>? present, NamespaceOutcome outcome, DateTimeOffset now)
    {
        var left = string.Join(", ", outcome.Remaining.Select(r => $"{r.GroupResource} has {Number(r.Count)} resource instances"));
        var held = outcome.Remaining.SelectMany(r => r.Finalizers).GroupBy(f => f.Key, StringComparer.Ordinal).OrderBy(f => f.Key, StringComparer.Ordinal)
            .Select(f => $"{f.Key} in {Number(f.Sum(x => x.Value))} resource instances").ToArray();
        var failures = outcome.DeletionFailures.Count == 0 ? null : $"Failed to delete all resource types, {Number(outcome.DeletionFailures.Count)} remaining: {string.Join(", ", outcome.DeletionFailures)}";
        V1NamespaceCondition[] wanted =
        [
            One("NamespaceDeletionDiscoveryFailure", outcome.DiscoveryFailure is null ? null : $"Discovery failed for some groups, {outcome.DiscoveryFailure}", "DiscoveryFailed", "ResourcesDiscovered", "All resources successfully discovered"),
            One("NamespaceDeletionGroupVersionParsingFailure", null, "GroupVersionParsingFailed", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
            One("NamespaceDeletionContentFailure", failures, "ContentDeletionFailed", "ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
            One("NamespaceContentRemaining", left.Length == 0 ? null : $"Some resources are remaining: {left}", "SomeResourcesRemain", "ContentRemoved", "All content successfully removed"),
            One("NamespaceFinalizersRemaining", held.Length == 0 ? null : $"Some content in the namespace has finalizers remaining: {string.Join(", ", held)}", "SomeFinalizersRemain", "ContentHasNoFinalizers", "All content-preserving finalizers finished"),
        ];
        var old = (present ?? []).ToArray();
        foreach (var condition in wanted)
        {
            condition.LastTransitionTime = old.FirstOrDefault(c => c.Type == condition.Type) is { } before && before.Status == condition.Status ? before.LastTransitionTime : now.ToApiTime();
        }

        return [.. old.Where(c => wanted.All(w => w.Type != c.Type)), .. wanted];
    }

    private static V1NamespaceCondition One(string type, string? trouble, string troubleReason, string goodReason, string goodMessage) => new()
    {
        Type = type, Status = trouble is null ? "False" : "True", Reason = trouble is null ? goodReason : troubleReason, Message = trouble ?? goodMessage,
    };

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
