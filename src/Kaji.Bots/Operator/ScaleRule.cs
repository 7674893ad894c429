namespace Kaji.Bots.Operator;

/// <summary>
/// How many replicas a Shared bot should have: replicas × (average / target), rounded up, within a tenth left alone, as the horizontal autoscaler has it. Pods that say nothing count as idle when it
/// would grow and as on target when it would shrink; it shrinks to the most that the last five minutes asked for.
/// </summary>
public sealed class ScaleRule
{
    private static readonly TimeSpan Memory = TimeSpan.FromMinutes(5);
    private readonly List<(TimeSpan At, int Replicas)> _wanted = [];

    /// <param name="at">By any clock that only grows.</param>
    /// <param name="now">Replicas that are there.</param>
    /// <param name="values">Of the Pods that say one.</param>
    public int Want(TimeSpan at, int now, IReadOnlyCollection<double> values, double target, int least, int most)
    {
        var replicas = Math.Max(1, now);
        var silent = Math.Max(0, replicas - values.Count);
        var ratio = values.Count == 0 ? 1 : values.Average() / target;
        ratio = ratio > 1 ? Math.Max(1, values.Sum() / (replicas * target)) : ratio < 1 ? Math.Min(1, (values.Sum() + (silent * target)) / (replicas * target)) : 1;
        var wants = Math.Clamp(ratio is > 0.9 and < 1.1 ? now : (int)Math.Ceiling(replicas * ratio), least, most);
        _wanted.RemoveAll(w => w.At < at - Memory);
        _wanted.Add((at, wants));
        return wants >= now ? wants : Math.Clamp(Math.Min(now, _wanted.Max(w => w.Replicas)), least, most);
    }
}
