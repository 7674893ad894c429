using Kaji.Cel.Costs;

namespace Kaji.Cel;

/// <summary>
/// What a function does. Arguments are CEL values (the target first) of the declared types; the result is one too. Expected failures are returned as
/// <see cref="Values.CelError"/>, not thrown.
/// </summary>
public delegate object? CelFunction(object?[] arguments);

/// <summary>One signature of a function: <c>string.startsWith(string) -&gt; bool</c>.</summary>
/// <param name="Function">The name, with dots for a namespace: <c>sets.contains</c>.</param>
/// <param name="Id">Unique among all overloads.</param>
/// <param name="IsMember">Called as <c>a.f(b)</c> rather than <c>f(a, b)</c>.</param>
/// <param name="Arguments">Types of the arguments, the target's first.</param>
/// <param name="Result">Type of the result.</param>
/// <param name="Body">What it does.</param>
public sealed record CelOverload(string Function, string Id, bool IsMember, IReadOnlyList<CelType> Arguments, CelType Result, CelFunction Body)
{
    /// <summary>What calls cost; null is 1.</summary>
    public CelCallCost? Cost { get; init; }

    /// <summary>Called with errors too.</summary>
    internal bool HasParameters { get; } = Arguments.Any(Mentions) || Mentions(Result);

    private static bool Mentions(CelType type) => type.Kind == CelTypeKind.Parameter || type.Parameters.Any(Mentions);
}
