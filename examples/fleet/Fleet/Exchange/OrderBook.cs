namespace Fleet.Exchange;

/// <summary>Resting orders of one pair: best price first, at one price the oldest first.</summary>
internal sealed class OrderBook
{
    private readonly SortedDictionary<decimal, LinkedList<Order>> _bids = new(Comparer<decimal>.Create((a, b) => b.CompareTo(a)));
    private readonly SortedDictionary<decimal, LinkedList<Order>> _asks = [];

    public Order? Best(Side side)
    {
        foreach (var level in Levels(side))
        {
            return level.Value.First!.Value;
        }

        return null;
    }

    public void Add(Order order)
    {
        var levels = Levels(order.Side);
        if (!levels.TryGetValue(order.Price, out var level))
        {
            levels[order.Price] = level = new LinkedList<Order>();
        }

        level.AddLast(order);
    }

    public void Remove(Order order)
    {
        var levels = Levels(order.Side);
        if (levels.TryGetValue(order.Price, out var level) && level.Remove(order) && level.Count == 0)
        {
            levels.Remove(order.Price);
        }
    }

    /// <summary>Price and quantity of the best levels.</summary>
    public List<(decimal Price, decimal Quantity)> Depth(Side side, int count) =>
        [.. Levels(side).Take(count).Select(l => (l.Key, l.Value.Sum(o => o.Remaining)))];

    private SortedDictionary<decimal, LinkedList<Order>> Levels(Side side) => side == Side.Buy ? _bids : _asks;
}
