using System.Text.Json;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Fence;

namespace Kaji.Bots.Warden;

/// <summary>
/// What a bot's warden has to know, written by the operator into an annotation of the Pod when it makes it: the warden then needs nothing but this Pod and its Lease.
/// </summary>
public sealed record WardenPlan
{
    public string Bot { get; init; } = "";

    public string Lease { get; init; } = "";

    public long Epoch { get; init; }

    public int LeaseSeconds { get; init; } = 5;

    /// <summary>Runs before its epoch is granted, without acting: the next version of a Warm handover.</summary>
    public bool Standby { get; init; }

    /// <summary>A sidecar in the Pod is the warden, not the node agent.</summary>
    public bool Sidecar { get; init; }

    /// <summary>Of a sidecar: what the bot's preStop has to say, so that nobody else in the cluster can bring it to rest.</summary>
    public string? StopKey { get; init; }

    /// <summary>Name of the container that is the bot.</summary>
    public string Container { get; init; } = "";

    public BotStart? Start { get; init; }

    public BotStop? Stop { get; init; }

    /// <summary>Seconds that the program has after SIGTERM.</summary>
    public int GraceSeconds { get; init; } = 10;

    public BotFreshness? Freshness { get; init; }

    public BotMetrics? Metrics { get; init; }

    /// <summary>Names on the metrics page whose values are reported.</summary>
    public IList<string>? Report { get; init; }

    /// <summary>NAMESPACE/NAME, for halts.</summary>
    public string? Account { get; init; }

    public IDictionary<string, string>? Labels { get; init; }

    /// <summary>Epoch before this one, and how it ended: None, Clean or Unclean.</summary>
    public long PreviousEpoch { get; init; }

    public string PreviousStop { get; init; } = "None";

    /// <summary>The times of the fence for this bot.</summary>
    public FenceTiming Timing => TimingOf(LeaseSeconds);

    /// <summary>A longer lease renews at the same rate and leaves a drift of a tenth.</summary>
    public static FenceTiming TimingOf(int leaseSeconds) => new FenceTiming
    {
        Lease = TimeSpan.FromSeconds(leaseSeconds),
        TakeoverMargin = TimeSpan.FromSeconds(leaseSeconds / 10.0),
    }.Validated();

    /// <summary>The plan of a Pod; null when it is no bot's, or somebody has damaged it.</summary>
    public static WardenPlan? TryOf(V1Pod pod)
    {
        try
        {
            return Of(pod);
        }
        catch (JsonException)
        {
            // Its warden bars the Pod, and says so.
            return null;
        }
    }

    /// <summary>The plan of a Pod; null when it is no bot's.</summary>
    /// <exception cref="JsonException">The annotation was damaged.</exception>
    public static WardenPlan? Of(V1Pod pod) =>
        pod.Metadata.Annotations?.TryGetValue(BotNames.PlanAnnotation, out var text) == true ? JsonSerializer.Deserialize(text, BotJson.Default.WardenPlan) : null;
}
