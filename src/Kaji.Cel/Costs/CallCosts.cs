using Kaji.Cel.Values;

namespace Kaji.Cel.Costs;

/// <summary>
/// The cost models that functions share. A unit is about 50 ns; walking ten characters costs one, four characters of a regular expression cost one for each ten characters it reads.
/// </summary>
internal static class CallCosts
{
    public const double StringFactor = 0.1;
    public const double RegexFactor = 0.25;
    public const ulong List = 10;
    public const ulong Map = 30;
    public const ulong Struct = 40;

    /// <summary>Walks one argument; the result is as large as it.</summary>
    public static CelCallCost Walk(double factor = StringFactor, bool sized = true, int argument = 0) => new(
        (a, _) => CelRange.Times((ulong)CelValues.Size(a[argument]), factor),
        s => new CelCallEstimate(s.Sizes[argument].Times(factor), sized ? s.Sizes[argument] : null));

    /// <summary>Walks the result as it is made.</summary>
    public static CelCallCost Result { get; } = new(
        (_, result) => CelRange.Times((ulong)CelValues.Size(result), 2 * StringFactor),
        s =>
        {
            var element = CostEstimator.SizeOf(s.Types[0].Kind == CelTypeKind.List ? s.Types[0].Element : CelType.Dyn);
            var size = s.Sizes[0].Multiply(element);
            if (s.Sizes.Count > 1)
            {
                var separators = new CelRange(s.Sizes[0].Min == 0 ? 0 : s.Sizes[0].Min - 1, s.Sizes[0].Max == 0 ? 0 : s.Sizes[0].Max - 1);
                size = size.Add(s.Sizes[1].Multiply(separators));
            }

            return new CelCallEstimate(size.Times(StringFactor), size);
        }) { NeedsResult = true };

    /// <summary>Looks at every element of a list, or every character of a string.</summary>
    public static CelCallCost Elements { get; } = new(
        (a, _) => (ulong)Math.Max(0, CelValues.Traversal(a[0])),
        s =>
        {
            if (s.Types[0].Kind != CelTypeKind.List)
            {
                return new CelCallEstimate(s.Sizes[0].Times(StringFactor));
            }

            var each = CelRange.One;
            if (s.Types[0].Element.Kind is CelTypeKind.String or CelTypeKind.Bytes)
            {
                each = each.Add(CostEstimator.SizeOf(s.Types[0].Element).Times(StringFactor));
            }

            return new CelCallEstimate(s.Sizes[0].Multiply(each), s.Sizes[0]);
        });

    /// <summary>Runs a regular expression, the second argument, over the first.</summary>
    public static CelCallCost Regex(bool sized) => new(
        (a, _) => RegexRun((ulong)CelValues.Size(a[0]), (ulong)CelValues.Size(a[1])),
        s => new CelCallEstimate(s.Sizes[0].Add(1).Times(StringFactor).Multiply(s.Sizes[1].Times(RegexFactor)), sized ? new CelRange(0, s.Sizes[0].Max) : null));

    public static CelCallCost Contains { get; } = new(
        (a, _) => CelRange.Times((ulong)CelValues.Size(a[0]), StringFactor) * CelRange.Times((ulong)CelValues.Size(a[1]), StringFactor),
        s => new CelCallEstimate(s.Sizes[0].Times(StringFactor).Multiply(s.Sizes[1].Times(StringFactor))));

    /// <summary>startsWith and endsWith: the estimate knows that only the prefix is read.</summary>
    public static CelCallCost Prefix { get; } = new(
        (a, _) => CelRange.Times((ulong)CelValues.Size(a[0]), StringFactor),
        s => new CelCallEstimate(s.Sizes[1].Times(StringFactor)));

    public static CelCallCost Compare { get; } = new(
        (a, _) => a[0] is ICelOpaque ? 1 : CelRange.Times((ulong)Math.Min(CelValues.Size(a[0]), CelValues.Size(a[1])), StringFactor),
        s =>
        {
            var most = Math.Min(s.Sizes[0].Max, s.Sizes[1].Max);
            return new CelCallEstimate(new CelRange(most > 0 ? 1UL : 0, most).Times(StringFactor));
        });

    public static CelCallCost Concat { get; } = new(
        (a, _) => CelRange.Times((ulong)(CelValues.Size(a[0]) + CelValues.Size(a[1])), StringFactor),
        s => new CelCallEstimate(s.Sizes[0].Add(s.Sizes[1]).Times(StringFactor), s.Sizes[0].Add(s.Sizes[1])));

    public static CelCallCost ConcatList { get; } = new((_, _) => 1, s => new CelCallEstimate(CelRange.One, s.Sizes[0].Add(s.Sizes[1])));

    public static CelCallCost InList { get; } = new((a, _) => (ulong)CelValues.Size(a[1]), s => new CelCallEstimate(s.Sizes[1]));

    /// <summary>Sorts: each element is compared with a few others.</summary>
    public static CelCallCost Sort { get; } = new(
        (a, _) => Sorting((ulong)CelValues.Size(a[0])),
        s => new CelCallEstimate(new CelRange(Sorting(s.Sizes[0].Min), Sorting(s.Sizes[0].Max)), s.Sizes[0]));

    /// <summary>Looks for each element of one list in another.</summary>
    public static CelCallCost Sets(ulong factor) => new(
        (a, _) => CelRange.Add((ulong)CelValues.Size(a[0]) * (ulong)CelValues.Size(a[1]) * factor, 1),
        s => new CelCallEstimate(s.Sizes[0].Multiply(s.Sizes[1]).Multiply(CelRange.Fixed(factor)).Add(1)));

    public static CelCallCost Replace { get; } = new(
        (a, _) => CelRange.Times((ulong)CelValues.Size(a[0]), 2 * StringFactor),
        s =>
        {
            var (text, old, made) = (s.Sizes[0], s.Sizes[1], s.Sizes[2]);
            var most = old.Min == 0 ? CelRange.Add(text.Max, 1) : made.Max <= old.Min ? 0 : CelRange.Times(text.Max, 1.0 / old.Min);
            var keptMost = old.Min == 0 || made.Max <= old.Min ? text.Max : 0;
            var least = old.Max == 0 ? CelRange.Add(text.Min, 1) : old.Max <= made.Min ? 0 : CelRange.Times(text.Min, 1.0 / old.Max);
            var keptLeast = old.Max == 0 || old.Max <= made.Min ? text.Min : 0;
            return new CelCallEstimate(text.Times(2 * StringFactor), new CelRange(least, most).Multiply(made).Add(new CelRange(keptLeast, keptMost)));
        });

    public static CelCallCost Split { get; } = new(
        (a, _) => CelRange.Times((ulong)CelValues.Size(a[0]), 2 * StringFactor),
        s => new CelCallEstimate(s.Sizes[0].Times(2 * StringFactor), new CelRange(0, s.Literals.Count > 2 && s.Literals[2] is long and >= 0 ? (ulong)(long)s.Literals[2]! : s.Sizes[0].Max)));

    private static ulong Sorting(ulong size) => CelRange.Times(size, 64 - System.Numerics.BitOperations.LeadingZeroCount(size)) is var cost && cost == 0 ? 1 : cost;

    public static ulong RegexRun(ulong text, ulong pattern) => CelRange.Times(text + 1, StringFactor) * CelRange.Times(pattern, RegexFactor);
}
