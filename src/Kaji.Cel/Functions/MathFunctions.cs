using Kaji.Cel.Values;
using static Kaji.Cel.CelType;
using static Kaji.Cel.Functions.Declare;

namespace Kaji.Cel.Functions;

/// <summary>math.greatest, math.least (macros over math.@max and math.@min), rounding, bits.</summary>
internal static class MathFunctions
{
    private static readonly CelType Double = CelType.Double;

    public static IReadOnlyList<CelOverload> All { get; } =
    [
        .. Extremes("math.@max", 1),
        .. Extremes("math.@min", -1),
        Global("math.ceil", "math_ceil_double", [Double], Double, a => Math.Ceiling((double)a[0]!)),
        Global("math.floor", "math_floor_double", [Double], Double, a => Math.Floor((double)a[0]!)),
        Global("math.round", "math_round_double", [Double], Double, a => Math.Round((double)a[0]!, MidpointRounding.AwayFromZero)),
        Global("math.trunc", "math_trunc_double", [Double], Double, a => Math.Truncate((double)a[0]!)),
        Global("math.isNaN", "math_isNaN_double", [Double], Bool, a => double.IsNaN((double)a[0]!)),
        Global("math.isInf", "math_isInf_double", [Double], Bool, a => double.IsInfinity((double)a[0]!)),
        Global("math.isFinite", "math_isFinite_double", [Double], Bool, a => double.IsFinite((double)a[0]!)),
        Global("math.abs", "math_abs_int", [Int], Int, a => (long)a[0]! == long.MinValue ? CelError.IntOverflow : Math.Abs((long)a[0]!)),
        Global("math.abs", "math_abs_uint", [Uint], Uint, a => a[0]),
        Global("math.abs", "math_abs_double", [Double], Double, a => Math.Abs((double)a[0]!)),
        Global("math.sign", "math_sign_int", [Int], Int, a => (long)Math.Sign((long)a[0]!)),
        Global("math.sign", "math_sign_uint", [Uint], Uint, a => (ulong)a[0]! == 0 ? 0UL : 1UL),
        Global("math.sign", "math_sign_double", [Double], Double, a => double.IsNaN((double)a[0]!) ? double.NaN : (double)Math.Sign((double)a[0]!)),
        Global("math.sqrt", "math_sqrt_double", [Double], Double, a => Math.Sqrt((double)a[0]!)),
        Global("math.sqrt", "math_sqrt_int", [Int], Double, a => Math.Sqrt((long)a[0]!)),
        Global("math.sqrt", "math_sqrt_uint", [Uint], Double, a => Math.Sqrt((ulong)a[0]!)),
        Global("math.bitAnd", "math_bitAnd_int_int", [Int, Int], Int, a => (long)a[0]! & (long)a[1]!),
        Global("math.bitAnd", "math_bitAnd_uint_uint", [Uint, Uint], Uint, a => (ulong)a[0]! & (ulong)a[1]!),
        Global("math.bitOr", "math_bitOr_int_int", [Int, Int], Int, a => (long)a[0]! | (long)a[1]!),
        Global("math.bitOr", "math_bitOr_uint_uint", [Uint, Uint], Uint, a => (ulong)a[0]! | (ulong)a[1]!),
        Global("math.bitXor", "math_bitXor_int_int", [Int, Int], Int, a => (long)a[0]! ^ (long)a[1]!),
        Global("math.bitXor", "math_bitXor_uint_uint", [Uint, Uint], Uint, a => (ulong)a[0]! ^ (ulong)a[1]!),
        Global("math.bitNot", "math_bitNot_int_int", [Int], Int, a => ~(long)a[0]!),
        Global("math.bitNot", "math_bitNot_uint_uint", [Uint], Uint, a => ~(ulong)a[0]!),
        Global("math.bitShiftLeft", "math_bitShiftLeft_int_int", [Int, Int], Int, a => Shift((long)a[1]!, n => n > 63 ? 0L : (long)a[0]! << n)),
        Global("math.bitShiftLeft", "math_bitShiftLeft_uint_int", [Uint, Int], Uint, a => Shift((long)a[1]!, n => n > 63 ? 0UL : (ulong)a[0]! << n)),
        Global("math.bitShiftRight", "math_bitShiftRight_int_int", [Int, Int], Int, a => Shift((long)a[1]!, n => n > 63 ? 0L : (long)((ulong)(long)a[0]! >> n))),
        Global("math.bitShiftRight", "math_bitShiftRight_uint_int", [Uint, Int], Uint, a => Shift((long)a[1]!, n => n > 63 ? 0UL : (ulong)a[0]! >> n)),
    ];

    private static object Shift(long by, Func<int, object> shift) => by < 0 ? new CelError($"math.bitShift() negative offset: {by}") : shift((int)Math.Min(by, 64));

    private static IEnumerable<CelOverload> Extremes(string function, int sign)
    {
        foreach (var type in new[] { Int, Uint, Double })
        {
            yield return Global(function, $"{function}_{type}", [type], type, a => a[0]);
            yield return Global(function, $"{function}_list_{type}", [List(type)], type, a => Extreme((CelList)a[0]!, sign), Costs.CallCosts.Elements);
        }

        yield return Global(function, $"{function}_list_dyn", [List(Dyn)], Dyn, a => Extreme((CelList)a[0]!, sign), Costs.CallCosts.Elements);
    }

    private static object? Extreme(CelList list, int sign)
    {
        object? found = null;
        foreach (var item in list)
        {
            if (item is not (long or ulong or double))
            {
                return CelError.NoSuchOverload;
            }

            found = found is null || (CelValues.TryCompareNumbers(item, found, out var order) && Math.Sign(order) == sign) ? item : found;
        }

        return found ?? new CelError("math.@max(list) argument must not be empty");
    }
}
