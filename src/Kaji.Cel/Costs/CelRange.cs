namespace Kaji.Cel.Costs;

/// <summary>A range of sizes or costs, from the best case to the worst; sums and products stop at the largest number instead of overflowing.</summary>
public readonly record struct CelRange(ulong Min, ulong Max)
{
    public static CelRange Unknown { get; } = new(0, ulong.MaxValue);

    public static CelRange One { get; } = new(1, 1);

    public static CelRange Fixed(ulong value) => new(value, value);

    public CelRange Add(CelRange other) => new(Add(Min, other.Min), Add(Max, other.Max));

    public CelRange Add(ulong value) => Add(Fixed(value));

    public CelRange Multiply(CelRange other) => new(Multiply(Min, other.Min), Multiply(Max, other.Max));

    /// <summary>Times a factor, rounded up.</summary>
    public CelRange Times(double factor) => new(Times(Min, factor), Times(Max, factor));

    public CelRange Union(CelRange other) => new(Math.Min(Min, other.Min), Math.Max(Max, other.Max));

    internal static ulong Times(ulong value, double factor)
    {
        var product = Math.Ceiling(value * factor);
        return product >= 18446744073709551616.0 ? ulong.MaxValue : (ulong)product;
    }

    internal static ulong Add(ulong a, ulong b) => a > ulong.MaxValue - b ? ulong.MaxValue : a + b;

    private static ulong Multiply(ulong a, ulong b) => b != 0 && a > ulong.MaxValue / b ? ulong.MaxValue : a * b;
}
