using System.Text;
using Fleet.Http;

namespace Fleet.Exchange;

/// <summary>What happened to orders of accounts, newest last, bounded: JSON lines with time, account, client order id and the epoch the caller claimed.</summary>
internal sealed class Journal(TimeProvider time, int capacity = 20000)
{
    private readonly Lock _lock = new();
    private readonly Queue<(long Number, byte[] Line)> _lines = new();
    private long _number;

    public void Add(string what, Order order, string? epoch, Trade? trade = null)
    {
        var text = new StringBuilder($",\"time\":{time.GetUtcNow().ToUnixTimeMilliseconds()},\"us\":{time.GetUtcNow().Ticks / 10 % 1000},\"event\":\"{what}\",\"account\":\"{JsonText.Escape(order.Account)}\",\"pair\":\"{order.Pair}\"");
        text.Append($",\"orderId\":{order.Id},\"clientOrderId\":\"{JsonText.Escape(order.ClientOrderId)}\",\"side\":\"{order.Side}\",\"type\":\"{order.Type}\"");
        text.Append($",\"price\":{JsonText.Number(trade?.Price ?? order.Price)},\"quantity\":{JsonText.Number(trade?.Quantity ?? order.Quantity)}");
        if (epoch is not null)
        {
            text.Append($",\"epoch\":\"{JsonText.Escape(epoch)}\"");
        }

        lock (_lock)
        {
            // Numbered here, so that numbers have the order of the events.
            _number++;
            _lines.Enqueue((_number, Encoding.UTF8.GetBytes($"{{\"number\":{_number}{text.Append("}\n")}")));
            if (_lines.Count > capacity)
            {
                _lines.Dequeue();
            }
        }
    }

    private const int MostLines = 5000;

    /// <summary>Lines after one, oldest first, a page at most.</summary>
    public byte[] Read(long after)
    {
        lock (_lock)
        {
            var skipped = _lines.TryPeek(out var oldest) ? (int)Math.Clamp(after - oldest.Number + 1, 0, _lines.Count) : 0;
            var page = _lines.Skip(skipped).Take(MostLines).ToArray();
            var bytes = new byte[page.Sum(l => l.Line.Length)];
            var at = 0;
            foreach (var (_, line) in page)
            {
                line.CopyTo(bytes, at);
                at += line.Length;
            }

            return bytes;
        }
    }
}
