using System.Text.Json.Nodes;

namespace Kaji.Bots.Api;

/// <summary>What a bot is to be; the fields are described in Definitions/bots.yaml, which <c>kubectl explain bots</c> shows.</summary>
public sealed record BotSpec
{
    public const string Singleton = "Singleton";
    public const string Shared = "Shared";

    /// <summary>Account that it acts on: NAME, or NAMESPACE/NAME; null for a bot that holds no keys.</summary>
    public string? Account { get; init; }

    /// <summary>Markets that it claims on the account; none means all.</summary>
    public IList<string>? Markets { get; init; }

    public BotParameters? Parameters { get; init; }

    public BotActivation? Activation { get; init; }

    public BotStart? Start { get; init; }

    public BotStop? Stop { get; init; }

    public BotHandover? Handover { get; init; }

    public BotFreshness? Freshness { get; init; }

    public IList<BotGuard>? Guards { get; init; }

    public BotSchedule? Schedule { get; init; }

    /// <summary>Figures of the bot that <c>kaji bots</c> shows.</summary>
    public BotMetrics? Metrics { get; init; }

    /// <summary>Stopped by a person until started again.</summary>
    public bool? Stopped { get; init; }

    /// <summary>A PodTemplateSpec.</summary>
    public JsonObject? Template { get; init; }
}

/// <summary>Settings of the strategy.</summary>
public sealed record BotParameters
{
    public IDictionary<string, string>? Values { get; init; }

    /// <summary>Env (names in upper case), Args (<c>--name=value</c>) or File (a JSON object).</summary>
    public string? As { get; init; }

    /// <summary>Where the file is, for File.</summary>
    public string? Path { get; init; }
}

/// <summary>How many may act, and how long an epoch's Lease holds.</summary>
public sealed record BotActivation
{
    public string? Mode { get; init; }

    /// <summary>For Shared.</summary>
    public int? Replicas { get; init; }

    /// <summary>For Shared.</summary>
    public BotAutoscaling? Autoscaling { get; init; }

    public int? LeaseSeconds { get; init; }
}

/// <summary>Replicas of a Shared bot after a figure that its Pods report.</summary>
public sealed record BotAutoscaling
{
    public int? MinReplicas { get; init; }

    public int MaxReplicas { get; init; }

    public string Metric { get; init; } = "";

    /// <summary>What one Pod should have of it on average.</summary>
    public string Target { get; init; } = "";

    public int? Port { get; init; }

    public string? Path { get; init; }
}

/// <summary>What must have happened before the bot may act.</summary>
public sealed record BotStart
{
    public Hook? Reconcile { get; init; }

    public Hook? Activate { get; init; }

    public int? DeadlineSeconds { get; init; }
}

/// <summary>How it is stopped.</summary>
public sealed record BotStop
{
    public const string Cancel = "Cancel";
    public const string Keep = "Keep";
    public const string Flatten = "Flatten";

    public Hook? Tell { get; init; }

    /// <summary>Cancel, Keep or Flatten.</summary>
    public string? Orders { get; init; }

    public Hook? Verify { get; init; }

    public int? DeadlineSeconds { get; init; }
}

/// <summary>How the next version takes over.</summary>
public sealed record BotHandover
{
    public const string Recreate = "Recreate";
    public const string Warm = "Warm";

    public string? Strategy { get; init; }

    public int? WarmUpSeconds { get; init; }

    public int? RevertWindowSeconds { get; init; }
}

/// <summary>How old the newest market data may be that the bot has acted on, and against what that is judged.</summary>
public sealed record BotFreshness
{
    /// <summary>Name of a Prometheus metric: age in seconds.</summary>
    public string? Metric { get; init; }

    /// <summary>Field of a JSON page, dots between levels: age in seconds.</summary>
    public string? JsonField { get; init; }

    /// <summary>Word NAME=SECONDS of the STATUS that the bot sends with sd_notify.</summary>
    public string? SdNotify { get; init; }

    /// <summary>File in the bot's container whose last change is the newest data's arrival.</summary>
    public string? File { get; init; }

    public int? Port { get; init; }

    public string? Path { get; init; }

    public string LimitSeconds { get; init; } = "10";

    public FreshnessProbe? Probe { get; init; }

    /// <summary>Restart, Handover, Halt or Alert.</summary>
    public string? Remedy { get; init; }

    public OrdersExpected? OrdersExpected { get; init; }
}

/// <summary>What the exchange itself says of its newest data; without it the bot's peers on the same market are the reference.</summary>
public sealed record FreshnessProbe
{
    /// <summary>An http(s) URL; or <c>service://NAME:PORT/PATH</c> for a Service of the bot's namespace.</summary>
    public string Url { get; init; } = "";

    /// <summary>Field of the JSON answer, dots between levels, numbers for items: Unix time (s, ms) or an RFC 3339 time of the newest data.</summary>
    public string Field { get; init; } = "";

    public int? PeriodSeconds { get; init; }
}

/// <summary>"Orders expected, none sent".</summary>
public sealed record OrdersExpected
{
    /// <summary>A counter of the bot's metrics page.</summary>
    public string Metric { get; init; } = "";

    public int WithinSeconds { get; init; }
}

/// <summary>A bound on a figure of the bot; crossing it halts.</summary>
public sealed record BotGuard
{
    public string Name { get; init; } = "";

    public string Metric { get; init; } = "";

    /// <summary>Another metric that this one is divided by (a reject rate: rejects by orders).</summary>
    public string? By { get; init; }

    /// <summary>Value, or Rate (change by second over the window).</summary>
    public string? Of { get; init; }

    public int? WindowSeconds { get; init; }

    public string? Max { get; init; }

    public string? Min { get; init; }

    /// <summary>HaltBot, HaltAccount or Alert.</summary>
    public string? Action { get; init; }
}

/// <summary>When it runs: outside all windows it is stopped in order.</summary>
public sealed record BotSchedule
{
    public string? TimeZone { get; init; }

    public IList<ScheduleWindow>? Windows { get; init; }
}

/// <summary>A time of some days; past midnight when <see cref="To"/> is before <see cref="From"/>.</summary>
public sealed record ScheduleWindow
{
    /// <summary>Mon … Sun; none means every day.</summary>
    public IList<string>? Days { get; init; }

    public string From { get; init; } = "00:00";

    public string To { get; init; } = "24:00";
}

/// <summary>Where the bot's figures are, and their names.</summary>
public sealed record BotMetrics
{
    public int? Port { get; init; }

    public string? Path { get; init; }

    public string? Pnl { get; init; }

    public string? Trades { get; init; }

    public string? OpenOrders { get; init; }
}
