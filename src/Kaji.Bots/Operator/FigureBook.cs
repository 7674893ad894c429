using System.Globalization;
using Kaji.Bots.Api;
using Kaji.Bots.Warden;

namespace Kaji.Bots.Operator;

/// <summary>
/// What the wardens reported of all bots, as far as it is needed to judge one of them: the newest data of its peers, its own figures over the guards' windows. In memory
/// alone; a new operator knows again after one report of each.
/// </summary>
public sealed class FigureBook(TimeProvider time, ProbeBook probes)
{
    private const int MostSamples = 2048;
    private static readonly TimeSpan CalmAfter = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(10);
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Namespace, string Bot), Entry> _entries = [];

    /// <summary>Takes in a report, if it is new, and judges the bot; of several things that are wrong the gravest.</summary>
    public Verdict? Judge(Bot bot, BotReport? report, string? version)
    {
        var key = (bot.Metadata.NamespaceProperty, bot.Metadata.Name);
        lock (_gate)
        {
            if (report is not { State: BotReport.Acting })
            {
                if (_entries.TryGetValue(key, out var rests))
                {
                    rests.Rest();
                }

                return null;
            }

            var entry = _entries.TryGetValue(key, out var known) && known.Epoch == report.Epoch ? known : _entries[key] = new Entry(report.Epoch, time.GetTimestamp()) { ReplaceThrough = known?.ReplaceThrough ?? 0, DeafInARow = known?.DeafInARow ?? 0 };
            if (entry.Version != version)
            {
                entry.Take(report, version, bot.Spec.Markets ?? [], time, Window(bot.Spec));
            }

            Verdict?[] verdicts = [.. (bot.Spec.Guards ?? []).Select(g => Guard(g, entry)), Fresh(bot, key, entry), Orders(bot.Spec, entry)];
            return verdicts.OfType<Verdict>().MaxBy(v => v.Action);
        }
    }

    /// <summary>How long this process has seen an epoch act, by its own clock; null when it does not.</summary>
    public TimeSpan? ActingFor(string ns, string bot, long epoch)
    {
        lock (_gate)
        {
            return _entries.TryGetValue((ns, bot), out var entry) && entry.Acts && entry.Epoch == epoch ? time.GetElapsedTime(entry.Began) : null;
        }
    }

    /// <summary>What was said of a bot's freshness when it was last judged; null when it isn't watched for that.</summary>
    public (bool? Deaf, string Why)? FreshnessOf(string ns, string bot)
    {
        lock (_gate)
        {
            return _entries.TryGetValue((ns, bot), out var entry) && entry.Acts ? entry.Freshness : null;
        }
    }

    /// <summary>Epochs of the bot up to this are to be replaced.</summary>
    public long ReplaceThrough(string ns, string bot)
    {
        lock (_gate)
        {
            return _entries.TryGetValue((ns, bot), out var entry) ? entry.ReplaceThrough : 0;
        }
    }

    public void Replace(string ns, string bot, long through)
    {
        lock (_gate)
        {
            if (_entries.TryGetValue((ns, bot), out var entry))
            {
                entry.DeafInARow += through > entry.ReplaceThrough ? 1 : 0;
                entry.ReplaceThrough = Math.Max(entry.ReplaceThrough, through);
            }
        }
    }

    /// <summary>Whether the age should be written into the status; says so once in a while.</summary>
    public bool AgeDue(string ns, string bot, TimeSpan every)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue((ns, bot), out var entry) || (entry.AgeSaid is { } said && time.GetElapsedTime(said) < every))
            {
                return false;
            }

            entry.AgeSaid = time.GetTimestamp();
            return true;
        }
    }

    /// <summary>A figure as the acting bot last reported it, with its epoch; null when it does not act, or has not said.</summary>
    public (long Epoch, double Value)? Latest(string ns, string bot, string metric)
    {
        lock (_gate)
        {
            return _entries.TryGetValue((ns, bot), out var entry) && entry.Acts && entry.Samples.Count > 0 && entry.Samples[^1].Values.TryGetValue(metric, out var value) ? (entry.Epoch, value) : null;
        }
    }

    public void Forget(string ns, string bot)
    {
        lock (_gate)
        {
            _entries.Remove((ns, bot));
        }
    }

    private static TimeSpan Window(BotSpec spec) => TimeSpan.FromSeconds(Math.Max((spec.Guards ?? []).Select(g => g.WindowSeconds ?? 60).DefaultIfEmpty().Max(), spec.Freshness?.OrdersExpected?.WithinSeconds ?? 0) + 5);

    private static Verdict? Guard(BotGuard guard, Entry entry) => GuardRule.Crossed(guard, entry.Samples) is { } crossed
        ? new Verdict(guard.Action switch { "HaltAccount" => VerdictAction.HaltAccount, "Alert" => VerdictAction.Alert, _ => VerdictAction.HaltBot }, "Guard", crossed, entry.Epoch)
        : null;

    private Verdict? Fresh(Bot bot, (string Namespace, string Bot) key, Entry entry)
    {
        if (bot.Spec.Freshness is not { } freshness)
        {
            entry.Freshness = null;
            entry.Listening("", time);
            return null;
        }

        var reference = freshness.Probe is { } probe
            ? probes.AgeOf(key.Namespace, probe)
            : _entries.Where(e => e.Key != key && e.Value.Acts && e.Value.Age is not null && e.Value.Markets.Any(m => entry.Markets.Contains(m, StringComparer.Ordinal))).Min(e => e.Value.AgeNow(time));
        var limit = double.Parse(freshness.LimitSeconds, CultureInfo.InvariantCulture);
        var acting = time.GetElapsedTime(entry.Listening(Source(freshness), time));
        var (deaf, why) = FreshnessRule.Judge(entry.AgeNow(time), reference, limit, acting);
        entry.Freshness = (deaf, why);
        if (deaf != true)
        {
            entry.DeafInARow = deaf == false && acting > CalmAfter ? 0 : entry.DeafInARow;
            return null;
        }

        // A restart that did not help is not repeated at once: after 10, 20, 40 s ... of acting.
        var action = freshness.Remedy switch { "Halt" => VerdictAction.HaltBot, "Alert" => VerdictAction.Alert, _ => VerdictAction.Restart };
        var pause = TimeSpan.FromSeconds(entry.DeafInARow == 0 ? 0 : 5 * Math.Pow(2, Math.Min(entry.DeafInARow, 8)));
        return new Verdict(action == VerdictAction.Restart && acting < (pause < LongestPause ? pause : LongestPause) ? VerdictAction.Alert : action, "Deaf", why, entry.Epoch);
    }

    /// <summary>Where a bot says how fresh it is; another place is not known to say anything yet.</summary>
    private static string Source(BotFreshness freshness) => $"{freshness.Metric}|{freshness.JsonField}|{freshness.File}|{freshness.SdNotify}|{freshness.Port}|{freshness.Path}";

    private static Verdict? Orders(BotSpec spec, Entry entry)
    {
        if (spec.Freshness?.OrdersExpected is not { } expected || entry.Samples is not [var first, .., var last] || entry.Freshness is { Deaf: true })
        {
            return null;
        }

        var within = TimeSpan.FromSeconds(expected.WithinSeconds);
        var start = entry.Samples.LastOrDefault(s => last.At - s.At >= within);
        return start.Values is null && last.At - first.At < within ? null
            : start.Values is not null && start.Values.TryGetValue(expected.Metric, out var before) && last.Values.TryGetValue(expected.Metric, out var now) && now <= before
                ? new Verdict(VerdictAction.Alert, "NoOrders", $"its data is fresh, but {expected.Metric} has stood still for {expected.WithinSeconds} s", entry.Epoch)
                : null;
    }

    private sealed class Entry(long epoch, long began)
    {
        private string? _source;
        private long _listening = began;

        public long Epoch { get; } = epoch;

        /// <summary>When it was first seen to act.</summary>
        public long Began { get; } = began;

        public bool Acts { get; private set; }

        public string? Version { get; private set; }

        public double? Age { get; private set; }

        public IList<string> Markets { get; private set; } = [];

        public List<FigureSample> Samples { get; } = [];

        public (bool? Deaf, string Why)? Freshness { get; set; }

        public long ReplaceThrough { get; set; }

        /// <summary>Epochs before this one that were replaced because they were deaf, with none between that heard for a while.</summary>
        public int DeafInARow { get; set; }

        public long? AgeSaid { get; set; }

        private long At { get; set; }

        public double? AgeNow(TimeProvider time) => Age is { } age ? age + time.GetElapsedTime(At).TotalSeconds : null;

        /// <summary>Since when it has been listened to at a place: since it acts, or since the spec names that place.</summary>
        public long Listening(string source, TimeProvider time)
        {
            if (_source is not null && _source != source)
            {
                _listening = time.GetTimestamp();
            }

            _source = source;
            return _listening;
        }

        /// <summary>It does not act: what was known of its figures says nothing any more.</summary>
        public void Rest()
        {
            (Acts, Age) = (false, null);
            Samples.Clear();
        }

        public void Take(BotReport report, string? version, IList<string> markets, TimeProvider time, TimeSpan window)
        {
            (Acts, Version, Age, Markets, At) = (true, version, report.Age, markets, time.GetTimestamp());
            if (report.Metrics is not { Count: > 0 } metrics)
            {
                return;
            }

            // The newest is always there; of those before only so many that the window fits.
            var now = time.GetElapsedTime(Began);
            if (Samples.Count > 1 && Samples[^1].At - Samples[^2].At < window / MostSamples)
            {
                Samples.RemoveAt(Samples.Count - 1);
            }

            Samples.Add(new FigureSample(now, metrics.AsReadOnly()));
            Samples.RemoveAll(s => s.At < now - window);
        }
    }
}
