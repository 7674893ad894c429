using k8s;
using k8s.Models;

namespace Kaji.Bots.Api;

/// <summary>The kill switch: what it selects stops in order and stays stopped until it is released.</summary>
public sealed record Halt : IKubernetesObject<V1ObjectMeta>
{
    public string ApiVersion { get; set; } = BotNames.Group + "/" + BotNames.Version;

    public string Kind { get; set; } = "Halt";

    public V1ObjectMeta Metadata { get; set; } = new();

    public HaltSpec Spec { get; set; } = new();

    public HaltStatus? Status { get; set; }
}

public sealed record HaltSpec
{
    public bool? All { get; init; }

    public string? Namespace { get; init; }

    /// <summary>NAMESPACE/NAME.</summary>
    public string? Account { get; init; }

    /// <summary>NAMESPACE/NAME each.</summary>
    public IList<string>? Bots { get; init; }

    /// <summary>Labels of bots, all of which must be there.</summary>
    public IDictionary<string, string>? MatchLabels { get; init; }

    public bool? Flatten { get; init; }

    public string? Why { get; init; }

    public string? By { get; init; }

    public HaltRelease? Released { get; init; }
}

/// <summary>Who let the bots act again, when and why.</summary>
public sealed record HaltRelease
{
    public string? By { get; init; }

    public string? Why { get; init; }

    public DateTime? At { get; init; }
}

public sealed record HaltStatus
{
    public int? Selected { get; init; }

    public int? Stopped { get; init; }
}
