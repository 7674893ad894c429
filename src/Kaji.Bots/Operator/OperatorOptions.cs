using k8s.Models;

namespace Kaji.Bots.Operator;

/// <summary>What an operator is told.</summary>
public sealed record OperatorOptions
{
    /// <summary>A clock of this machine that counts suspended time.</summary>
    public required Func<TimeSpan> Clock { get; init; }

    /// <summary>Versions of a bot that are kept to go back to.</summary>
    public int KeptRevisions { get; init; } = 5;

    /// <summary>Adds the sidecar to a Pod; on Kaji the node agent is the warden and nothing is added.</summary>
    public Func<V1Pod, V1Pod> Decorate { get; init; } = pod => pod;
}
