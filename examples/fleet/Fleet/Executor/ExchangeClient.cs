using System.Globalization;
using System.Text;
using System.Text.Json;
using Fleet.Http;

namespace Fleet.Executor;

/// <summary>An order as the exchange tells it.</summary>
internal sealed record OrderState(string ClientOrderId, string Side, decimal Filled, decimal Cost, string Status);

/// <summary>The exchange said no.</summary>
internal sealed class ExchangeRefusedException(string message) : Exception(message);

/// <summary>Signed calls to the exchange.</summary>
internal sealed class ExchangeClient(ExecutorOptions options, TimeProvider time) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly HttpCaller _caller = new(options.Exchange, TimeSpan.FromSeconds(3));

    public async Task<OrderState> PlaceAsync(string id, string side, string type, decimal price, decimal quantity, CancellationToken cancellationToken)
    {
        var body = $"{{\"symbol\":\"{options.Pair}\",\"side\":\"{side}\",\"type\":\"{type}\",\"price\":{JsonText.Number(price)},\"quantity\":{JsonText.Number(quantity)},\"clientOrderId\":\"{id}\"}}";
        using var json = await CallAsync("POST", "/api/v1/order", body, cancellationToken);
        return Read(json.RootElement);
    }

    public async Task<OrderState> CancelAsync(string id, CancellationToken cancellationToken)
    {
        using var json = await CallAsync("DELETE", $"/api/v1/order?symbol={options.Pair}&clientOrderId={id}", "", cancellationToken);
        return Read(json.RootElement);
    }

    public async Task<OrderState> GetAsync(string id, CancellationToken cancellationToken)
    {
        using var json = await CallAsync("GET", $"/api/v1/order?symbol={options.Pair}&clientOrderId={id}", "", cancellationToken);
        return Read(json.RootElement);
    }

    public async Task<List<OrderState>> OpenOrdersAsync(CancellationToken cancellationToken)
    {
        using var json = await CallAsync("GET", $"/api/v1/openOrders?symbol={options.Pair}", "", cancellationToken);
        return [.. json.RootElement.EnumerateArray().Select(Read)];
    }

    /// <summary>Free and locked together, by asset.</summary>
    public async Task<Dictionary<string, decimal>> BalancesAsync(CancellationToken cancellationToken)
    {
        using var json = await CallAsync("GET", "/api/v1/account", "", cancellationToken);
        return json.RootElement.GetProperty("balances").EnumerateArray()
            .ToDictionary(b => b.GetProperty("asset").GetString()!, b => b.GetProperty("free").GetDecimal() + b.GetProperty("locked").GetDecimal(), StringComparer.Ordinal);
    }

    public void Dispose()
    {
        _caller.Dispose();
        _turn.Dispose();
    }

    private async Task<JsonDocument> CallAsync(string method, string target, string body, CancellationToken cancellationToken)
    {
        var timestamp = time.GetUtcNow().ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
        var headers = new List<(string, string)>
        {
            ("X-API-KEY", options.ApiKey),
            ("X-TIMESTAMP", timestamp),
            ("X-SIGNATURE", Signature.Of(options.ApiSecret, timestamp, method, target, Encoding.UTF8.GetBytes(body))),
        };
        if (options.Epoch is { Length: > 0 } epoch)
        {
            headers.Add(("X-EPOCH", epoch));
        }

        // One connection: the trading loop and the hooks take turns on it.
        await _turn.WaitAsync(cancellationToken);
        int status;
        string answer;
        try
        {
            (status, answer) = await _caller.SendAsync(method, target, headers, body, cancellationToken);
        }
        finally
        {
            _turn.Release();
        }

        return status == 200 ? JsonDocument.Parse(answer) : throw new ExchangeRefusedException($"{method} {target}: {status} {answer}");
    }

    private static OrderState Read(JsonElement o) =>
        new(o.GetProperty("clientOrderId").GetString()!, o.GetProperty("side").GetString()!, o.GetProperty("filled").GetDecimal(), o.GetProperty("cost").GetDecimal(), o.GetProperty("status").GetString()!);
}
