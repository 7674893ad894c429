using k8s;
using k8s.Models;

namespace Kaji.Bots.Api;

/// <summary>An exchange account or sub-account: credentials, limits, and who may act on it.</summary>
public sealed record Account : IKubernetesObject<V1ObjectMeta>
{
    public string ApiVersion { get; set; } = BotNames.Group + "/" + BotNames.Version;

    public string Kind { get; set; } = "Account";

    public V1ObjectMeta Metadata { get; set; } = new();

    public AccountSpec Spec { get; set; } = new();

    public AccountStatus? Status { get; set; }
}

public sealed record AccountSpec
{
    public string? Exchange { get; init; }

    public AccountCredentials? Credentials { get; init; }

    /// <summary>Live or Paper.</summary>
    public string? Mode { get; init; }

    public AccountLimits? Limits { get; init; }

    public AccountClaimants? Claimants { get; init; }
}

/// <summary>A Secret in the namespace of the bot that claims, and the variables that its keys become.</summary>
public sealed record AccountCredentials
{
    public string SecretName { get; init; } = "";

    /// <summary>Variable → key of the Secret; without it every key becomes a variable of its own name.</summary>
    public IDictionary<string, string>? Env { get; init; }
}

/// <summary>Bounds that bots are told (KAJI_LIMIT_*), and that halt the account where its bots report the figures.</summary>
public sealed record AccountLimits
{
    public string? OrderSize { get; init; }

    public int? OpenOrders { get; init; }

    public string? DailyLoss { get; init; }

    public int? RequestWeight { get; init; }
}

/// <summary>Who may claim; nothing said means every bot of the account's namespace.</summary>
public sealed record AccountClaimants
{
    public IList<string>? Namespaces { get; init; }

    public IList<string>? Bots { get; init; }
}

public sealed record AccountStatus
{
    public IList<AccountClaim>? Claims { get; init; }

    public bool? Halted { get; init; }

    public string? HaltedWhy { get; init; }

    /// <summary>Kept where a daily loss is limited.</summary>
    public AccountDay? Today { get; init; }

    public IList<V1Condition>? Conditions { get; init; }
}

/// <summary>What the account's bots have won or lost on a day; written a few times a minute.</summary>
public sealed record AccountDay
{
    /// <summary>Of UTC: 2026-01-31.</summary>
    public string Date { get; init; } = "";

    /// <summary>Negative for a loss.</summary>
    public string Result { get; init; } = "0";

    /// <summary>By NAMESPACE/NAME of a bot: the last figure that was taken in, <c>@</c> and its epoch.</summary>
    public IDictionary<string, string>? Figures { get; init; }
}

/// <summary>A bot's exclusive right to a market of the account; <c>*</c> is all of them.</summary>
public sealed record AccountClaim
{
    public const string All = "*";

    public string Market { get; init; } = All;

    /// <summary>NAMESPACE/NAME.</summary>
    public string Bot { get; init; } = "";

    public long? Epoch { get; init; }
}
