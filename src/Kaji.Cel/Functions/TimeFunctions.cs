using System.Globalization;
using Kaji.Cel.Values;
using static Kaji.Cel.CelType;
using static Kaji.Cel.Functions.Declare;

namespace Kaji.Cel.Functions;

/// <summary>Parts of timestamps, in UTC or a time zone, and of durations.</summary>
internal static class TimeFunctions
{
    public static IReadOnlyList<CelOverload> All { get; } =
    [
        .. Part("getFullYear", "year", t => t.Year),
        .. Part("getMonth", "month", t => t.Month - 1),
        .. Part("getDayOfYear", "day_of_year", t => t.DayOfYear - 1),
        .. Part("getDayOfMonth", "day_of_month", t => t.Day - 1),
        .. Part("getDate", "day_of_month_1_based", t => t.Day),
        .. Part("getDayOfWeek", "day_of_week", t => (long)t.DayOfWeek),
        .. Part("getHours", "hours", t => t.Hour),
        .. Part("getMinutes", "minutes", t => t.Minute),
        .. Part("getSeconds", "seconds", t => t.Second),
        .. Part("getMilliseconds", "milliseconds", t => t.Millisecond),
        Span("getHours", 3_600_000_000_000),
        Span("getMinutes", 60_000_000_000),
        Span("getSeconds", 1_000_000_000),
        Span("getMilliseconds", 1_000_000),
    ];

    private static CelOverload Span(string function, long unit) =>
        Member(function, $"duration_to_{function}", [Duration], Int, a => ((CelDuration)a[0]!).Nanoseconds / unit);

    private static IEnumerable<CelOverload> Part(string function, string id, Func<DateTime, long> part)
    {
        yield return Member(function, $"timestamp_to_{id}", [Timestamp], Int, a => part(((CelTimestamp)a[0]!).ToDateTime()));
        yield return Member(function, $"timestamp_to_{id}_with_tz", [Timestamp, Text], Int, a =>
        {
            var time = ((CelTimestamp)a[0]!).ToDateTime();
            return Offset(time, (string)a[1]!) is { } offset ? part(Move(time, offset)) : new CelError($"unknown time zone {a[1]}");
        });
    }

    private static DateTime Move(DateTime time, TimeSpan offset)
    {
        var ticks = Math.Clamp(time.Ticks + offset.Ticks, DateTime.MinValue.Ticks, DateTime.MaxValue.Ticks);
        return new DateTime(ticks, DateTimeKind.Utc);
    }

    // "America/New_York", "UTC", "+02:30", "-5:00", "02:00".
    private static TimeSpan? Offset(DateTime time, string zone)
    {
        var colon = zone.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
        {
            if (zone is "" or "UTC")
            {
                return TimeSpan.Zero;
            }

            return TimeZoneInfo.TryFindSystemTimeZoneById(zone, out var found) ? found.GetUtcOffset(time) : null;
        }

        if (!int.TryParse(zone.AsSpan(0, colon), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var hours) || !int.TryParse(zone.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var minutes)
            || Math.Abs(hours) > 23 || minutes > 59)
        {
            return null;
        }

        return TimeSpan.FromMinutes((hours * 60) + (zone.StartsWith('-') ? -minutes : minutes));
    }
}
