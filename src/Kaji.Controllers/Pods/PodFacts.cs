using k8s.Models;

namespace Kaji.Controllers.Pods;

/// <summary>What controllers ask of a Pod.</summary>
internal static class PodFacts
{
    public static bool IsReady(this V1Pod pod) => pod.Condition("Ready")?.Status == "True";

    public static V1PodCondition? Condition(this V1Pod pod, string type) => pod.Status?.Conditions?.FirstOrDefault(c => c.Type == type);

    /// <summary>Ready for at least so many seconds.</summary>
    public static bool IsAvailable(this V1Pod pod, int minReadySeconds, DateTimeOffset now) =>
        pod.Condition("Ready") is { Status: "True" } ready && (minReadySeconds == 0 || (ready.LastTransitionTime is { } since && Utc(since).AddSeconds(minReadySeconds) <= now));

    public static bool HasEnded(this V1Pod pod) => pod.Status?.Phase is "Succeeded" or "Failed";

    /// <summary>Neither ended nor being deleted.</summary>
    public static bool IsActive(this V1Pod pod) => !pod.HasEnded() && pod.Metadata.DeletionTimestamp is null;

    public static V1OwnerReference? Controller(this V1ObjectMeta metadata) => metadata.OwnerReferences?.FirstOrDefault(o => o.Controller == true);

    public static bool Matches(this V1LabelSelector selector, IDictionary<string, string>? labels)
    {
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

    /// <summary>As the API writes times of conditions and taints: whole seconds.</summary>
    public static DateTime ToApiTime(this DateTimeOffset time) => new(time.UtcTicks - (time.UtcTicks % TimeSpan.TicksPerSecond), DateTimeKind.Utc);

    public static DateTimeOffset Utc(DateTime time) => new(DateTime.SpecifyKind(time, DateTimeKind.Utc));
}
