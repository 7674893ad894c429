using k8s.Models;

namespace Kaji.Node.Server;

/// <summary>
/// What the node's server asks of the Pod workers: which sandbox, containers and log files belong to a Pod's name now. Answers come from memory and may be a
/// moment old; the runtime has the last word.
/// </summary>
public interface IPodDirectory
{
    /// <summary>The Pod of that name on this node, or null. With several of one name (one still ending), the newest.</summary>
    PodPlace? Find(string @namespace, string pod);

    /// <summary>All Pods on this node: <c>/pods</c>, <c>/stats/summary</c> and the metrics.</summary>
    IReadOnlyList<PodPlace> List();
}

/// <summary>A Pod and where it runs.</summary>
/// <param name="Pod">The object with its present status.</param>
/// <param name="SandboxId">Null before the sandbox is there.</param>
/// <param name="Containers">Init, ephemeral and app containers of the spec.</param>
public sealed record PodPlace(V1Pod Pod, string? SandboxId, IReadOnlyList<ContainerPlace> Containers)
{
    /// <summary>The container of that name, or null.</summary>
    public ContainerPlace? Container(string name) => Containers.FirstOrDefault(c => string.Equals(c.Name, name, StringComparison.Ordinal));
}

/// <summary>A container of a Pod.</summary>
public sealed record ContainerPlace
{
    public required string Name { get; init; }

    /// <summary>Id of the newest attempt, running or ended, in the runtime; null when none was made.</summary>
    public string? ContainerId { get; init; }

    /// <summary>Log file of that attempt; null when none was made.</summary>
    public string? LogPath { get; init; }

    /// <summary>Log file of the attempt before; null when there is none (any more).</summary>
    public string? PreviousLogPath { get; init; }

    /// <summary>Why it waits, as <c>ContainerCreating</c>, <c>ImagePullBackOff</c>; null when it does not.</summary>
    public string? WaitingReason { get; init; }

    public bool Stdin { get; init; }

    public bool Tty { get; init; }
}
