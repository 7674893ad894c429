using k8s.Models;

namespace Kaji.Node.Pods;

/// <summary>Whether what a Pod shows its containers of itself (downward API volumes) has changed.</summary>
internal static class PodDiffers
{
    public static bool InFields(V1Pod before, V1Pod after) =>
        (after.Spec.Volumes ?? []).Any(v => v.DownwardAPI is not null || v.Projected?.Sources?.Any(s => s.DownwardAPI is not null) == true)
        && (!Same(before.Metadata.Labels, after.Metadata.Labels) || !Same(before.Metadata.Annotations, after.Metadata.Annotations));

    private static bool Same(IDictionary<string, string>? a, IDictionary<string, string>? b) =>
        (a?.Count ?? 0) == (b?.Count ?? 0) && (a ?? new Dictionary<string, string>(StringComparer.Ordinal)).All(p => b!.TryGetValue(p.Key, out var value) && value == p.Value);
}
