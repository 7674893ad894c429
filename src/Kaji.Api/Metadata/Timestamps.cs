using System.Globalization;

namespace Kaji.Api.Metadata;

/// <summary>metav1.Time (seconds) and metav1.MicroTime on the wire, and durations as kubectl shows them.</summary>
public static class Timestamps
{
    public static string Format(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public static string FormatMicro(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    public static bool TryParse(string? text, out DateTimeOffset time) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time);

    /// <summary>duration.HumanDuration of apimachinery: <c>90s</c>, <c>5m30s</c>, <c>3h10m</c>, <c>2d3h</c>, <c>45d</c>, <c>2y34d</c>.</summary>
    public static string HumanDuration(TimeSpan d)
    {
        var seconds = (long)d.TotalSeconds;
        switch (seconds)
        {
            case < -1:
                return "<invalid>";
            case < 0:
                return "0s";
            case < 120:
                return $"{seconds}s";
        }

        var minutes = seconds / 60;
        if (minutes < 10)
        {
            return seconds % 60 == 0 ? $"{minutes}m" : $"{minutes}m{seconds % 60}s";
        }

        if (minutes < 180)
        {
            return $"{minutes}m";
        }

        var hours = minutes / 60;
        if (hours < 8)
        {
            return minutes % 60 == 0 ? $"{hours}h" : $"{hours}h{minutes % 60}m";
        }

        if (hours < 48)
        {
            return $"{hours}h";
        }

        var days = hours / 24;
        if (hours < 192)
        {
            return hours % 24 == 0 ? $"{days}d" : $"{days}d{hours % 24}h";
        }

        if (days < 730)
        {
            return $"{days}d";
        }

        var years = days / 365;
        return days >= 365 * 8 || days % 365 == 0 ? $"{years}y" : $"{years}y{days % 365}d";
    }
}
