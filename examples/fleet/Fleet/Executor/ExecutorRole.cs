using System.Globalization;
using System.Text;
using System.Text.Json;
using Fleet.Http;

namespace Fleet.Executor;

/// <summary>
/// Trades one pair: buys when the signal turns up, puts a resting sell order at its profit, leaves when the signal turns down. Its position is what the exchange says
/// it has, so a restarted executor goes on where the old one was. Asked to stop, it cancels what is open.
/// </summary>
internal sealed class ExecutorRole(ExecutorOptions options, TimeProvider time)
{
    private const string Quote = "USDT";
    private const decimal Dust = 0.000001m;
    private readonly string _base = options.Pair.Split('-')[0];
    private readonly string _run = time.GetUtcNow().ToUnixTimeMilliseconds().ToString("x", CultureInfo.InvariantCulture);
    private readonly Dictionary<string, OrderState> _open = new(StringComparer.Ordinal);
    private Dictionary<string, decimal> _balances = [];
    private decimal? _startEquity;
    private decimal _equity;
    private double _dataAge = double.PositiveInfinity;
    private long _orders;
    private long _fills;
    private long _errors;
    private int _number;
    private int _ready;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        Log.Line(time, $"executor of {options.Pair}, epoch {options.Epoch ?? "none"}");
        var server = new HttpServer(options.Port, Handle).RunAsync(cancellationToken);
        using var exchange = new ExchangeClient(options, time);
        using var signals = new HttpCaller(options.Detector, TimeSpan.FromSeconds(2));
        var clean = false;
        try
        {
            using var timer = new PeriodicTimer(options.Interval, time);
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                try
                {
                    if (!clean)
                    {
                        // Left behind by an executor that was killed.
                        await CancelAllAsync(exchange, cancellationToken);
                        clean = true;
                    }

                    await DecideAsync(exchange, signals, cancellationToken);
                }
                catch (Exception e) when (e is IOException or ExchangeRefusedException or JsonException)
                {
                    if (Interlocked.Increment(ref _errors) % 20 == 1)
                    {
                        Log.Line(time, $"not traded: {e.Message}");
                    }
                }

                if (server.IsCompleted)
                {
                    await server;
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5), time);
            await StopAsync(exchange, limit.Token);
        }
    }

    private async Task StopAsync(ExchangeClient exchange, CancellationToken cancellationToken)
    {
        try
        {
            var count = await CancelAllAsync(exchange, cancellationToken);
            Log.Line(time, $"stopping: {count} open orders canceled");
        }
        catch (Exception e) when (e is IOException or ExchangeRefusedException or OperationCanceledException)
        {
            Log.Line(time, $"stopping: open orders could not be canceled: {e.Message}");
        }
    }

    private async Task<int> CancelAllAsync(ExchangeClient exchange, CancellationToken cancellationToken)
    {
        var open = await exchange.OpenOrdersAsync(cancellationToken);
        foreach (var order in open)
        {
            await exchange.CancelAsync(order.ClientOrderId, cancellationToken);
        }

        _open.Clear();
        return open.Count;
    }

    private async Task DecideAsync(ExchangeClient exchange, HttpCaller signals, CancellationToken cancellationToken)
    {
        var (status, body) = await signals.SendAsync("GET", "/signals", null, "", cancellationToken);
        if (status != 200 || Find(body) is not var (signal, bid, ask, age))
        {
            _dataAge = double.PositiveInfinity;
            return;
        }

        _dataAge = age;
        foreach (var id in _open.Keys.ToList())
        {
            TakeIn(await exchange.GetAsync(id, cancellationToken));
        }

        _balances = await exchange.BalancesAsync(cancellationToken);
        var position = _balances.GetValueOrDefault(_base);
        _equity = _balances.GetValueOrDefault(Quote) + (position * bid);
        _startEquity ??= _equity;
        Volatile.Write(ref _ready, 1);
        if (age > options.MaxDataAge || bid <= 0)
        {
            return;
        }

        if (signal > 0 && position < Dust && _open.Count == 0)
        {
            // A limit a little above the best offer: filled now, but at no surprise.
            var bought = await PlaceAsync(exchange, "BUY", "LIMIT", Math.Round(ask * 1.0005m, 4), Math.Round(options.OrderSize / ask, 6), cancellationToken);
            if (bought.Filled > 0)
            {
                await PlaceAsync(exchange, "SELL", "LIMIT", Math.Round(bought.Cost / bought.Filled * (1 + options.TakeProfit), 4), bought.Filled, cancellationToken);
            }
        }
        else if (signal < 0 && (position >= Dust || _open.Count > 0))
        {
            await CancelAllAsync(exchange, cancellationToken);
            position = (await exchange.BalancesAsync(cancellationToken)).GetValueOrDefault(_base);
            if (position >= Dust)
            {
                await PlaceAsync(exchange, "SELL", "MARKET", 0, position, cancellationToken);
            }
        }
    }

    private async Task<OrderState> PlaceAsync(ExchangeClient exchange, string side, string type, decimal price, decimal quantity, CancellationToken cancellationToken)
    {
        var id = $"{options.Pair.ToLowerInvariant()}-{_run}-{++_number}";
        var order = await exchange.PlaceAsync(id, side, type, price, quantity, cancellationToken);
        Interlocked.Increment(ref _orders);
        TakeIn(order);
        Log.Line(time, $"{side} {type} {JsonText.Number(quantity)} {options.Pair}{(price > 0 ? " at " + JsonText.Number(price) : "")}: {order.Status}, filled {JsonText.Number(order.Filled)} for {JsonText.Number(order.Cost)}");
        return order;
    }

    private void TakeIn(OrderState order)
    {
        var before = _open.GetValueOrDefault(order.ClientOrderId)?.Filled ?? 0;
        if (order.Filled > before)
        {
            Interlocked.Increment(ref _fills);
        }

        if (order.Status == "OPEN")
        {
            _open[order.ClientOrderId] = order;
        }
        else
        {
            _open.Remove(order.ClientOrderId);
        }
    }

    private (int Signal, decimal Bid, decimal Ask, double Age)? Find(string body)
    {
        using var json = JsonDocument.Parse(body);
        foreach (var signal in json.RootElement.EnumerateArray())
        {
            if (signal.GetProperty("symbol").GetString() == options.Pair)
            {
                return (signal.GetProperty("signal").GetInt32(), signal.GetProperty("bid").GetDecimal(), signal.GetProperty("ask").GetDecimal(), signal.GetProperty("age").GetDouble());
            }
        }

        return null;
    }

    private HttpAnswer Handle(HttpRequest request) => request.Path switch
    {
        "/healthz" => HttpAnswer.Text("ok\n"),
        "/readyz" => Volatile.Read(ref _ready) == 1 ? HttpAnswer.Text("ok\n") : HttpAnswer.Text("exchange or detector not reached yet\n", 503),
        "/metrics" => HttpAnswer.Metrics(Metrics()),
        _ => HttpAnswer.Error(404, "not here"),
    };

    private string Metrics()
    {
        var label = $"{{pair=\"{options.Pair}\"}}";
        var fills = Interlocked.Read(ref _fills);
        var text = new StringBuilder();
        void Value(string name, string type, string value) => text.Append($"# TYPE {name} {type}\n{name}{label} {value}\n");
        Value("bot_orders_total", "counter", Interlocked.Read(ref _orders).ToString(CultureInfo.InvariantCulture));
        Value("bot_fills_total", "counter", fills.ToString(CultureInfo.InvariantCulture));
        Value("bot_errors_total", "counter", Interlocked.Read(ref _errors).ToString(CultureInfo.InvariantCulture));
        Value("bot_pnl", "gauge", JsonText.Number(_equity - (_startEquity ?? _equity)));
        Value("bot_equity", "gauge", JsonText.Number(_equity));
        Value("bot_market_data_age_seconds", "gauge", double.IsFinite(_dataAge) ? _dataAge.ToString("0.000", CultureInfo.InvariantCulture) : "+Inf");
        Value("bot_trading", "gauge", fills > 0 ? "1" : "0");
        return text.ToString();
    }
}
