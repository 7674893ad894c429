using System.Globalization;

namespace Kaji.Cel.Values;

/// <summary>A point in time of the years 1 to 9999, in seconds since 1970 and nanoseconds.</summary>
public readonly record struct CelTimestamp(long Seconds, int Nanos) : IComparable<CelTimestamp>
{
    public const long MinSeconds = -62135596800;
    public const long MaxSeconds = 253402300799;

    public bool IsInRange => Seconds is >= MinSeconds and <= MaxSeconds;

    public int CompareTo(CelTimestamp other) => Seconds != other.Seconds ? Seconds.CompareTo(other.Seconds) : Nanos.CompareTo(other.Nanos);

    /// <summary>RFC 3339: <c>2023-06-14T02:00:14.123456789+02:00</c>.</summary>
    public static bool TryParse(string text, out CelTimestamp timestamp)
    {
        timestamp = default;
        if (text.Length < 20 || !DateTime.TryParseExact(text.AsSpan(0, 19), "yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time))
        {
            return false;
        }

        var rest = text.AsSpan(19);
        var nanos = 0;
        if (rest[0] == '.')
        {
            var end = rest[1..].IndexOfAnyExcept("0123456789");
            if (end <= 0)
            {
                return false;
            }

            var digits = rest.Slice(1, Math.Min(end, 9));
            nanos = int.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
            for (var i = digits.Length; i < 9; i++)
            {
                nanos *= 10;
            }

            rest = rest[(end + 1)..];
        }

        long offset = 0;
        if (rest is not "Z")
        {
            if (rest.Length != 6 || rest[0] is not ('+' or '-') || rest[3] != ':' || !int.TryParse(rest.Slice(1, 2), NumberStyles.None, CultureInfo.InvariantCulture, out var hours)
                || !int.TryParse(rest.Slice(4, 2), NumberStyles.None, CultureInfo.InvariantCulture, out var minutes) || hours > 23 || minutes > 59)
            {
                return false;
            }

            offset = ((hours * 60) + minutes) * 60 * (rest[0] == '-' ? -1 : 1);
        }

        timestamp = new CelTimestamp(((time.Ticks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerSecond) - offset, nanos);
        return timestamp.IsInRange;
    }

    public static CelTimestamp FromDateTime(DateTimeOffset time)
    {
        var ticks = time.UtcTicks - DateTime.UnixEpoch.Ticks;
        var seconds = Math.DivRem(ticks, TimeSpan.TicksPerSecond, out var rest);
        return rest < 0 ? new CelTimestamp(seconds - 1, (int)(rest + TimeSpan.TicksPerSecond) * 100) : new CelTimestamp(seconds, (int)rest * 100);
    }

    public object Add(long nanoseconds)
    {
        var nanos = (Int128)Nanos + nanoseconds;
        var carry = (long)(nanos / 1_000_000_000);
        var rest = (int)(nanos % 1_000_000_000);
        if (rest < 0)
        {
            rest += 1_000_000_000;
            carry--;
        }

        var moved = new CelTimestamp(Seconds + carry, rest);
        return moved.IsInRange ? moved : new CelError("timestamp overflow");
    }

    public object Minus(CelTimestamp other)
    {
        var nanos = (((Int128)Seconds - other.Seconds) * 1_000_000_000) + Nanos - other.Nanos;
        return nanos >= long.MinValue && nanos <= long.MaxValue ? new CelDuration((long)nanos) : new CelError("duration overflow");
    }

    public DateTime ToDateTime() => DateTime.UnixEpoch.AddSeconds(Seconds).AddTicks(Nanos / 100);

    public override string ToString()
    {
        var text = DateTime.UnixEpoch.AddSeconds(Seconds).ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture);
        return Nanos == 0 ? text + "Z" : $"{text}.{Nanos.ToString("D9", CultureInfo.InvariantCulture).TrimEnd('0')}Z";
    }
}
