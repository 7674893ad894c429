using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Kaji.ApiServer.Requests;
using Kaji.Store;

namespace Kaji.ApiServer.Hosting;

/// <summary>The API server's metrics under Kubernetes' names, as Prometheus text.</summary>
internal sealed class RequestMetrics
{
    private static readonly double[] Buckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 5, 10, 30, 60];
    private static readonly long Started = new DateTimeOffset(System.Diagnostics.Process.GetCurrentProcess().StartTime.ToUniversalTime(), TimeSpan.Zero).ToUnixTimeSeconds();
    private readonly ConcurrentDictionary<(string Verb, string Group, string Resource, string Subresource, int Code), Counter> _requests = new();
    private readonly ConcurrentDictionary<(string Verb, string Group, string Resource), Histogram> _durations = new();

    private long _readOnly;
    private long _mutating;
    private long _longRunning;
    private long _authenticated;
    private long _unauthenticated;
    private long _allowed;
    private long _denied;

    public void Began(RequestInfo info) => Interlocked.Increment(ref Gauge(info));

    public void Ended(RequestInfo info) => Interlocked.Decrement(ref Gauge(info));

    public void Authenticated(bool well) => Interlocked.Increment(ref well ? ref _authenticated : ref _unauthenticated);

    public void Authorized(bool allowed) => Interlocked.Increment(ref allowed ? ref _allowed : ref _denied);

    private ref long Gauge(RequestInfo info)
    {
        if (info.IsLongRunning)
        {
            return ref _longRunning;
        }

        return ref info.IsMutating ? ref _mutating : ref _readOnly;
    }

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
    public string Text(IRevisionStore store, Action<StringBuilder> more)
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
        text.Append(CultureInfo.InvariantCulture, $"# TYPE apiserver_current_inflight_requests gauge\napiserver_current_inflight_requests{{request_kind=\"mutating\"}} {Volatile.Read(ref _mutating)}\napiserver_current_inflight_requests{{request_kind=\"readOnly\"}} {Volatile.Read(ref _readOnly)}\n");
        text.Append(CultureInfo.InvariantCulture, $"# TYPE apiserver_longrunning_requests gauge\napiserver_longrunning_requests {Volatile.Read(ref _longRunning)}\n");
        text.Append(CultureInfo.InvariantCulture, $"# TYPE authentication_attempts counter\nauthentication_attempts{{result=\"success\"}} {Volatile.Read(ref _authenticated)}\nauthentication_attempts{{result=\"failure\"}} {Volatile.Read(ref _unauthenticated)}\n");
        text.Append(CultureInfo.InvariantCulture, $"# TYPE authorization_attempts_total counter\nauthorization_attempts_total{{result=\"allowed\"}} {Volatile.Read(ref _allowed)}\nauthorization_attempts_total{{result=\"denied\"}} {Volatile.Read(ref _denied)}\n");
        text.Append("# HELP apiserver_storage_objects Number of stored objects at the time of last check split by kind.\n# TYPE apiserver_storage_objects gauge\n");
        foreach (var (collection, count) in store.Counts())
        {
            // /registry/GROUP/PLURAL/
            if (collection.Split('/') is [_, _, var group, var plural, ""])
            {
                text.Append(CultureInfo.InvariantCulture, $"apiserver_storage_objects{{resource=\"{(group == "core" ? plural : $"{plural}.{group}")}\"}} {count}\n");
            }
        }

        text.Append(CultureInfo.InvariantCulture, $"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {Started}\n# TYPE process_open_fds gauge\nprocess_open_fds {Directory.GetFiles("/proc/self/fd").Length}\n");
        text.Append(CultureInfo.InvariantCulture, $"# TYPE kubernetes_build_info gauge\nkubernetes_build_info{{git_version=\"{Discovery.ServerVersion.Git}\",major=\"1\",minor=\"36\",platform=\"linux\"}} 1\n");
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
