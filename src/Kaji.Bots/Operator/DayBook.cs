using System.Globalization;
using Kaji.Bots.Api;

namespace Kaji.Bots.Operator;

/// <summary>
/// What an account's bots have won or lost since midnight UTC, from what each reports as its profit. An epoch's first figure is where its count begins: a bot may count from its start or from its first day.
/// </summary>
public static class DayBook
{
    /// <summary>The day with figures taken in.</summary>
    /// <param name="day">As kept in the account's status; null for none yet.</param>
    /// <param name="figures">NAMESPACE/NAME, epoch and profit of each bot that reports.</param>
    public static AccountDay Take(AccountDay? day, DateOnly today, IEnumerable<(string Bot, long Epoch, double Profit)> figures)
    {
        var date = today.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        var last = new Dictionary<string, string>(day?.Figures ?? new Dictionary<string, string>(), StringComparer.Ordinal);
        var sum = day?.Date == date ? Number(day.Result) : 0;
        foreach (var (bot, epoch, profit) in figures)
        {
            if (last.TryGetValue(bot, out var known) && known.Split('@') is [var before, var of] && of == epoch.ToString(CultureInfo.InvariantCulture))
            {
                sum += profit - Number(before);
            }

            last[bot] = string.Create(CultureInfo.InvariantCulture, $"{profit:0.########}@{epoch}");
        }

        return new AccountDay { Date = date, Result = sum.ToString("0.########", CultureInfo.InvariantCulture), Figures = last };
    }

    public static double ResultOf(AccountDay? day) => day is null ? 0 : Number(day.Result);

    private static double Number(string? text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
