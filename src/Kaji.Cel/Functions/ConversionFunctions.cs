using System.Globalization;
using System.Text;
using Kaji.Cel.Costs;
using Kaji.Cel.Values;
using static Kaji.Cel.CelType;
using static Kaji.Cel.Functions.Declare;

namespace Kaji.Cel.Functions;

/// <summary>int(x), uint(x), double(x), string(x), bytes(x), bool(x), timestamp(x), duration(x), dyn(x), type(x).</summary>
internal static class ConversionFunctions
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);
    private static readonly CelType Double = CelType.Double;

    public static IReadOnlyList<CelOverload> All { get; } =
    [
        Global("type", "type", [A], TypeOf(A), a => CelValues.TypeOf(a[0])),
        Global("dyn", "to_dyn", [A], Dyn, a => a[0]),
        Global("bool", "bool_to_bool", [Bool], Bool, a => a[0]),
        Global("bool", "string_to_bool", [Text], Bool, a => a[0] switch
        {
            "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
            "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
            _ => new CelError($"type conversion error from 'string' to 'bool'"),
        }),
        Global("int", "int64_to_int64", [Int], Int, a => a[0]),
        Global("int", "uint64_to_int64", [Uint], Int, a => (ulong)a[0]! <= long.MaxValue ? (long)(ulong)a[0]! : CelError.IntOverflow),
        Global("int", "double_to_int64", [Double], Int, a => (double)a[0]! is > -9223372036854775808.0 and < 9223372036854775808.0 ? (long)(double)a[0]! : CelError.IntOverflow),
        Global("int", "string_to_int64", [Text], Int, a => long.TryParse((string)a[0]!, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var n) ? n : Bad("ParseInt", a[0])),
        Global("int", "timestamp_to_int64", [Timestamp], Int, a => ((CelTimestamp)a[0]!).Seconds),
        Global("int", "duration_to_int64", [Duration], Int, a => ((CelDuration)a[0]!).Nanoseconds),
        Global("uint", "uint64_to_uint64", [Uint], Uint, a => a[0]),
        Global("uint", "int64_to_uint64", [Int], Uint, a => (long)a[0]! >= 0 ? (ulong)(long)a[0]! : CelError.UintOverflow),
        Global("uint", "double_to_uint64", [Double], Uint, a => (double)a[0]! is >= 0 and < 18446744073709551616.0 ? (ulong)(double)a[0]! : CelError.UintOverflow),
        Global("uint", "string_to_uint64", [Text], Uint, a => ulong.TryParse((string)a[0]!, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : Bad("ParseUint", a[0])),
        Global("double", "double_to_double", [Double], Double, a => a[0]),
        Global("double", "int64_to_double", [Int], Double, a => (double)(long)a[0]!),
        Global("double", "uint64_to_double", [Uint], Double, a => (double)(ulong)a[0]!),
        Global("double", "string_to_double", [Text], Double, a => ToDouble((string)a[0]!)),
        Global("string", "string_to_string", [Text], Text, a => a[0]),
        Global("string", "bool_to_string", [Bool], Text, a => CelText.Show(a[0])),
        Global("string", "int64_to_string", [Int], Text, a => CelText.Show(a[0])),
        Global("string", "uint64_to_string", [Uint], Text, a => CelText.Show(a[0])),
        Global("string", "double_to_string", [Double], Text, a => CelText.Number((double)a[0]!)),
        Global("string", "timestamp_to_string", [Timestamp], Text, a => a[0]!.ToString()),
        Global("string", "duration_to_string", [Duration], Text, a => a[0]!.ToString()),
        Global("string", "bytes_to_string", [Bytes], Text, a => FromBytes((byte[])a[0]!), new CelCallCost(
            (a, _) => CelRange.Times((ulong)CelValues.Size(a[0]), CallCosts.StringFactor),
            s => new CelCallEstimate(s.Sizes[0].Times(CallCosts.StringFactor), new CelRange(s.Sizes[0].Min / 4, s.Sizes[0].Max)))),
        Global("bytes", "bytes_to_bytes", [Bytes], Bytes, a => a[0]),
        Global("bytes", "string_to_bytes", [Text], Bytes, a => Encoding.UTF8.GetBytes((string)a[0]!), new CelCallCost(
            (a, _) => CelRange.Times((ulong)CelValues.Size(a[0]), CallCosts.StringFactor),
            s => new CelCallEstimate(s.Sizes[0].Times(CallCosts.StringFactor), s.Sizes[0].Multiply(new CelRange(1, 4))))),
        Global("timestamp", "timestamp_to_timestamp", [Timestamp], Timestamp, a => a[0]),
        Global("timestamp", "int64_to_timestamp", [Int], Timestamp, a => new CelTimestamp((long)a[0]!, 0) is { IsInRange: true } time ? time : new CelError("timestamp overflow")),
        Global("timestamp", "string_to_timestamp", [Text], Timestamp, a => CelTimestamp.TryParse((string)a[0]!, out var time) ? time : new CelError($"parsing time \"{a[0]}\" as \"2006-01-02T15:04:05Z07:00\": cannot parse")),
        Global("duration", "duration_to_duration", [Duration], Duration, a => a[0]),
        Global("duration", "int64_to_duration", [Int], Duration, a => new CelDuration((long)a[0]!)),
        Global("duration", "string_to_duration", [Text], Duration, a => CelDuration.TryParse((string)a[0]!, out var span) ? span : new CelError($"time: invalid duration \"{a[0]}\"")),
    ];

    private static object ToDouble(string text) => text switch
    {
        "NaN" => double.NaN,
        "Inf" or "+Inf" or "Infinity" or "+Infinity" => double.PositiveInfinity,
        "-Inf" or "-Infinity" => double.NegativeInfinity,
        _ when double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out var number) => number,
        _ => Bad("ParseFloat", text),
    };

    private static object FromBytes(byte[] bytes)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return new CelError("invalid UTF-8 in bytes, cannot convert to string");
        }
    }

    private static CelError Bad(string function, object? text) => new($"strconv.{function}: parsing \"{text}\": invalid syntax");
}
