using k8s.Models;

namespace Kaji.Bots.Operator;

/// <summary>Conditions of a status, as Kubernetes keeps them: the time of transition moves only when the status does.</summary>
public static class Conditions
{
    public static IList<V1Condition> With(IList<V1Condition>? before, string type, string status, string reason, string message, DateTimeOffset now)
    {
        var old = before?.FirstOrDefault(c => c.Type == type);
        var condition = new V1Condition
        {
            Type = type, Status = status, Reason = reason, Message = message, LastTransitionTime = old?.Status == status ? old.LastTransitionTime : new DateTime(now.UtcDateTime.Ticks / TimeSpan.TicksPerSecond * TimeSpan.TicksPerSecond, DateTimeKind.Utc),
        };
        return [.. (before ?? []).Where(c => c.Type != type).Append(condition).OrderBy(c => c.Type, StringComparer.Ordinal)];
    }
}
