using System.Globalization;

namespace Kaji.Cel.Values;

/// <summary>A duration in nanoseconds, read from and written as Go's <c>1h30m</c> and <c>5400s</c>.</summary>
public readonly record struct CelDuration(long Nanoseconds) : IComparable<CelDuration>
{
    private static readonly (string Unit, long Nanoseconds)[] Units =
        [("ns", 1), ("us", 1_000), ("µs", 1_000), ("μs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000)];

    public int CompareTo(CelDuration other) => Nanoseconds.CompareTo(other.Nanoseconds);

    /// <summary>Numbers with units one after another, with a sign before: <c>-1.5h10m</c>.</summary>
    public static bool TryParse(string text, out CelDuration duration)
    {
        duration = default;
        var rest = text.AsSpan();
        var negative = rest.StartsWith("-");
        if (negative || rest.StartsWith("+"))
        {
            rest = rest[1..];
        }

        if (rest.SequenceEqual("0"))
        {
            return true;
        }

        if (rest.IsEmpty)
        {
            return false;
        }

        decimal total = 0;
        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExcept("0123456789.");
            if (digits <= 0 || digits > 25 || !decimal.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            {
                return false;
            }

            rest = rest[digits..];
            var end = rest.IndexOfAny("0123456789.");
            var unit = end < 0 ? rest : rest[..end];
            long scale = 0;
            foreach (var known in Units)
            {
                if (unit.SequenceEqual(known.Unit))
                {
                    scale = known.Nanoseconds;
                }
            }

            if (scale == 0 || (double)number * scale > 1e19)
            {
                return false;
            }

            total += Math.Truncate(number * scale);
            if (total > 9223372036854775808m)
            {
                return false;
            }

            rest = rest[unit.Length..];
        }

        total = negative ? -total : total;
        if (total is > long.MaxValue or < long.MinValue)
        {
            return false;
        }

        duration = new CelDuration((long)total);
        return true;
    }

    /// <summary>What schemas also take for a duration: one number and a word, <c>3 days</c>, <c>2 weeks</c>, <c>5 min</c>.</summary>
    internal static bool TryParseWords(string text, out CelDuration duration)
    {
        duration = default;
        var trimmed = text.AsSpan().Trim();
        var end = trimmed.IndexOfAnyExcept("0123456789");
        if (end is <= 0 or > 9)
        {
            return false;
        }

        var word = trimmed[end..].Trim().ToString();
        var unit = (word.Length > 2 ? word.TrimEnd('s') : word) switch
        {
            "nano" or "nanosecond" => 1,
            "micro" or "microsecond" => 1_000,
            "milli" or "millisecond" => 1_000_000,
            "sec" or "second" => 1_000_000_000,
            "min" or "minute" => 60_000_000_000,
            "hr" or "hour" => 3_600_000_000_000,
            "d" or "day" => 86_400_000_000_000,
            "w" or "wk" or "week" => 604_800_000_000_000,
            _ => 0L,
        };
        var nanoseconds = (Int128)unit * long.Parse(trimmed[..end], NumberStyles.None, CultureInfo.InvariantCulture);
        duration = new CelDuration(nanoseconds <= long.MaxValue ? (long)nanoseconds : 0);
        return unit != 0 && nanoseconds <= long.MaxValue;
    }

    /// <summary>In seconds, as JSON of protobuf writes it: <c>5400s</c>, <c>0.500s</c> as <c>0.5s</c>.</summary>
    public override string ToString() => ((decimal)Nanoseconds / 1_000_000_000m).ToString("0.#########", CultureInfo.InvariantCulture) + "s";
}
