using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Fleet.Http;

namespace Fleet.Collector;

/// <summary>Settings of the collector.</summary>
internal sealed record CollectorOptions(int Port, Address Exchange, IReadOnlyList<string> Pairs)
{
    public static CollectorOptions FromEnvironment() => new(Settings.Port(8080), Address.Parse(Settings.Text("EXCHANGE_URL")),
        Settings.Text("PAIRS").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));
}

/// <summary>Keeps the newest price of each pair from the exchange's WebSocket and serves them at <c>/prices</c> with their age.</summary>
internal sealed class CollectorRole(CollectorOptions options, TimeProvider time)
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(5);
    private readonly ConcurrentDictionary<string, (string Json, long At)> _newest = new(StringComparer.Ordinal);
    private long _messages;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        Log.Line(time, $"collector of {string.Join(", ", options.Pairs)} from {options.Exchange.Host}:{options.Exchange.Port}");
        var server = new HttpServer(options.Port, Handle).RunAsync(cancellationToken);
        while (true)
        {
            try
            {
                await ListenAsync(cancellationToken);
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                Log.Line(time, $"market data interrupted: {e.Message}");
            }

            if (server.IsCompleted)
            {
                await server;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(500), time, cancellationToken);
        }
    }

    private async Task ListenAsync(CancellationToken cancellationToken)
    {
        using var socket = await WebSocketCaller.ConnectAsync(options.Exchange, "/ws", cancellationToken);
        var subscription = $"{{\"subscribe\":[{string.Join(',', options.Pairs.Select(p => $"\"{JsonText.Escape(p)}\""))}]}}";
        await socket.SendAsync(subscription, cancellationToken);
        while (true)
        {
            var message = await socket.ReceiveAsync(cancellationToken);
            using var json = JsonDocument.Parse(message);
            _newest[json.RootElement.GetProperty("symbol").GetString()!] = (Encoding.UTF8.GetString(message.Span), time.GetTimestamp());
            Interlocked.Increment(ref _messages);
        }
    }

    private HttpAnswer Handle(HttpRequest request) => request.Path switch
    {
        "/healthz" => HttpAnswer.Text("ok\n"),
        "/readyz" => options.Pairs.All(p => _newest.TryGetValue(p, out var n) && time.GetElapsedTime(n.At) < Fresh) ? HttpAnswer.Text("ok\n") : HttpAnswer.Text("no fresh market data\n", 503),
        "/prices" => HttpAnswer.Json($"[{string.Join(',', _newest.OrderBy(n => n.Key, StringComparer.Ordinal).Select(n => $"{n.Value.Json[..^1]},\"age\":{Age(n.Value.At)}}}"))}]"),
        "/metrics" => HttpAnswer.Metrics(Metrics()),
        _ => HttpAnswer.Error(404, "not here"),
    };

    private string Metrics()
    {
        var text = new StringBuilder($"# TYPE bot_messages_total counter\nbot_messages_total {Interlocked.Read(ref _messages)}\n# TYPE bot_market_data_age_seconds gauge\n");
        foreach (var (pair, newest) in _newest)
        {
            text.Append($"bot_market_data_age_seconds{{pair=\"{pair}\"}} {Age(newest.At)}\n");
        }

        return text.ToString();
    }

    private string Age(long at) => time.GetElapsedTime(at).TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture);
}
