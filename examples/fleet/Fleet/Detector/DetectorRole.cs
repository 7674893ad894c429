using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Fleet.Http;

namespace Fleet.Detector;

/// <summary>Settings of the detector.</summary>
internal sealed record DetectorOptions(int Port, Address Collector, TimeSpan Interval, int Fast, int Slow)
{
    public static DetectorOptions FromEnvironment() => new(Settings.Port(8080), Address.Parse(Settings.Text("COLLECTOR_URL")),
        TimeSpan.FromMilliseconds(Settings.Number("INTERVAL_MS", 500)), (int)Settings.Number("FAST", 3), (int)Settings.Number("SLOW", 8));
}

/// <summary>Reads prices from the collector and serves a signal a pair at <c>/signals</c>.</summary>
internal sealed class DetectorRole(DetectorOptions options, TimeProvider time)
{
    private readonly Dictionary<string, MovingAverageCross> _averages = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (int Signal, decimal Bid, decimal Ask, double DataAge, long At)> _signals = new(StringComparer.Ordinal);
    private long _failures;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        Log.Line(time, $"detector reads {options.Collector.Host}:{options.Collector.Port}, averages {options.Fast}/{options.Slow}");
        var server = new HttpServer(options.Port, Handle).RunAsync(cancellationToken);
        using var caller = new HttpCaller(options.Collector, TimeSpan.FromSeconds(2));
        using var timer = new PeriodicTimer(options.Interval, time);
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            try
            {
                var (status, body) = await caller.SendAsync("GET", "/prices", null, "", cancellationToken);
                if (status == 200)
                {
                    TakeIn(body);
                }
            }
            catch (IOException e)
            {
                if (Interlocked.Increment(ref _failures) % 20 == 1)
                {
                    Log.Line(time, $"no prices: {e.Message}");
                }
            }

            if (server.IsCompleted)
            {
                await server;
            }
        }
    }

    private void TakeIn(string body)
    {
        using var json = JsonDocument.Parse(body);
        foreach (var price in json.RootElement.EnumerateArray())
        {
            var pair = price.GetProperty("symbol").GetString()!;
            var (bid, ask) = (price.GetProperty("bid").GetDecimal(), price.GetProperty("ask").GetDecimal());
            if (!_averages.TryGetValue(pair, out var average))
            {
                _averages[pair] = average = new MovingAverageCross(options.Fast, options.Slow);
            }

            _signals[pair] = (average.Add((bid + ask) / 2), bid, ask, price.GetProperty("age").GetDouble(), time.GetTimestamp());
        }
    }

    private HttpAnswer Handle(HttpRequest request) => request.Path switch
    {
        "/healthz" => HttpAnswer.Text("ok\n"),
        "/readyz" => !_signals.IsEmpty && _signals.Values.All(s => s.Signal != 0 || time.GetElapsedTime(s.At) < TimeSpan.FromSeconds(5)) ? HttpAnswer.Text("ok\n") : HttpAnswer.Text("no prices yet\n", 503),
        "/signals" => HttpAnswer.Json($"[{string.Join(',', _signals.OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => $"{{\"symbol\":\"{s.Key}\",\"signal\":{s.Value.Signal},\"bid\":{JsonText.Number(s.Value.Bid)},\"ask\":{JsonText.Number(s.Value.Ask)},\"age\":{Age(s.Value)}}}"))}]"),
        "/metrics" => HttpAnswer.Metrics(Metrics()),
        _ => HttpAnswer.Error(404, "not here"),
    };

    private string Metrics()
    {
        var text = new StringBuilder($"# TYPE bot_failures_total counter\nbot_failures_total {Interlocked.Read(ref _failures)}\n# TYPE bot_signal gauge\n");
        foreach (var (pair, signal) in _signals)
        {
            text.Append($"bot_signal{{pair=\"{pair}\"}} {signal.Signal}\nbot_market_data_age_seconds{{pair=\"{pair}\"}} {Age(signal)}\n");
        }

        return text.ToString();
    }

    private string Age((int Signal, decimal Bid, decimal Ask, double DataAge, long At) signal) =>
        (signal.DataAge + time.GetElapsedTime(signal.At).TotalSeconds).ToString("0.000", CultureInfo.InvariantCulture);
}
