using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Kaji.ApiServer.Requests;

namespace Kaji.ApiServer.Hosting;

/// <summary>The API server's metrics under Kubernetes' names, as Prometheus text.</summary>
internal sealed class RequestMetrics
{
    private static readonly double[] Buckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 5, 10, 30, 60];
    private readonly ConcurrentDictionary<(string Verb, string Group, string Resource, string Subresource, int Code), Counter> _requests = new();
    private readonly ConcurrentDictionary<(string Verb, string Group, string Resource), Histogram> _durations = new();

    /// <param name="known">Whether the path names a resource that is served.</param>
    public void Count(RequestInfo info, bool known, int code, TimeSpan duration)
    {
        // Paths that name no resource are counted together: their number must not follow what clients make up.
        var (resource, group, subresource) = known ? (info.Resource, info.Group, info.Subresource) : ("", "", "");
        var verb = info.Verb.ToUpperInvariant();
        _requests.GetOrAdd((verb, group, resource, subresource.Length > 20 ? "" : subresource, code), static _ => new Counter()).Increment();
        if (verb != "WATCH")
        {
            _durations.GetOrAdd((verb, group, resource), static _ => new Histogram()).Observe(duration.TotalSeconds);
        }
    }

    /// <param name="more">Writes what others count.</param>
    public string Text(Action<StringBuilder> more)
    {
        var text = new StringBuilder("# HELP apiserver_request_total Counter of apiserver requests broken out for each verb, group, resource and HTTP response code.\n# TYPE apiserver_request_total counter\n");
        foreach (var ((verb, group, resource, subresource, code), counter) in _requests)
        {
            text.Append(CultureInfo.InvariantCulture, $"apiserver_request_total{{code=\"{code}\",group=\"{group}\",resource=\"{resource}\",subresource=\"{subresource}\",verb=\"{verb}\"}} {counter.Value}\n");
        }

        text.Append("# HELP apiserver_request_duration_seconds Response latency distribution in seconds.\n# TYPE apiserver_request_duration_seconds histogram\n");
        foreach (var ((verb, group, resource), histogram) in _durations)
        {
            histogram.Write(text, $"group=\"{group}\",resource=\"{resource}\",verb=\"{verb}\"");
        }

        text.Append(CultureInfo.InvariantCulture, $"# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {Environment.WorkingSet}\n# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total {Environment.CpuUsage.TotalTime.TotalSeconds}\n");
        more(text);
        return text.ToString();
    }

    private sealed class Counter
    {
        private long _value;

        public long Value => Volatile.Read(ref _value);

        public void Increment() => Interlocked.Increment(ref _value);
    }

    private sealed class Histogram
    {
        private readonly long[] _counts = new long[Buckets.Length + 1];
        private double _sum;

        public void Observe(double seconds)
        {
            var at = Array.FindIndex(Buckets, b => seconds <= b);
            Interlocked.Increment(ref _counts[at < 0 ? Buckets.Length : at]);
            lock (_counts)
            {
                _sum += seconds;
            }
        }

        public void Write(StringBuilder text, string labels)
        {
            long total = 0;
            for (var i = 0; i < Buckets.Length; i++)
            {
                total += Volatile.Read(ref _counts[i]);
                text.Append(CultureInfo.InvariantCulture, $"apiserver_request_duration_seconds_bucket{{{labels},le=\"{Buckets[i]}\"}} {total}\n");
            }

            total += Volatile.Read(ref _counts[^1]);
            text.Append(CultureInfo.InvariantCulture, $"apiserver_request_duration_seconds_bucket{{{labels},le=\"+Inf\"}} {total}\napiserver_request_duration_seconds_sum{{{labels}}} {_sum}\napiserver_request_duration_seconds_count{{{labels}}} {total}\n");
        }
    }
}
