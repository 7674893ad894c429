using System.Globalization;
using Kaji.Bots.Api;

namespace Kaji.Bots.Operator;

/// <summary>Whether a schedule lets a bot run at a time, and when that changes.</summary>
public static class ScheduleRule
{
    private static readonly TimeSpan Horizon = TimeSpan.FromDays(8);

    /// <returns>Whether it may run; how long that stays so (null: for ever); why the schedule can't be read.</returns>
    public static (bool Runs, TimeSpan? Change, string? Fault) At(BotSchedule? schedule, DateTimeOffset now)
    {
        if (schedule?.Windows is not { Count: > 0 } windows)
        {
            return (true, null, null);
        }

        if (!TimeZoneInfo.TryFindSystemTimeZoneById(schedule.TimeZone ?? "UTC", out var zone))
        {
            return (false, null, $"spec.schedule.timeZone: {schedule.TimeZone} is not a time zone that this machine knows");
        }

        var runs = Within(windows, TimeZoneInfo.ConvertTime(now, zone));

        // Windows begin and end on whole minutes: the next minute at which the answer differs.
        var minute = new DateTimeOffset(now.Ticks - (now.Ticks % TimeSpan.TicksPerMinute), now.Offset);
        for (var ahead = TimeSpan.FromMinutes(1); ahead < Horizon; ahead += TimeSpan.FromMinutes(1))
        {
            if (Within(windows, TimeZoneInfo.ConvertTime(minute + ahead, zone)) != runs)
            {
                return (runs, minute + ahead - now, null);
            }
        }

        return (runs, null, null);
    }

    private static bool Within(IList<ScheduleWindow> windows, DateTimeOffset local)
    {
        var (time, today, yesterday) = (local.TimeOfDay, Day(local), Day(local.AddDays(-1)));
        return windows.Any(w =>
        {
            var (from, to) = (Time(w.From), Time(w.To));
            bool On(string day) => w.Days is not { Count: > 0 } || w.Days.Contains(day, StringComparer.Ordinal);
            return from < to ? On(today) && time >= from && time < to : (On(today) && time >= from) || (On(yesterday) && time < to);
        });
    }

    private static string Day(DateTimeOffset local) => local.DayOfWeek.ToString()[..3];

    private static TimeSpan Time(string text) => text == "24:00" ? TimeSpan.FromDays(1) : TimeSpan.ParseExact(text, "hh\\:mm", CultureInfo.InvariantCulture);
}
