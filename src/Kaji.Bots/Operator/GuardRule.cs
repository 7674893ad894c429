using System.Globalization;
using Kaji.Bots.Api;

namespace Kaji.Bots.Operator;

/// <summary>A bot's figures at a time.</summary>
public readonly record struct FigureSample(TimeSpan At, IReadOnlyDictionary<string, double> Values);

/// <summary>Whether a bot's figures have crossed a guard.</summary>
public static class GuardRule
{
    /// <summary>A rate over less than this says nothing.</summary>
    private static readonly TimeSpan LeastSpan = TimeSpan.FromSeconds(2);

    /// <param name="samples">Oldest first, of one epoch.</param>
    /// <returns>What was crossed, in words; null when nothing was.</returns>
    public static string? Crossed(BotGuard guard, IReadOnlyList<FigureSample> samples)
    {
        if (ValueOf(guard, samples) is not { } value)
        {
            return null;
        }

        if (double.IsPositiveInfinity(value))
        {
            return Number(guard.Max) is null ? null : $"guard {guard.Name}: {guard.Metric} grows while {guard.By} stands still";
        }

        var what = guard.By is { } by ? $"{guard.Metric} / {by}" : guard.Of == "Rate" ? $"{guard.Metric} per second" : guard.Metric;
        return Number(guard.Max) is { } max && value > max ? string.Create(CultureInfo.InvariantCulture, $"guard {guard.Name}: {what} is {value:0.####}, above {guard.Max}")
            : Number(guard.Min) is { } min && value < min ? string.Create(CultureInfo.InvariantCulture, $"guard {guard.Name}: {what} is {value:0.####}, below {guard.Min}")
            : null;
    }

    private static double? ValueOf(BotGuard guard, IReadOnlyList<FigureSample> samples)
    {
        if (samples.Count == 0 || !samples[^1].Values.TryGetValue(guard.Metric, out var last))
        {
            return null;
        }

        if (guard.By is null && guard.Of != "Rate")
        {
            return last;
        }

        var since = samples[^1].At - TimeSpan.FromSeconds(guard.WindowSeconds ?? 60);
        var first = samples.FirstOrDefault(s => s.At >= since && s.Values.ContainsKey(guard.Metric));
        if (first.Values is null || samples[^1].At - first.At < LeastSpan)
        {
            return null;
        }

        var change = last - first.Values[guard.Metric];
        if (guard.By is not { } by)
        {
            return change / (samples[^1].At - first.At).TotalSeconds;
        }

        var of = samples[^1].Values.GetValueOrDefault(by) - first.Values.GetValueOrDefault(by);
        return of > 0 ? change / of : change > 0 ? double.PositiveInfinity : null;
    }

    internal static double? Number(string? text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : null;
}
