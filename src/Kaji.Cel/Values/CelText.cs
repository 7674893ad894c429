using System.Globalization;
using System.Text;

namespace Kaji.Cel.Values;

/// <summary>Strings as CEL sees them, as sequences of code points, and values as texts.</summary>
public static class CelText
{
    /// <summary>How many code points a string has.</summary>
    public static long Length(string text)
    {
        long count = text.Length;
        for (var i = 0; i + 1 < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && char.IsLowSurrogate(text[i + 1]))
            {
                count--;
                i++;
            }
        }

        return count;
    }

    /// <summary>The code units at which code points begin, and the end; null when every unit is a code point.</summary>
    internal static int[]? Starts(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\ud800', '\udfff'))
        {
            return null;
        }

        var starts = new List<int>(text.Length + 1);
        for (var i = 0; i < text.Length; i++)
        {
            starts.Add(i);
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                i++;
            }
        }

        starts.Add(text.Length);
        return [.. starts];
    }

    /// <summary>Order of code points (that of UTF-8 bytes), which UTF-16's order is not above U+FFFF.</summary>
    internal static int Compare(string a, string b)
    {
        var length = Math.Min(a.Length, b.Length);
        for (var i = 0; i < length; i++)
        {
            if (a[i] != b[i])
            {
                var (x, y) = (a[i], b[i]);
                return char.IsSurrogate(x) != char.IsSurrogate(y) ? (char.IsSurrogate(x) ? 1 : -1) : x.CompareTo(y);
            }
        }

        return a.Length.CompareTo(b.Length);
    }

    /// <summary>A double as Go's %g or strconv's shortest form writes it.</summary>
    internal static string Number(double value)
    {
        if (double.IsNaN(value))
        {
            return "NaN";
        }

        if (double.IsInfinity(value))
        {
            return value > 0 ? "+Inf" : "-Inf";
        }

        var magnitude = Math.Abs(value);
        if (value == 0 || magnitude is >= 1e-4 and < 1e21)
        {
            var text = value.ToString("R", CultureInfo.InvariantCulture);
            return text.Contains('E', StringComparison.Ordinal) ? ((decimal)value).ToString(CultureInfo.InvariantCulture) : text;
        }

        var round = value.ToString("R", CultureInfo.InvariantCulture);
        var at = round.IndexOf('E', StringComparison.Ordinal);
        if (at < 0)
        {
            round = value.ToString("0.################E+00", CultureInfo.InvariantCulture);
            at = round.IndexOf('E', StringComparison.Ordinal);
        }

        var digits = round[(at + 2)..].PadLeft(2, '0');
        return $"{round[..at]}e{round[at + 1]}{digits}";
    }

    /// <summary>A value inside an error text.</summary>
    public static string Show(object? value) => value switch
    {
        null => "null",
        string s => s,
        bool b => b ? "true" : "false",
        long n => n.ToString(CultureInfo.InvariantCulture),
        ulong n => n.ToString(CultureInfo.InvariantCulture),
        double d => Number(d),
        byte[] bytes => Encoding.UTF8.GetString(bytes),
        CelError error => error.Message,
        CelList list => $"[{string.Join(", ", list.Select(Show))}]",
        CelMap map => "{" + string.Join(", ", map.Keys.Select(key => $"{Show(key)}: {(map.TryGet(key, out var item) ? Show(item) : string.Empty)}")) + "}",
        CelObject o => o.CelType.Name,
        CelOptional optional => optional.HasValue ? $"optional({Show(optional.Value)})" : "optional.none()",
        _ => value.ToString() ?? string.Empty,
    };
}
