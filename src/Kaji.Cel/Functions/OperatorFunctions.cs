using Kaji.Cel.Costs;
using Kaji.Cel.Parsing;
using Kaji.Cel.Values;
using static Kaji.Cel.CelType;
using static Kaji.Cel.Functions.Declare;

namespace Kaji.Cel.Functions;

/// <summary>The operators: logic, comparison across number types, arithmetic that tells overflows, indexing, membership.</summary>
internal static class OperatorFunctions
{
    private static readonly CelType MapOfAb = Map(A, B);
    private static readonly CelFunction None = _ => CelError.NoSuchOverload;

    public static IReadOnlyList<CelOverload> All { get; } =
    [
        Global(Operators.Conditional, "conditional", [Bool, A, A], A, None),
        Global(Operators.And, "logical_and", [Bool, Bool], Bool, None),
        Global(Operators.Or, "logical_or", [Bool, Bool], Bool, None),
        Global(Operators.Not, "logical_not", [Bool], Bool, a => !(bool)a[0]!),
        Global(Operators.Equal, "equals", [A, A], Bool, a => CelValues.AreEqual(a[0], a[1]), CallCosts.Compare),
        Global(Operators.NotEqual, "not_equals", [A, A], Bool, a => !CelValues.AreEqual(a[0], a[1]), CallCosts.Compare),
        .. Comparisons(Operators.Less, "less", order => order < 0),
        .. Comparisons(Operators.LessEqual, "less_equals", order => order <= 0),
        .. Comparisons(Operators.Greater, "greater", order => order > 0),
        .. Comparisons(Operators.GreaterEqual, "greater_equals", order => order >= 0),
        Global(Operators.In, "in_list", [A, ListOfA], Bool, a => ((CelList)a[1]!).Any(item => CelValues.AreEqual(item, a[0])), CallCosts.InList),
        Global(Operators.In, "in_map", [A, MapOfAb], Bool, a => a[1] is CelMap map ? map.TryGet(a[0], out _) : a[0] is string name && ((CelObject)a[1]!).TryGetField(name, out _)),
        Global(Operators.Index, "index_list", [ListOfA, Int], A, Index),
        Global(Operators.Index, "index_map", [MapOfAb, A], B, Index),
        Global(Operators.Index, "optional_list_index_int", [Optional(ListOfA), Int], Optional(A), OptionalIndex),
        Global(Operators.Index, "optional_map_index_value", [Optional(MapOfAb), A], Optional(B), OptionalIndex),
        Global(Operators.OptionalIndex, "list_optindex_optional_int", [ListOfA, Int], Optional(A), OptionalIndex),
        Global(Operators.OptionalIndex, "map_optindex_optional_value", [MapOfAb, A], Optional(B), OptionalIndex),
        Global(Operators.OptionalIndex, "optional_list_optindex_optional_int", [Optional(ListOfA), Int], Optional(A), OptionalIndex),
        Global(Operators.OptionalIndex, "optional_map_optindex_optional_value", [Optional(MapOfAb), A], Optional(B), OptionalIndex),
        .. Arithmetic(),
        .. Sizes(),
    ];

    private static IEnumerable<CelOverload> Comparisons(string function, string id, Func<int, bool> holds)
    {
        CelFunction body = a => CelValues.TryCompare(a[0], a[1], out var order) ? holds(order) : CelValues.Fits(a[0], CelType.Double) || CelValues.Fits(a[1], CelType.Double) ? false : CelError.NoSuchOverload;
        foreach (var type in new[] { Bool, Text, Bytes, Timestamp, Duration })
        {
            yield return Global(function, $"{id}_{type.ToString()}", [type, type], Bool, body, type == Text || type == Bytes ? CallCosts.Compare : null);
        }

        CelType[] numbers = [Int, Uint, CelType.Double];
        foreach (var left in numbers)
        {
            foreach (var right in numbers)
            {
                yield return Global(function, left == right ? $"{id}_{left}64" : $"{id}_{left}64_{right}64", [left, right], Bool, body);
            }
        }
    }

    private static object? Index(object?[] a)
    {
        switch (a[0])
        {
            case CelList list:
                var at = a[1] switch { long n => n, ulong n when n <= long.MaxValue => (long)n, double d when d == Math.Floor(d) => (long)d, _ => long.MinValue };
                return at == long.MinValue ? new CelError($"invalid list index: {CelText.Show(a[1])}") : at >= 0 && at < list.Count ? list[(int)at] : new CelError($"index out of bounds: {at}");
            case CelMap map:
                return map.TryGet(a[1], out var value) ? value : CelError.NoSuchKey(a[1]);
            case CelObject o:
                return a[1] is string name && o.TryGetField(name, out var field) ? field : CelError.NoSuchKey(a[1]);
            default:
                return CelError.NoSuchOverload;
        }
    }

    private static object? OptionalIndex(object?[] a)
    {
        var over = a[0];
        if (over is CelOptional wrapped)
        {
            if (!wrapped.HasValue)
            {
                return wrapped;
            }

            over = wrapped.Value;
        }

        var found = Index([over, a[1]]);
        return found is CelError ? (over is CelList or CelMap or CelObject ? CelOptional.None : found) : found as CelOptional ?? CelOptional.Of(found);
    }

