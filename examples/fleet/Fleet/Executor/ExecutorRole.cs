using System.Globalization;
using System.Text;
using System.Text.Json;
using Fleet.Http;

namespace Fleet.Executor;

/// <summary>
/// Trades one pair: buys when the signal turns up, puts a resting sell order at its profit, leaves when the signal turns down. Its position is what the exchange says
/// it has, so a restarted executor goes on where the old one was. Its hooks (<see cref="ExecutorHooks"/>) tell it when it may act; without them it acts from the start, and
/// cancels what is open when it is asked to end.
/// </summary>
internal sealed class ExecutorRole
{
    private const string Quote = "USDT";
    private const decimal Dust = 0.000001m;
    private readonly ExecutorOptions _options;
    private readonly TimeProvider _time;
    private readonly ExchangeClient _exchange;
    private readonly ExecutorHooks _hooks;
    private readonly string _base;
    private readonly string _run;
    private readonly StatusSender? _status;
    private readonly Dictionary<string, OrderState> _open = new(StringComparer.Ordinal);
    private Dictionary<string, decimal> _balances = [];
    private decimal? _startEquity;
    private decimal _equity;
    private double _dataAge = double.PositiveInfinity;
    private long? _frozenAt;
    private double _frozenAge;
    private long _orders;
    private long _fills;
    private long _errors;
    private long _rejects;
    private int _number;
    private int _ready;
    private bool _clean;

