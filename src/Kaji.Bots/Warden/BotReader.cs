using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Bots.Api;

namespace Kaji.Bots.Warden;

/// <summary>
/// Reads what a bot says of itself: the age of its newest data and the figures of its metrics page. What it does not say any more grows older, so that a bot that
/// hangs is not mistaken for one with fresh data.
/// </summary>
public sealed class BotReader(WardenPlan first, IHolder holder, HookCaller caller, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan PageLimit = TimeSpan.FromMilliseconds(300);
    private volatile Heard? _heard;
    private NotifySocket? _notify;
    private Dictionary<string, double>? _metrics;
    private volatile WardenPlan _plan = first;

    /// <summary>Seconds since the newest data that it acted on came; null when it has never said.</summary>
    public double? Age => _heard is { } heard ? heard.Age + time.GetElapsedTime(heard.At).TotalSeconds : null;

    public IDictionary<string, double>? Metrics => _metrics;

    /// <summary>What to read; may change while the bot acts. What was said at another place counts no more.</summary>
    public WardenPlan Plan
    {
        set
        {
            _heard = value.Freshness == _plan.Freshness ? _heard : null;
            _plan = value;
        }
    }

    public void Dispose() => _notify?.Dispose();

    /// <exception cref="IOException">The bot's container stands in the way of its socket.</exception>
    public async Task ReadAsync(CancellationToken cancellationToken)
    {
        var plan = _plan;
        if (holder.Address is not { } address)
        {
            return;
        }

        if (plan.Freshness?.SdNotify is { } word && _notify is null && holder.PathOf(NotifySocket.Place) is { } place)
        {
            _notify = Listen(place, word);
        }

        if (plan.Freshness?.File is { } file && holder.PathOf(file) is { } path && new FileInfo(path) is { Exists: true } written)
        {
            Hear((time.GetUtcNow() - written.LastWriteTimeUtc).TotalSeconds);
        }

        var (port, page) = (plan.Metrics?.Port ?? 8080, plan.Metrics?.Path ?? "/metrics");
        var (freshPort, freshPath) = (plan.Freshness?.Port ?? 8080, plan.Freshness?.Path ?? "/metrics");
        if (plan.Report is { Count: > 0 } names && await caller.PageAsync(address, port, page, PageLimit, cancellationToken) is { } text)
        {
            var sums = PrometheusText.Sums(text);
            _metrics = sums.Where(s => names.Contains(s.Key, StringComparer.Ordinal) && double.IsFinite(s.Value)).ToDictionary(StringComparer.Ordinal);
            if (plan.Freshness?.Metric is { } metric && (port, page) == (freshPort, freshPath))
            {
                Hear(sums.TryGetValue(metric, out var age) ? age : null);
                return;
            }
        }

        if (plan.Freshness is { Metric: null, JsonField: null } or null || await caller.PageAsync(address, freshPort, freshPath, PageLimit, cancellationToken) is not { } fresh)
        {
            return;
        }

        Hear(plan.Freshness.Metric is { } name ? (PrometheusText.Sums(fresh, n => n == name).TryGetValue(name, out var said) ? said : null) : Field(fresh, plan.Freshness.JsonField!));
    }

    /// <summary>A number in a JSON text by the names that lead to it, dots between.</summary>
    public static double? Field(string json, string path) => Node(json, path) switch
    {
        JsonValue v when v.TryGetValue<double>(out var number) => number,
        JsonValue v when v.TryGetValue<string>(out var text) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
        _ => null,
    };

    /// <summary>What is at a path of a JSON text; null when it is not there, or is no JSON.</summary>
    public static JsonNode? Node(string json, string path)
    {
        try
        {
            var node = JsonNode.Parse(json);
            foreach (var name in path.Split('.'))
            {
                node = node switch
                {
                    JsonObject o => o[name],
                    JsonArray a when int.TryParse(name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var i) && a.Count > 0 => i < 0 ? a[Math.Max(0, a.Count + i)] : i < a.Count ? a[i] : null,
                    _ => null,
                };
            }

            return node;
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            // A page that is no JSON, or says a name twice, says nothing.
            return null;
        }
    }

    private NotifySocket Listen(string place, string word)
    {
        try
        {
            return new NotifySocket(place, status => Hear(NotifySocket.Figure(status, word)));
        }
        catch (Exception e) when (e is SocketException or UnauthorizedAccessException)
        {
            throw new IOException($"{NotifySocket.Place}: {e.Message}", e);
        }
    }

    private void Hear(double? age)
    {
        // An infinite age is a bot that never had data: as old as it can say.
        if (age is { } seconds && !double.IsNaN(seconds))
        {
            _heard = new Heard(Math.Clamp(seconds, 0, 1e8), time.GetTimestamp());
        }
    }

    private sealed record Heard(double Age, long At);
}
