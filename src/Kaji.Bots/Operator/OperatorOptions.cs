namespace Kaji.Bots.Operator;

/// <summary>What an operator is told.</summary>
public sealed record OperatorOptions
{
    /// <summary>A clock of this machine that counts suspended time.</summary>
    public required Func<TimeSpan> Clock { get; init; }

    /// <summary>Versions of a bot that are kept to go back to.</summary>
    public int KeptRevisions { get; init; } = 5;

    /// <summary>The warden that is put into each Pod; null on Kaji, whose node agents are the wardens.</summary>
    public WardenSidecar? Sidecar { get; init; }
}
