using System.Globalization;
using System.Text;
using System.Text.Json;
using Fleet.Http;

namespace Fleet.Exchange;

/// <summary>The REST interface: public market data, signed orders, health and metrics.</summary>
internal sealed class ExchangeApi(MatchingEngine engine, IReadOnlyList<ApiKey> keys, Journal journal, TimeProvider time)
{
    private const int DefaultWindowMs = 5000;
    private const int MaxWindowMs = 60000;
    private readonly Dictionary<string, ApiKey> _keys = keys.ToDictionary(k => k.Key, StringComparer.Ordinal);
    private long _orders;
    private long _refused;

    public HttpAnswer Handle(HttpRequest request)
    {
        var market = request.Path is "/api/v1/depth" or "/api/v1/ticker" or "/api/v1/trades";
        var pair = request.Value("symbol");
        if (market && (pair is null || !engine.Pairs.Contains(pair)))
        {
            return HttpAnswer.Error(400, $"unknown symbol '{pair}'; there are {string.Join(", ", engine.Pairs)}");
        }

        return (request.Method, request.Path) switch
        {
            ("GET", "/healthz" or "/readyz") => HttpAnswer.Text("ok\n"),
            ("GET", "/metrics") => HttpAnswer.Metrics(Metrics()),
            ("GET", "/admin/journal") => new HttpAnswer(200, "application/x-ndjson", journal.Read(long.TryParse(request.Value("after"), CultureInfo.InvariantCulture, out var after) ? after : 0)),
            ("GET", "/admin/open-orders") => HttpAnswer.Json($"[{string.Join(',', keys.Select(k => k.Account).Distinct().SelectMany(a => engine.OpenOrders(a, null).Select(o => $"{{\"account\":\"{JsonText.Escape(a)}\",\"symbol\":\"{o.Pair}\",\"clientOrderId\":\"{JsonText.Escape(o.ClientOrderId)}\"}}")))}]"),
            ("GET", "/api/v1/depth") => Depth(pair!, int.TryParse(request.Value("limit"), CultureInfo.InvariantCulture, out var limit) ? Math.Clamp(limit, 1, 100) : 20),
            ("GET", "/api/v1/ticker") => HttpAnswer.Json(Ticker(pair!)),
            ("GET", "/api/v1/trades") => Trades(pair!),
            (_, "/api/v1/order" or "/api/v1/openOrders" or "/api/v1/account") => Signed(request),
            _ => HttpAnswer.Error(404, $"no {request.Method} {request.Path}"),
        };
    }

    /// <summary>The newest of a pair, as REST and WebSocket give it.</summary>
    public string Ticker(string pair)
    {
        var (bid, ask, last) = engine.Ticker(pair);
        return $"{{\"symbol\":\"{pair}\",\"bid\":{JsonText.Number(bid)},\"ask\":{JsonText.Number(ask)},\"last\":{JsonText.Number(last)},\"time\":{Now}}}";
    }

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    private HttpAnswer Signed(HttpRequest request)
    {
        if (Authenticate(request) is not { } account)
        {
            Interlocked.Increment(ref _refused);
            return HttpAnswer.Error(401, "X-API-KEY, X-TIMESTAMP and X-SIGNATURE (HMAC-SHA256 over timestamp + method + path + body) do not fit, or the time is outside recvWindow");
        }

        try
        {
            return (request.Method, request.Path) switch
            {
                ("POST", "/api/v1/order") => Place(account, request),
                ("DELETE", "/api/v1/order") => Cancel(account, request),
                ("GET", "/api/v1/order") => engine.Find(account, request.Value("clientOrderId") ?? "") is { } order ? HttpAnswer.Json(Json(order)) : HttpAnswer.Error(404, "no such order"),
                ("GET", "/api/v1/openOrders") => HttpAnswer.Json($"[{string.Join(',', engine.OpenOrders(account, request.Value("symbol")).Select(Json))}]"),
                ("GET", "/api/v1/account") => Account(account),
                _ => HttpAnswer.Error(405, $"{request.Method} is not possible here"),
            };
        }
        catch (OrderRefusedException e)
        {
            Interlocked.Increment(ref _refused);
            return HttpAnswer.Error(400, e.Message);
        }
    }

    private string? Authenticate(HttpRequest request)
    {
        if (request.Header("x-api-key") is not { } name || !_keys.TryGetValue(name, out var key)
            || request.Header("x-timestamp") is not { } timestamp || request.Header("x-signature") is not { } signature
            || !long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var at))
        {
            return null;
        }

        var window = int.TryParse(request.Value("recvWindow"), CultureInfo.InvariantCulture, out var asked) ? Math.Clamp(asked, 1, MaxWindowMs) : DefaultWindowMs;
        var target = request.Query.Length == 0 ? request.Path : $"{request.Path}?{request.Query}";
        var expected = Signature.Of(key.Secret, timestamp, request.Method, target, request.Body);
        return Math.Abs(Now - at) <= window && Signature.Equal(expected, signature) ? key.Account : null;
    }

    private HttpAnswer Place(string account, HttpRequest request)
    {
        Order order;
        var epoch = request.Header("x-epoch");
        try
        {
            using var json = JsonDocument.Parse(request.Body);
            var body = json.RootElement;
            var type = body.GetProperty("type").GetString() == "MARKET" ? OrderType.Market : OrderType.Limit;
            var side = body.GetProperty("side").GetString() switch { "BUY" => Side.Buy, "SELL" => Side.Sell, _ => throw new OrderRefusedException("side must be BUY or SELL") };
            var id = body.GetProperty("clientOrderId").GetString();
            if (id is not { Length: > 0 and <= 64 })
            {
                throw new OrderRefusedException("clientOrderId must have 1 to 64 characters");
            }

            order = engine.Place(account, id, body.GetProperty("symbol").GetString() ?? "", side, type,
                type == OrderType.Limit ? body.GetProperty("price").GetDecimal() : 0, body.GetProperty("quantity").GetDecimal());
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new OrderRefusedException($"malformed order: {e.Message}");
        }

        Interlocked.Increment(ref _orders);
        journal.Add("placed", order, epoch);
        return HttpAnswer.Json(Json(order));
    }

    private HttpAnswer Cancel(string account, HttpRequest request)
    {
        if (engine.Cancel(account, request.Value("clientOrderId") ?? "") is not { } order)
        {
            return HttpAnswer.Error(404, "no such order");
        }

        journal.Add("canceled", order, request.Header("x-epoch"));
        return HttpAnswer.Json(Json(order));
    }

    private HttpAnswer Account(string account)
    {
        var balances = engine.Balances(account).Select(b => $"{{\"asset\":\"{b.Asset}\",\"free\":{JsonText.Number(b.Free)},\"locked\":{JsonText.Number(b.Locked)}}}");
        return HttpAnswer.Json($"{{\"account\":\"{JsonText.Escape(account)}\",\"balances\":[{string.Join(',', balances)}]}}");
    }

    private HttpAnswer Depth(string pair, int limit)
    {
        var (bids, asks) = engine.Depth(pair, limit);
        return HttpAnswer.Json($"{{\"symbol\":\"{pair}\",\"bids\":{Side(bids)},\"asks\":{Side(asks)}}}");

        static string Side(List<(decimal Price, decimal Quantity)> levels) => $"[{string.Join(',', levels.Select(l => $"[{JsonText.Number(l.Price)},{JsonText.Number(l.Quantity)}]"))}]";
    }

    private HttpAnswer Trades(string pair)
    {
        var trades = engine.Trades(pair, 100).Select(t => $"{{\"id\":{t.Id},\"price\":{JsonText.Number(t.Price)},\"quantity\":{JsonText.Number(t.Quantity)},\"side\":\"{t.TakerSide}\",\"time\":{t.TimeMs}}}");
        return HttpAnswer.Json($"[{string.Join(',', trades)}]");
    }

    private static string Json(Order o) =>
        $"{{\"orderId\":{o.Id},\"clientOrderId\":\"{JsonText.Escape(o.ClientOrderId)}\",\"symbol\":\"{o.Pair}\",\"side\":\"{o.Side.ToString().ToUpperInvariant()}\",\"type\":\"{o.Type.ToString().ToUpperInvariant()}\",\"price\":{JsonText.Number(o.Price)},\"quantity\":{JsonText.Number(o.Quantity)},\"filled\":{JsonText.Number(o.Filled)},\"cost\":{JsonText.Number(o.Cost)},\"status\":\"{o.Status.ToString().ToUpperInvariant()}\"}}";

    private string Metrics()
    {
        var text = new StringBuilder();
        text.Append($"# TYPE exchange_orders_total counter\nexchange_orders_total {Interlocked.Read(ref _orders)}\n# TYPE exchange_refused_total counter\nexchange_refused_total {Interlocked.Read(ref _refused)}\n# TYPE exchange_mid_price gauge\n");
        foreach (var pair in engine.Pairs)
        {
            var (bid, ask, _) = engine.Ticker(pair);
            text.Append($"exchange_mid_price{{pair=\"{pair}\"}} {JsonText.Number((bid + ask) / 2)}\n");
        }

        return text.ToString();
    }
}
