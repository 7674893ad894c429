using System.Text;
using Fleet.Http;

namespace Fleet.Exchange;

/// <summary>What happened to orders of accounts, newest last, bounded: JSON lines with time, account, client order id and the epoch the caller claimed.</summary>
internal sealed class Journal(TimeProvider time, int capacity = 20000)
{
    private readonly Lock _lock = new();
    private readonly Queue<string> _lines = new();

    public void Add(string what, Order order, string? epoch, Trade? trade = null)
    {
        var text = new StringBuilder($"{{\"time\":{time.GetUtcNow().ToUnixTimeMilliseconds()},\"event\":\"{what}\",\"account\":\"{JsonText.Escape(order.Account)}\",\"pair\":\"{order.Pair}\"");
        text.Append($",\"orderId\":{order.Id},\"clientOrderId\":\"{JsonText.Escape(order.ClientOrderId)}\",\"side\":\"{order.Side}\",\"type\":\"{order.Type}\"");
        text.Append($",\"price\":{JsonText.Number(trade?.Price ?? order.Price)},\"quantity\":{JsonText.Number(trade?.Quantity ?? order.Quantity)}");
        if (epoch is not null)
        {
            text.Append($",\"epoch\":\"{JsonText.Escape(epoch)}\"");
        }

        lock (_lock)
        {
            _lines.Enqueue(text.Append('}').ToString());
            if (_lines.Count > capacity)
            {
                _lines.Dequeue();
            }
        }
    }

    public string Read()
    {
        lock (_lock)
        {
            return _lines.Count == 0 ? "" : string.Join('\n', _lines) + "\n";
        }
    }
}