    public ExecutorRole(ExecutorOptions options, TimeProvider time)
    {
        (_options, _time) = (options, time);
        _base = options.Pair.Split('-')[0];
        _run = time.GetUtcNow().ToUnixTimeMilliseconds().ToString("x", CultureInfo.InvariantCulture);
        _exchange = new ExchangeClient(options, time);
        _status = options.NotifySocket is { } socket ? new StatusSender(socket, time) : null;
        _hooks = new ExecutorHooks(options, time, CancelAllAsync, FlattenAsync, async token => (await _exchange.OpenOrdersAsync(token)).Count);
    }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        Log.Line(_time, $"executor of {_options.Pair}, epoch {_options.Epoch ?? "none"}{(_options.Hooks ? ", waiting to be activated" : "")}");
        var server = new HttpServer(_options.Port, Handle).RunAsync(cancellationToken);
        using var signals = _options.Detector is { } detector ? new HttpCaller(detector, TimeSpan.FromSeconds(2)) : null;
        try
        {
            using var timer = new PeriodicTimer(_options.Interval, _time);
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                await StepAsync(signals, cancellationToken);
                if (_ready == 1)
                {
                    _status?.Say(_dataAge);
                }

                if (server.IsCompleted)
                {
                    await server;
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            if (!_options.Hooks)
            {
                using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5), _time);
                await StopAsync(limit.Token);
            }
        }
        finally
        {
            _exchange.Dispose();
        }
    }

    private async Task StepAsync(HttpCaller? signals, CancellationToken cancellationToken)
    {
        // Whoever asks it to rest waits for the step that is under way.
        await _hooks.Turn.WaitAsync(cancellationToken);
        try
        {
            if (!_clean && !_options.Hooks)
            {
                // Left behind by an executor that was killed.
                await CancelAllAsync(cancellationToken);
            }

            _clean = true;
            if (_options.Broken && _hooks.ActingFor is { TotalSeconds: > 2 })
            {
                Interlocked.Add(ref _errors, Math.Max(1, (long)(10 * _options.Interval.TotalSeconds)));
                throw new ExchangeRefusedException("this version is broken");
            }

            await (signals is null || _options.Churn ? ChurnAsync(cancellationToken) : DecideAsync(signals, cancellationToken));
        }
        catch (Exception e) when (e is IOException or ExchangeRefusedException or JsonException)
        {
            if (e is ExchangeRefusedException)
            {
                Interlocked.Increment(ref _rejects);
            }

            if (Interlocked.Increment(ref _errors) % 20 == 1)
            {
                Log.Line(_time, $"not traded: {e.Message}");
            }
        }
        finally
        {
            _hooks.Turn.Release();
        }
    }

    private async Task StopAsync(CancellationToken cancellationToken)
    {
        try
        {
            var count = await CancelAllAsync(cancellationToken);
            Log.Line(_time, $"stopping: {count} open orders canceled");
        }
        catch (Exception e) when (e is IOException or ExchangeRefusedException or OperationCanceledException)
        {
            Log.Line(_time, $"stopping: open orders could not be canceled: {e.Message}");
        }
    }

    private async Task<int> CancelAllAsync(CancellationToken cancellationToken)
    {
        var open = await _exchange.OpenOrdersAsync(cancellationToken);
        foreach (var order in open)
        {
            await _exchange.CancelAsync(order.ClientOrderId, cancellationToken);
        }

        _open.Clear();
        return open.Count;
    }

    private async Task FlattenAsync(CancellationToken cancellationToken)
    {
        await CancelAllAsync(cancellationToken);
        if ((await _exchange.BalancesAsync(cancellationToken)).GetValueOrDefault(_base) is >= Dust and var position)
        {
            await PlaceAsync("SELL", "MARKET", 0, position, cancellationToken);
        }
    }

    /// <summary>One resting order at a time, far below the market: the next before the last is canceled, so that there is always one.</summary>
    private async Task ChurnAsync(CancellationToken cancellationToken)
    {
        Volatile.Write(ref _ready, 1);
        if (IsDeaf(0) || !_hooks.Acting)
        {
            return;
        }

        var before = _open.Keys.ToArray();
        await PlaceAsync("BUY", "LIMIT", 1, 0.01m, cancellationToken);
        foreach (var id in before)
        {
            await _exchange.CancelAsync(id, cancellationToken);
            _open.Remove(id);
        }
    }

    /// <summary>Notes how old the data is. A feed that is deaf has data, but none that is newer than when that began.</summary>
    private bool IsDeaf(double age)
    {
        if (_hooks.Frozen)
        {
            _frozenAt ??= _time.GetTimestamp();
            _dataAge = _frozenAge + _time.GetElapsedTime(_frozenAt.Value).TotalSeconds;
            return true;
        }

        (_frozenAt, _frozenAge, _dataAge) = (null, age, age);
        return false;
    }

    private async Task DecideAsync(HttpCaller signals, CancellationToken cancellationToken)
    {
        var (status, body) = await signals.SendAsync("GET", "/signals", null, "", cancellationToken);
        if (status != 200 || Find(body) is not var (signal, bid, ask, age))
        {
            _dataAge = double.PositiveInfinity;
            return;
        }

        if (IsDeaf(age))
        {
            return;
        }

        foreach (var id in _open.Keys.ToList())
        {
            TakeIn(await _exchange.GetAsync(id, cancellationToken));
        }

        _balances = await _exchange.BalancesAsync(cancellationToken);
        var position = _balances.GetValueOrDefault(_base);
        _equity = _balances.GetValueOrDefault(Quote) + (position * bid);
        _startEquity ??= _equity;
        Volatile.Write(ref _ready, 1);
        if (age > _options.MaxDataAge || bid <= 0 || !_hooks.Acting)
        {
            return;
        }

        if (signal > 0 && position < Dust && _open.Count == 0)
        {
            // A limit a little above the best offer: filled now, but at no surprise.
            var bought = await PlaceAsync("BUY", "LIMIT", Math.Round(ask * 1.0005m, 4), Math.Round(_options.OrderSize / ask, 6), cancellationToken);
            if (bought.Filled > 0)
            {
                await PlaceAsync("SELL", "LIMIT", Math.Round(bought.Cost / bought.Filled * (1 + _options.TakeProfit), 4), bought.Filled, cancellationToken);
            }
        }
        else if (signal < 0 && (position >= Dust || _open.Count > 0))
        {
            await FlattenAsync(cancellationToken);
        }
    }

    private async Task<OrderState> PlaceAsync(string side, string type, decimal price, decimal quantity, CancellationToken cancellationToken)
    {
        var id = $"{_options.Pair.ToLowerInvariant()}-{_run}-{++_number}";
        var order = await _exchange.PlaceAsync(id, side, type, price, quantity, cancellationToken);
        Interlocked.Increment(ref _orders);
        TakeIn(order);
        if (!_options.Churn)
        {
            Log.Line(_time, $"{side} {type} {JsonText.Number(quantity)} {_options.Pair}{(price > 0 ? " at " + JsonText.Number(price) : "")}: {order.Status}, filled {JsonText.Number(order.Filled)} for {JsonText.Number(order.Cost)}");
        }

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
            if (signal.GetProperty("symbol").GetString() == _options.Pair)
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
        "/status" => HttpAnswer.Json($"{{\"acting\":{(_hooks.Acting ? "true" : "false")},\"epoch\":\"{_options.Epoch}\",\"marketDataAgeSeconds\":{(double.IsFinite(_dataAge) ? _dataAge.ToString("0.000", CultureInfo.InvariantCulture) : "null")},\"openOrders\":{_open.Count},\"orders\":{Interlocked.Read(ref _orders)},\"fills\":{Interlocked.Read(ref _fills)}}}"),
        _ => _hooks.Handle(request) ?? HttpAnswer.Error(404, "not here"),
    };

    private string Metrics()
    {
        var label = $"{{pair=\"{_options.Pair}\"}}";
        var fills = Interlocked.Read(ref _fills);
        var text = new StringBuilder();
        void Value(string name, string type, string value) => text.Append($"# TYPE {name} {type}\n{name}{label} {value}\n");
        void Count(string name, long value) => Value(name, "counter", value.ToString(CultureInfo.InvariantCulture));
        Count("bot_orders_total", Interlocked.Read(ref _orders));
        Count("bot_fills_total", fills);
        Count("bot_errors_total", Interlocked.Read(ref _errors));
        Count("bot_rejects_total", Interlocked.Read(ref _rejects));
        Value("bot_open_orders", "gauge", _open.Count.ToString(CultureInfo.InvariantCulture));
        Value("bot_pnl", "gauge", JsonText.Number(_equity - (_startEquity ?? _equity)));
        Value("bot_equity", "gauge", JsonText.Number(_equity));
        Value("bot_market_data_age_seconds", "gauge", double.IsFinite(_dataAge) ? _dataAge.ToString("0.000", CultureInfo.InvariantCulture) : "+Inf");
        Value("bot_acting", "gauge", _hooks.Acting ? "1" : "0");
        Value("bot_epoch", "gauge", _options.Epoch ?? "0");
        Value("bot_trading", "gauge", fills > 0 ? "1" : "0");
        return text.ToString();
    }
}
