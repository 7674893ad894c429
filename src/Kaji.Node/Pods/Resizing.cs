using System.Globalization;
using k8s.Models;
using Kaji.Engine;

namespace Kaji.Node.Pods;

/// <summary>
/// Requests and limits that a Pod's spec has been given through <c>pods/resize</c> while its containers run with others. This node does not change them in place: it says so
/// in the condition PodResizePending, and the next start of the container has them. https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/
/// </summary>
internal static class Resizing
{
    public const string Pending = "PodResizePending";

    /// <summary>A container's requests and limits of cpu and memory as one word, to be kept beside it.</summary>
    public static string Text(V1Container container) =>
        string.Join(';', Amounts("limits", container.Resources?.Limits).Concat(Amounts("requests", container.Resources?.Requests)));

    /// <summary>Why the Pod's wish can't be followed; null when every container runs with what the spec says.</summary>
    public static string? Problem(IEnumerable<ContainerTrack> containers, Func<string, ContainerInfo?> runtime)
    {
        var late = containers.Where(c => c.Role is ContainerRole.App or ContainerRole.Sidecar && c.ContainerId is { } id
            && runtime(id) is { State: ContainerState.Running } info && info.Labels.TryGetValue(ContainerStarter.ResourcesLabel, out var made) && made != Text(c.Spec)).Select(c => c.Spec.Name).ToArray();
        return late.Length == 0 ? null
            : $"In-place resize of containers is not supported by this node: [{string.Join(' ', late)}] run with the resources they were started with and have the new ones after their next start";
    }

    private static IEnumerable<string> Amounts(string list, IDictionary<string, ResourceQuantity>? amounts) =>
        (amounts ?? new Dictionary<string, ResourceQuantity>(StringComparer.Ordinal)).Where(a => a.Key is "cpu" or "memory")
            .OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => string.Create(CultureInfo.InvariantCulture, $"{list}.{a.Key}={(decimal)a.Value:0.#########}"));
}
