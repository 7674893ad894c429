using System.Globalization;
using System.Numerics;
using System.Text;
using Kaji.Cel.Values;

namespace Kaji.Cel.Functions;

/// <summary><c>'%s has %d of %.2f'.format([name, count, size])</c>: %s, %d, %f, %e, %b, %x, %X, %o, %%.</summary>
internal static class TextFormat
{
    private const int MaxPrecision = 1000;
    private const int MaxResult = 16 * 1024 * 1024;

    private static CelError TooLarge { get; } = new($"result of more than {MaxResult} characters");

    public static object Format(string format, CelList arguments)
    {
        var result = new StringBuilder();
        var used = 0;
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                result.Append(format[i]);
                continue;
            }

            if (++i >= format.Length)
            {
                return new CelError("unexpected end of string");
            }

            if (format[i] == '%')
            {
                result.Append('%');
                continue;
            }

            var precision = -1;
            if (format[i] == '.')
            {
                var end = i + 1;
                while (end < format.Length && char.IsAsciiDigit(format[end]))
                {
                    end++;
                }

                if (end >= format.Length || end == i + 1 || !int.TryParse(format.AsSpan(i + 1, end - i - 1), NumberStyles.None, CultureInfo.InvariantCulture, out precision) || precision > MaxPrecision)
                {
                    return new CelError("error while parsing precision: unable to find end of precision specifier");
                }

                i = end;
            }

            if (used >= arguments.Count)
            {
                return new CelError($"index {used} out of range");
            }

            var made = One(format[i], precision, arguments[used++]);
            if (made is CelError)
            {
                return made;
            }

            if (result.Append((string)made).Length > MaxResult)
            {
                return TooLarge;
            }
        }

        return result.ToString();
    }

    private static object One(char verb, int precision, object? value) => verb switch
    {
        's' => Text(value),
        'd' => value switch
        {
            long or ulong => CelText.Show(value),
            double d when double.IsNaN(d) || double.IsInfinity(d) => Infinite(d),
            _ => Wrong("decimal clause can only be used on integers", value),
        },
        'f' => Number(value) is { } number ? (double.IsFinite(number) ? number.ToString("F" + (precision < 0 ? 6 : precision), CultureInfo.InvariantCulture) : Infinite(number)) : Wrong("fixed-point clause can only be used on doubles", value),
        'e' => Number(value) is { } number ? (double.IsFinite(number) ? Scientific(number, precision < 0 ? 6 : precision) : Infinite(number)) : Wrong("scientific clause can only be used on doubles", value),
        'b' => value switch
        {
            bool b => b ? "1" : "0",
            long or ulong => Radix(value, 2),
            _ => Wrong("only integers and bools can be formatted as binary", value),
        },
        'o' => value is long or ulong ? Radix(value, 8) : Wrong("octal clause can only be used on integers", value),
        'x' or 'X' => value switch
        {
            long or ulong => verb == 'x' ? Radix(value, 16) : Radix(value, 16).ToUpperInvariant(),
            string s => verb == 'x' ? Convert.ToHexStringLower(Encoding.UTF8.GetBytes(s)) : Convert.ToHexString(Encoding.UTF8.GetBytes(s)),
            byte[] bytes => verb == 'x' ? Convert.ToHexStringLower(bytes) : Convert.ToHexString(bytes),
            _ => Wrong("only integers, byte buffers, and strings can be formatted as hex", value),
        },
        _ => new CelError($"could not parse formatting clause: unrecognized formatting clause \"{verb}\""),
    };

    private static double? Number(object? value) => value switch { double d => d, long n => n, ulong n => n, _ => null };

    private static string Infinite(double value) => double.IsNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";

    private static string Scientific(double value, int precision)
    {
        var text = value.ToString("e" + precision.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        var at = text.IndexOf('e', StringComparison.Ordinal);
        return $"{text[..(at + 2)]}{text[(at + 2)..].TrimStart('0').PadLeft(2, '0')}";
    }

    private static string Radix(object value, int radix)
    {
        var number = value is long n ? new BigInteger(n) : new BigInteger((ulong)value);
        var digits = new StringBuilder();
        for (var rest = BigInteger.Abs(number); rest > 0; rest /= radix)
        {
            digits.Insert(0, "0123456789abcdef"[(int)(rest % radix)]);
        }

        return (number < 0 ? "-" : string.Empty) + (digits.Length == 0 ? "0" : digits.ToString());
    }

    private static object Text(object? value)
    {
        switch (value)
        {
            case double d when !double.IsFinite(d):
                return Infinite(d);
            case CelList list:
                var items = new StringBuilder("[");
                foreach (var item in list)
                {
                    var shown = Text(item);
                    if (shown is not string text)
                    {
                        return shown;
                    }

                    if (items.Append(items.Length > 1 ? ", " : string.Empty).Append(text).Length > MaxResult)
                    {
                        return TooLarge;
                    }
                }

                return items.Append(']').ToString();
            case CelMap map:
                long length = 0;
                var entries = new SortedDictionary<string, string>(StringComparer.Ordinal);
                foreach (var key in map.Keys)
                {
                    map.TryGet(key, out var item);
                    var shown = Text(item);
                    if (shown is not string text)
                    {
                        return shown;
                    }

                    entries[CelText.Show(key)] = text;
                    length += text.Length;
                    if (length > MaxResult)
                    {
                        return TooLarge;
                    }
                }

                return "{" + string.Join(", ", entries.Select(entry => $"{entry.Key}: {entry.Value}")) + "}";
            case CelObject or CelOptional or ICelOpaque:
                return Wrong("string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps", value);
            case CelType type:
                return type.Name;
            default:
                return CelText.Show(value);
        }
    }

    private static CelError Wrong(string what, object? value) => new($"error during formatting: {what}, was given {CelValues.TypeOf(value).Name}");
}
