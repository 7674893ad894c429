namespace Kaji.Cel.Costs;

/// <summary>A call as the estimate sees it: sizes and types of its arguments (the target first), and their values where they are literals.</summary>
public sealed record CelCallShape(IReadOnlyList<CelRange> Sizes, IReadOnlyList<CelType> Types, IReadOnlyList<object?> Literals);

/// <summary>What a call will cost besides its arguments, and how large its result will be (null: what the result's type says).</summary>
public readonly record struct CelCallEstimate(CelRange Cost, CelRange? Size = null);

/// <summary>What calls of an overload cost: in fact, from values, and beforehand, from types.</summary>
public sealed record CelCallCost(Func<object?[], object?, ulong> Actual, Func<CelCallShape, CelCallEstimate> Estimate)
{
    /// <summary>The cost depends on the result and is charged after the call; others are charged before anything is done for them.</summary>
    public bool NeedsResult { get; init; }

    /// <summary>The same whatever the arguments are.</summary>
    public static CelCallCost Fixed(ulong cost) => new((_, _) => cost, _ => new CelCallEstimate(CelRange.Fixed(cost)));
}
