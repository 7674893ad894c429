using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Fleet.Http;

namespace Fleet.Exchange;

/// <summary>The paper exchange: market, engine, REST and <c>/ws</c>.</summary>
internal sealed class ExchangeRole
{
    private readonly ExchangeOptions _options;
    private readonly TimeProvider _time;
    private readonly Market _market;
    private readonly ExchangeApi _api;
    private readonly MatchingEngine _engine;

    public ExchangeRole(ExchangeOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        _engine = new MatchingEngine(options.Pairs, time);
        var journal = new Journal(time);
        _engine.OnFill = (order, trade) =>
        {
            if (order.Account != Market.Maker)
            {
                journal.Add("filled", order, null, trade);
            }
        };
        foreach (var account in options.Keys.Select(k => k.Account).Distinct())
        {
            _engine.Deposit(account, "USDT", options.Deposit);
        }

        _market = new Market(_engine, options.Seed, options.Volatility);
        _market.Step();
        _api = new ExchangeApi(_engine, options.Keys, journal, time);
    }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        Log.Line(_time, $"paper exchange on port {_options.Port}: {string.Join(", ", _options.Pairs)}, {_options.Keys.Count} keys");
        var server = new HttpServer(_options.Port, r => r.Path == "/ws" ? HttpAnswer.WebSocket(StreamAsync) : _api.Handle(r)).RunAsync(cancellationToken);
        using var timer = new PeriodicTimer(_options.Step, _time);
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            _market.Step();
            if (server.IsCompleted)
            {
                await server;
            }
        }
    }

    // The client says {"subscribe":["BTC-USDT"]}; from then on it gets the newest of each at every step. A slow one misses steps, it does not pile them up.
    private async Task StreamAsync(WebSocket socket, CancellationToken cancellationToken)
    {
        var buffer = new byte[4096];
        var pairs = Array.Empty<string>();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reading = ReadAsync();
        try
        {
            using var timer = new PeriodicTimer(_options.Step, _time);
            while (!reading.IsCompleted && await timer.WaitForNextTickAsync(end.Token))
            {
                foreach (var pair in pairs)
                {
                    await socket.SendAsync(Encoding.UTF8.GetBytes(_api.Ticker(pair)), WebSocketMessageType.Text, true, end.Token);
                }
            }
        }
        finally
        {
            await end.CancelAsync();
            await reading.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }

        async Task ReadAsync()
        {
            while (true)
            {
                var received = await socket.ReceiveAsync(buffer, end.Token);
                if (received.MessageType == WebSocketMessageType.Close || !received.EndOfMessage)
                {
                    return;
                }

                using var json = JsonDocument.Parse(buffer.AsMemory(0, received.Count));
                pairs = [.. json.RootElement.GetProperty("subscribe").EnumerateArray().Select(p => p.GetString() ?? "").Where(_options.Pairs.Contains)];
            }
        }
    }
}