    private static IEnumerable<CelOverload> Arithmetic()
    {
        yield return Global(Operators.Add, "add_int64", [Int, Int], Int, a => Whole(() => checked((long)a[0]! + (long)a[1]!)));
        yield return Global(Operators.Add, "add_uint64", [Uint, Uint], Uint, a => Unsigned(() => checked((ulong)a[0]! + (ulong)a[1]!)));
        yield return Global(Operators.Add, "add_double", [CelType.Double, CelType.Double], CelType.Double, a => (double)a[0]! + (double)a[1]!);
        yield return Global(Operators.Add, "add_string", [Text, Text], Text, a => string.Concat((string)a[0]!, (string)a[1]!), CallCosts.Concat);
        yield return Global(Operators.Add, "add_bytes", [Bytes, Bytes], Bytes, a => ((byte[])a[0]!).Concat((byte[])a[1]!).ToArray(), CallCosts.Concat);
        yield return Global(Operators.Add, "add_list", [ListOfA, ListOfA], ListOfA, a => Json.SchemaLists.Add((CelList)a[0]!, (CelList)a[1]!), CallCosts.ConcatList);
        yield return Global(Operators.Add, "add_duration_duration", [Duration, Duration], Duration, a => Span(() => checked(Nanos(a[0]) + Nanos(a[1]))));
        yield return Global(Operators.Add, "add_timestamp_duration", [Timestamp, Duration], Timestamp, a => ((CelTimestamp)a[0]!).Add(Nanos(a[1])));
        yield return Global(Operators.Add, "add_duration_timestamp", [Duration, Timestamp], Timestamp, a => ((CelTimestamp)a[1]!).Add(Nanos(a[0])));
        yield return Global(Operators.Subtract, "subtract_int64", [Int, Int], Int, a => Whole(() => checked((long)a[0]! - (long)a[1]!)));
        yield return Global(Operators.Subtract, "subtract_uint64", [Uint, Uint], Uint, a => Unsigned(() => checked((ulong)a[0]! - (ulong)a[1]!)));
        yield return Global(Operators.Subtract, "subtract_double", [CelType.Double, CelType.Double], CelType.Double, a => (double)a[0]! - (double)a[1]!);
        yield return Global(Operators.Subtract, "subtract_duration_duration", [Duration, Duration], Duration, a => Span(() => checked(Nanos(a[0]) - Nanos(a[1]))));
        yield return Global(Operators.Subtract, "subtract_timestamp_duration", [Timestamp, Duration], Timestamp, a => Nanos(a[1]) == long.MinValue ? new CelError("timestamp overflow") : ((CelTimestamp)a[0]!).Add(-Nanos(a[1])));
        yield return Global(Operators.Subtract, "subtract_timestamp_timestamp", [Timestamp, Timestamp], Duration, a => ((CelTimestamp)a[0]!).Minus((CelTimestamp)a[1]!));
        yield return Global(Operators.Multiply, "multiply_int64", [Int, Int], Int, a => Whole(() => checked((long)a[0]! * (long)a[1]!)));
        yield return Global(Operators.Multiply, "multiply_uint64", [Uint, Uint], Uint, a => Unsigned(() => checked((ulong)a[0]! * (ulong)a[1]!)));
        yield return Global(Operators.Multiply, "multiply_double", [CelType.Double, CelType.Double], CelType.Double, a => (double)a[0]! * (double)a[1]!);
        yield return Global(Operators.Divide, "divide_int64", [Int, Int], Int, a => (long)a[1]! == 0 ? new CelError("division by zero") : Whole(() => (long)a[0]! / (long)a[1]!));
        yield return Global(Operators.Divide, "divide_uint64", [Uint, Uint], Uint, a => (ulong)a[1]! == 0 ? new CelError("division by zero") : (ulong)a[0]! / (ulong)a[1]!);
        yield return Global(Operators.Divide, "divide_double", [CelType.Double, CelType.Double], CelType.Double, a => (double)a[0]! / (double)a[1]!);
        yield return Global(Operators.Modulo, "modulo_int64", [Int, Int], Int, a => (long)a[1]! == 0 ? new CelError("modulus by zero") : Whole(() => (long)a[0]! % (long)a[1]!));
        yield return Global(Operators.Modulo, "modulo_uint64", [Uint, Uint], Uint, a => (ulong)a[1]! == 0 ? new CelError("modulus by zero") : (ulong)a[0]! % (ulong)a[1]!);
        yield return Global(Operators.Negate, "negate_int64", [Int], Int, a => Whole(() => checked(-(long)a[0]!)));
        yield return Global(Operators.Negate, "negate_double", [CelType.Double], CelType.Double, a => -(double)a[0]!);
    }

    private static IEnumerable<CelOverload> Sizes()
    {
        foreach (var (type, name) in new[] { (Text, "string"), (Bytes, "bytes"), (ListOfA, "list"), (MapOfAb, "map") })
        {
            yield return Global("size", $"size_{name}", [type], Int, a => CelValues.Size(a[0]));
            yield return Member("size", $"{name}_size", [type], Int, a => CelValues.Size(a[0]));
        }
    }

    private static long Nanos(object? duration) => ((CelDuration)duration!).Nanoseconds;

    private static object Whole(Func<long> compute)
    {
        try
        {
            return compute();
        }
        catch (OverflowException)
        {
            return CelError.IntOverflow;
        }
    }

    private static object Unsigned(Func<ulong> compute)
    {
        try
        {
            return compute();
        }
        catch (OverflowException)
        {
            return CelError.UintOverflow;
        }
    }

    private static object Span(Func<long> compute)
    {
        try
        {
            return new CelDuration(compute());
        }
        catch (OverflowException)
        {
            return new CelError("duration overflow");
        }
    }
}
