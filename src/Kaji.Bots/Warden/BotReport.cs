namespace Kaji.Bots.Warden;

/// <summary>What a warden says of its bot with each renewal, in an annotation of the Lease.</summary>
public sealed record BotReport
{
    public const string Starting = "Starting";
    public const string Acting = "Acting";
    public const string Stopping = "Stopping";

    public long Epoch { get; init; }

    public string State { get; init; } = Starting;

    /// <summary>When it began to act.</summary>
    public DateTime? ActingSince { get; init; }

    /// <summary>Age of the newest data that it acted on, in seconds; null when it has not said.</summary>
    public double? Age { get; init; }

    /// <summary>Figures of its metrics page, by name.</summary>
    public IDictionary<string, double>? Metrics { get; init; }

    /// <summary>What keeps it from going on: a hook that fails.</summary>
    public string? Fault { get; init; }

    /// <summary>The Pod that it did not yield to, for <see cref="Fault"/>.</summary>
    public string? Refused { get; init; }
}

/// <summary>Body of a hook's POST.</summary>
public sealed record HookBody
{
    public string Bot { get; init; } = "";

    public long Epoch { get; init; }

    public long PreviousEpoch { get; init; }

    public string PreviousStop { get; init; } = "None";

    /// <summary>Cancel, Keep or Flatten.</summary>
    public string? Orders { get; init; }

    public string? Why { get; init; }

    public int? DeadlineSeconds { get; init; }
}
