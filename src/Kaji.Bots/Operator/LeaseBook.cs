using System.Collections.Concurrent;
using k8s.Models;
using Kaji.Bots.Fence;
using Kaji.Bots.Warden;

namespace Kaji.Bots.Operator;

/// <summary>The grantor's memory: since when, by this process's own clock, each bot's Lease has stood at the version that it last saw.</summary>
public sealed class LeaseBook(Func<TimeSpan> clock)
{
    private readonly ConcurrentDictionary<(string Namespace, string Bot), (TakeoverWatch Watch, int Seconds)> _watches = new();

    /// <summary>A version of a Lease that the server has now, as far as the watch knows.</summary>
    public void Observe(string ns, string bot, V1Lease lease)
    {
        var seconds = Math.Max(4, lease.Spec?.LeaseDurationSeconds ?? 5);
        var (watch, known) = _watches.GetOrAdd((ns, bot), _ => (new TakeoverWatch(WardenPlan.TimingOf(seconds)), seconds));
        if (known != seconds)
        {
            _watches[(ns, bot)] = (watch, _) = (new TakeoverWatch(WardenPlan.TimingOf(seconds)), seconds);
        }

        lock (watch)
        {
            watch.Observe(LeaseRecord.Of(lease), clock());
        }
    }

    public void Forget(string ns, string bot) => _watches.TryRemove((ns, bot), out _);

    /// <summary>How long a version of the Lease must stand still until the next epoch may be granted over it; null when this version was not observed.</summary>
    public TimeSpan? GrantIn(string ns, string bot, string version)
    {
        if (!_watches.TryGetValue((ns, bot), out var known))
        {
            return null;
        }

        var watch = known.Watch;
        lock (watch)
        {
            return watch.Seen?.Version == version && watch.MayGrantAt is { } at ? at - clock() : null;
        }
    }
}
