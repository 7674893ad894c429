using k8s;
using k8s.Models;

namespace Kaji.Bots.Api;

/// <summary>A workload with an identity that acts at most once at a time.</summary>
public sealed record Bot : IKubernetesObject<V1ObjectMeta>
{
    public string ApiVersion { get; set; } = BotNames.Group + "/" + BotNames.Version;

    public string Kind { get; set; } = "Bot";

    public V1ObjectMeta Metadata { get; set; } = new();

    public BotSpec Spec { get; set; } = new();

    public BotStatus? Status { get; set; }
}

/// <summary>What is known of a bot.</summary>
public sealed record BotStatus
{
    /// <summary>One of <see cref="BotPhase"/>.</summary>
    public string? Phase { get; init; }

    /// <summary>In a sentence: what it waits for, or what last went wrong.</summary>
    public string? Message { get; init; }

    public long? Epoch { get; init; }

    public string? ActivePod { get; init; }

    public string? StandbyPod { get; init; }

    public string? Node { get; init; }

    /// <summary>Markets that it holds on its account.</summary>
    public IList<string>? Claim { get; init; }

    /// <summary>Age of the newest data that it acted on, in seconds; written now and then (the Lease's report is newer).</summary>
    public string? Freshness { get; init; }

    /// <summary>Between the end of one epoch's acting and the begin of the next, in milliseconds.</summary>
    public long? LastGapMilliseconds { get; init; }

    public StopResult? LastStop { get; init; }

    public DateTime? ActiveSince { get; init; }

    public int? Restarts { get; init; }

    /// <summary>Crashes in a row; with it the wait before the next start grows.</summary>
    public int? Crashes { get; init; }

    public DateTime? LastEnd { get; init; }

    /// <summary>Hash of what runs.</summary>
    public string? Revision { get; init; }

    /// <summary>Hash of the last that got through its revert window.</summary>
    public string? GoodRevision { get; init; }

    /// <summary>Hash of one that failed: it is not tried again until the spec changes.</summary>
    public string? FailedRevision { get; init; }

    public int? Replicas { get; init; }

    public int? ReadyReplicas { get; init; }

    public string? Selector { get; init; }

    public long? ObservedGeneration { get; init; }

    public IList<V1Condition>? Conditions { get; init; }
}

/// <summary>Where a bot is in its life.</summary>
public static class BotPhase
{
    public const string Waiting = "Waiting";
    public const string Starting = "Starting";
    public const string Active = "Active";
    public const string HandingOver = "HandingOver";
    public const string Stopping = "Stopping";
    public const string Stopped = "Stopped";
    public const string Halted = "Halted";
    public const string CrashLoop = "CrashLoop";
}

/// <summary>How one activation ended.</summary>
public sealed record StopResult
{
    public const string Clean = "Clean";
    public const string Unclean = "Unclean";
    public const string Stop = "Stop";
    public const string Crash = "Crash";
    public const string Start = "Start";
    public const string Lost = "Lost";

    public long Epoch { get; init; }

    /// <summary>Clean: told, orders dealt with as asked, verified where there is a way; else Unclean.</summary>
    public string Outcome { get; init; } = Unclean;

    /// <summary>Why it ended: Stop (it was asked to), Crash (its process ended by itself), Start (it did not get through its start), Lost (its machine fell silent, or could not renew).</summary>
    public string? Cause { get; init; }

    public string? Why { get; init; }

    /// <summary>What went wrong, where something did.</summary>
    public string? Fault { get; init; }

    public int? OpenOrders { get; init; }

    public long? Milliseconds { get; init; }

    public DateTime? At { get; init; }

    /// <summary>When it last may have acted: told to stop and agreed, or dead. For the gap.</summary>
    public DateTime? ActedUntil { get; init; }
}

/// <summary>A version of a bot that has run: an apps/v1 ControllerRevision whose data is the spec.</summary>
public sealed record BotRevision : IKubernetesObject<V1ObjectMeta>
{
    public string ApiVersion { get; set; } = "apps/v1";

    public string Kind { get; set; } = "ControllerRevision";

    public V1ObjectMeta Metadata { get; set; } = new();

    public BotSpec? Data { get; init; }

    public long Revision { get; init; }
}
