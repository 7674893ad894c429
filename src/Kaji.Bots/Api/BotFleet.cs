using System.Text.Json.Nodes;
using k8s;
using k8s.Models;

namespace Kaji.Bots.Api;

/// <summary>Many bots from one text: a list or a matrix, with overrides and exclusions.</summary>
public sealed record BotFleet : IKubernetesObject<V1ObjectMeta>
{
    public string ApiVersion { get; set; } = BotNames.Group + "/" + BotNames.Version;

    public string Kind { get; set; } = "BotFleet";

    public V1ObjectMeta Metadata { get; set; } = new();

    public FleetSpec Spec { get; set; } = new();

    public FleetStatus? Status { get; set; }
}

public sealed record FleetSpec
{
    /// <summary>Name of each bot, with <c>$(axis)</c> for values; letters are made small.</summary>
    public string? Name { get; init; }

    public IList<FleetAxis>? Matrix { get; init; }

    public IList<FleetBot>? Bots { get; init; }

    /// <summary>Combinations that are left out: all named values match.</summary>
    public IList<IDictionary<string, string>>? Exclude { get; init; }

    public IList<FleetOverride>? Overrides { get; init; }

    public FleetRollout? Rollout { get; init; }

    /// <summary>A BotSpec; strings may hold <c>$(axis)</c>.</summary>
    public JsonObject? Template { get; init; }
}

public sealed record FleetAxis
{
    public string Name { get; init; } = "";

    public IList<string> Values { get; init; } = [];
}

/// <summary>One bot of a list.</summary>
public sealed record FleetBot
{
    public string? Name { get; init; }

    public IDictionary<string, string>? Values { get; init; }

    /// <summary>Merged over the template (RFC 7386).</summary>
    public JsonObject? Spec { get; init; }
}

public sealed record FleetOverride
{
    public IDictionary<string, string>? Match { get; init; }

    /// <summary>Name of the one bot that it is for, instead of <see cref="Match"/>.</summary>
    public string? Bot { get; init; }

    public JsonObject? Spec { get; init; }
}

/// <summary>How a change of the template reaches the bots.</summary>
public sealed record FleetRollout
{
    /// <summary>Bots that get it first; the others follow when these have got through their revert window.</summary>
    public int? Canary { get; init; }

    /// <summary>Bots at once after that; 0 for all.</summary>
    public int? Step { get; init; }

    public int? PauseSeconds { get; init; }

    public bool? Paused { get; init; }

    /// <summary>Whether a bot that reverted takes the others, which had the change already, back as well.</summary>
    public bool? AutoRevert { get; init; }
}

public sealed record FleetStatus
{
    public int? Bots { get; init; }

    public int? Active { get; init; }

    public int? Updated { get; init; }

    public string? Phase { get; init; }

    public string? Message { get; init; }

    /// <summary>Hash of the template that a bot took back: it is not rolled out further.</summary>
    public string? FailedTemplate { get; init; }

    /// <summary>When bots last were given <see cref="StepTemplate"/>.</summary>
    public DateTime? StepSince { get; init; }

    /// <summary>Hash of the template that is being rolled out.</summary>
    public string? StepTemplate { get; init; }

    public long? ObservedGeneration { get; init; }

    public IList<V1Condition>? Conditions { get; init; }
}
