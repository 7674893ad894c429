using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Warden;

namespace Kaji.Bots.Fence;

/// <summary>The fence's record as a coordination.k8s.io Lease.</summary>
public static class LeaseRecord
{
    /// <summary>Reads a version of a Lease.</summary>
    public static FenceRecord Of(V1Lease lease) => new(
        lease.Metadata.ResourceVersion, lease.Spec?.LeaseTransitions ?? 0, lease.Spec?.HolderIdentity ?? "", lease.Metadata.Labels?.ContainsKey(BotNames.ReleasedLabel) == true);

    /// <summary>What the holder's warden last said; null when it has not, or somebody has damaged it.</summary>
    public static BotReport? ReportOf(V1Lease? lease) => Read(lease, BotNames.ReportAnnotation, BotJson.Default.BotReport);

    /// <summary>How the last activation ended; null when none has, or somebody has damaged it.</summary>
    public static StopResult? StopOf(V1Lease? lease) => Read(lease, BotNames.StopAnnotation, BotJson.Default.StopResult);

    /// <summary>A bot's Lease as it begins.</summary>
    /// <param name="epoch">The newest that is known to have been granted: 0, or that of a Lease that is gone. Whoever has it may still act, so it counts as held.</param>
    public static V1Lease New(string ns, string bot, int seconds, long epoch)
    {
        var labels = new Dictionary<string, string>(StringComparer.Ordinal) { [BotNames.BotLabel] = bot };
        if (epoch == 0)
        {
            labels[BotNames.ReleasedLabel] = "true";
        }

        return new V1Lease
        {
            ApiVersion = "coordination.k8s.io/v1", Kind = "Lease", Metadata = new V1ObjectMeta { Name = BotNames.LeaseOf(bot), NamespaceProperty = ns, Labels = labels },
            Spec = new V1LeaseSpec { LeaseTransitions = (int)epoch, LeaseDurationSeconds = seconds },
        };
    }

    /// <summary>A grant over a version that was seen.</summary>
    /// <param name="stop">How the holder before it ended, where no warden has said; null when one has.</param>
    public static V1Lease Granted(V1Lease seen, string holder, long epoch, int seconds, DateTime now, string? stop)
    {
        var labels = new Dictionary<string, string>(seen.Metadata.Labels ?? new Dictionary<string, string>(), StringComparer.Ordinal);
        labels.Remove(BotNames.ReleasedLabel);
        var annotations = new Dictionary<string, string>(seen.Metadata.Annotations ?? new Dictionary<string, string>(), StringComparer.Ordinal);
        annotations.Remove(BotNames.ReportAnnotation);
        if (stop is not null)
        {
            annotations[BotNames.StopAnnotation] = stop;
        }

        return Copy(seen, labels, annotations, new V1LeaseSpec { HolderIdentity = holder, LeaseTransitions = (int)epoch, LeaseDurationSeconds = seconds, AcquireTime = now, RenewTime = now });
    }

    /// <summary>The same holder, seen alive at a time, with what it reports.</summary>
    public static V1Lease Renewed(V1Lease held, string report, DateTime now)
    {
        var annotations = new Dictionary<string, string>(held.Metadata.Annotations ?? new Dictionary<string, string>(), StringComparer.Ordinal) { [BotNames.ReportAnnotation] = report };
        return Copy(held, held.Metadata.Labels, annotations, held.Spec with { RenewTime = now });
    }

    /// <summary>The holder is dead.</summary>
    public static V1Lease Released(V1Lease held, string stop)
    {
        var labels = new Dictionary<string, string>(held.Metadata.Labels ?? new Dictionary<string, string>(), StringComparer.Ordinal) { [BotNames.ReleasedLabel] = "true" };
        var annotations = new Dictionary<string, string>(held.Metadata.Annotations ?? new Dictionary<string, string>(), StringComparer.Ordinal) { [BotNames.StopAnnotation] = stop };
        annotations.Remove(BotNames.ReportAnnotation);
        return Copy(held, labels, annotations, held.Spec);
    }

    private static T? Read<T>(V1Lease? lease, string annotation, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return lease?.Metadata.Annotations?.TryGetValue(annotation, out var text) == true ? JsonSerializer.Deserialize(text, type) : null;
        }
        catch (JsonException)
        {
            // The next renewal writes it anew.
            return null;
        }
    }

    private static V1Lease Copy(V1Lease from, IDictionary<string, string>? labels, IDictionary<string, string> annotations, V1LeaseSpec spec) => new()
    {
        ApiVersion = "coordination.k8s.io/v1", Kind = "Lease", Spec = spec,
        Metadata = new V1ObjectMeta
        {
            Name = from.Metadata.Name, NamespaceProperty = from.Metadata.NamespaceProperty, ResourceVersion = from.Metadata.ResourceVersion, Uid = from.Metadata.Uid, Labels = labels, Annotations = annotations,
        },
    };
}
