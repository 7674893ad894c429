using Kaji.Cel.Values;
using static Kaji.Cel.CelType;
using static Kaji.Cel.Functions.Declare;

namespace Kaji.Cel.Functions;

/// <summary>Values that may be missing: optional.of(x), hasValue(), value(), or(), orValue().</summary>
internal static class OptionalFunctions
{
    private static readonly CelType OptionalA = Optional(A);

    public static IReadOnlyList<CelOverload> All { get; } =
    [
        Global("optional.of", "optional_of", [A], OptionalA, a => CelOptional.Of(a[0])),
        Global("optional.ofNonZeroValue", "optional_ofNonZeroValue", [A], OptionalA, a => IsZero(a[0]) ? CelOptional.None : CelOptional.Of(a[0])),
        Global("optional.none", "optional_none", [], OptionalA, _ => CelOptional.None),
        Global("optional.unwrap", "optional_unwrap", [List(OptionalA)], ListOfA, Unwrap),
        Member("unwrapOpt", "optional_unwrapOpt", [List(OptionalA)], ListOfA, Unwrap),
        Member("value", "optional_value", [OptionalA], A, a => a[0] is CelOptional { HasValue: true } o ? o.Value : new CelError("optional.none() dereference")),
        Member("hasValue", "optional_hasValue", [OptionalA], Bool, a => ((CelOptional)a[0]!).HasValue),
        Member("or", "optional_or_optional", [OptionalA, OptionalA], OptionalA, a => ((CelOptional)a[0]!).HasValue ? a[0] : a[1]),
        Member("orValue", "optional_orValue_value", [OptionalA, A], A, a => a[0] is CelOptional { HasValue: true } o ? o.Value : a[1]),
    ];

    private static bool IsZero(object? value) => value switch
    {
        null => true,
        bool b => !b,
        long n => n == 0,
        ulong n => n == 0,
        double d => d == 0,
        CelDuration d => d.Nanoseconds == 0,
        CelTimestamp t => t == new CelTimestamp(CelTimestamp.MinSeconds, 0),
        string s => s.Length == 0,
        byte[] bytes => bytes.Length == 0,
        CelList list => list.Count == 0,
        CelMap map => map.Count == 0,
        CelObject o => !o.FieldNames.Any(),
        CelOptional o => !o.HasValue,
        _ => false,
    };

    private static object Unwrap(object?[] a)
    {
        var values = new List<object?>();
        foreach (var item in (CelList)a[0]!)
        {
            if (item is not CelOptional optional)
            {
                return CelError.NoSuchOverload;
            }

            if (optional.HasValue)
            {
                values.Add(optional.Value);
            }
        }

        return new CelArray(values);
    }
}
