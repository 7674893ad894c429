namespace Fleet.Exchange;

/// <summary>
/// Accounts, order books and their matching by price, then time. What an open order may spend is taken from the free balance when it comes and given back when it
/// goes, so nobody spends twice. Each asset's sum over all accounts stays what was put in. One lock.
/// </summary>
internal sealed class MatchingEngine(IReadOnlyList<string> pairs, TimeProvider time)
{
    private const int KeptTrades = 200;
    private const int KeptOrders = 5000;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, OrderBook> _books = pairs.ToDictionary(p => p, _ => new OrderBook(), StringComparer.Ordinal);
    private readonly Dictionary<string, Queue<Trade>> _trades = pairs.ToDictionary(p => p, _ => new Queue<Trade>(), StringComparer.Ordinal);
    private readonly Dictionary<(string Account, string Asset), Balance> _balances = [];
    private readonly Dictionary<(string Account, string ClientOrderId), Order> _orders = [];
    private readonly Queue<Order> _done = new();
    private readonly HashSet<string> _unlimited = new(StringComparer.Ordinal);
    private long _nextOrder;
    private long _nextTrade;

    public IReadOnlyList<string> Pairs => pairs;

    /// <summary>Told of each fill, for the journal; called under the lock.</summary>
    public Action<Order, Trade>? OnFill { get; set; }

    /// <summary>An account that may owe: the market maker's.</summary>
    public void AddUnlimited(string account) => _unlimited.Add(account);

    public void Deposit(string account, string asset, decimal amount)
    {
        lock (_lock)
        {
            BalanceOf(account, asset).Free += amount;
        }
    }

    /// <summary>Takes an order and matches it. The same client order id again gives back the first order: sending twice is safe.</summary>
    public Order Place(string account, string clientOrderId, string pair, Side side, OrderType type, decimal price, decimal quantity)
    {
        lock (_lock)
        {
            if (_orders.TryGetValue((account, clientOrderId), out var known))
            {
                return known;
            }

            if (!_books.TryGetValue(pair, out var book))
            {
                throw new OrderRefusedException($"unknown pair {pair}");
            }

            if (quantity <= 0 || (type == OrderType.Limit && price <= 0))
            {
                throw new OrderRefusedException("price and quantity must be positive");
            }

            var order = new Order { Id = ++_nextOrder, ClientOrderId = clientOrderId, Account = account, Pair = pair, Side = side, Type = type, Price = type == OrderType.Market ? 0 : price, Quantity = quantity };
            Reserve(order);
            _orders[(account, clientOrderId)] = order;
            Match(order, book);
            if (order.Status == OrderStatus.Open && type == OrderType.Limit)
            {
                book.Add(order);
            }
            else if (order.Status == OrderStatus.Open)
            {
                End(order, OrderStatus.Canceled);
            }

            return order;
        }
    }

    /// <summary>Cancels; null when there is no such order, an order that is done stays as it is.</summary>
    public Order? Cancel(string account, string clientOrderId)
    {
        lock (_lock)
        {
            if (!_orders.TryGetValue((account, clientOrderId), out var order) || order.Status != OrderStatus.Open)
            {
                return order;
            }

            _books[order.Pair].Remove(order);
            End(order, OrderStatus.Canceled);
            return order;
        }
    }

    public Order? Find(string account, string clientOrderId)
    {
        lock (_lock)
        {
            return _orders.GetValueOrDefault((account, clientOrderId));
        }
    }

    public List<Order> OpenOrders(string account, string? pair)
    {
        lock (_lock)
        {
            return [.. _orders.Values.Where(o => o.Account == account && o.Status == OrderStatus.Open && (pair is null || o.Pair == pair)).OrderBy(o => o.Id)];
        }
    }

    public List<(string Asset, decimal Free, decimal Locked)> Balances(string account)
    {
        lock (_lock)
        {
            return [.. _balances.Where(b => b.Key.Account == account).Select(b => (b.Key.Asset, b.Value.Free, b.Value.Locked)).OrderBy(b => b.Asset, StringComparer.Ordinal)];
        }
    }

    /// <summary>An asset's sum over all accounts.</summary>
    public decimal Total(string asset)
    {
        lock (_lock)
        {
            return _balances.Where(b => b.Key.Asset == asset).Sum(b => b.Value.Free + b.Value.Locked);
        }
    }

    public (List<(decimal Price, decimal Quantity)> Bids, List<(decimal Price, decimal Quantity)> Asks) Depth(string pair, int count)
    {
        lock (_lock)
        {
            return (_books[pair].Depth(Side.Buy, count), _books[pair].Depth(Side.Sell, count));
        }
    }

    public (decimal Bid, decimal Ask, decimal Last) Ticker(string pair)
    {
        lock (_lock)
        {
            var book = _books[pair];
            return (book.Best(Side.Buy)?.Price ?? 0, book.Best(Side.Sell)?.Price ?? 0, _trades[pair].Count == 0 ? 0 : _trades[pair].Last().Price);
        }
    }

    public List<Trade> Trades(string pair, int count)
    {
        lock (_lock)
        {
            return [.. _trades[pair].TakeLast(count)];
        }
    }

    private void Match(Order taker, OrderBook book)
    {
        var opposite = taker.Side == Side.Buy ? Side.Sell : Side.Buy;
        while (taker.Remaining > 0 && book.Best(opposite) is { } maker && Crosses(taker, maker.Price))
        {
            var quantity = Math.Min(taker.Remaining, maker.Remaining);
            if (taker is { Type: OrderType.Market, Side: Side.Buy } && !_unlimited.Contains(taker.Account))
            {
                quantity = Math.Min(quantity, Math.Round(BalanceOf(taker.Account, Quote(taker.Pair)).Free / maker.Price, 8, MidpointRounding.ToZero));
                if (quantity <= 0)
                {
                    return;
                }
            }

            var trade = new Trade(++_nextTrade, taker.Pair, maker.Price, quantity, taker.Side, time.GetUtcNow().ToUnixTimeMilliseconds());
            Settle(taker, trade);
            Settle(maker, trade);
            if (maker.Remaining == 0)
            {
                book.Remove(maker);
                End(maker, OrderStatus.Filled);
            }

            var trades = _trades[taker.Pair];
            trades.Enqueue(trade);
            if (trades.Count > KeptTrades)
            {
                trades.Dequeue();
            }

            OnFill?.Invoke(taker, trade);
            OnFill?.Invoke(maker, trade);
        }

        if (taker.Remaining == 0)
        {
            End(taker, OrderStatus.Filled);
        }
    }

    private static bool Crosses(Order taker, decimal price) =>
        taker.Type == OrderType.Market || (taker.Side == Side.Buy ? price <= taker.Price : price >= taker.Price);

    private void Reserve(Order order)
    {
        var (asset, amount) = Needed(order);
        var balance = BalanceOf(order.Account, asset);
        if (!_unlimited.Contains(order.Account) && (balance.Free < amount || balance.Free <= 0))
        {
            throw new OrderRefusedException($"not enough {asset}: {balance.Free} free, {amount} needed");
        }

        balance.Free -= amount;
        balance.Locked += amount;
    }

    // A market buy reserves nothing: it is over before another order is looked at, and buys what the balance allows.
    private static (string Asset, decimal Amount) Needed(Order order) =>
        order.Side == Side.Sell ? (Base(order.Pair), order.Remaining) : (Quote(order.Pair), order.Price * order.Remaining);

    private void Settle(Order order, Trade trade)
    {
        var cost = trade.Price * trade.Quantity;
        var quote = BalanceOf(order.Account, Quote(order.Pair));
        var asset = BalanceOf(order.Account, Base(order.Pair));
        if (order.Side == Side.Sell)
        {
            asset.Locked -= trade.Quantity;
            quote.Free += cost;
        }
        else
        {
            var reserved = order.Price * trade.Quantity;
            quote.Locked -= reserved;
            quote.Free += reserved - cost;
            asset.Free += trade.Quantity;
        }

        order.Filled += trade.Quantity;
        order.Cost += cost;
    }

    private void End(Order order, OrderStatus status)
    {
        var (asset, amount) = Needed(order);
        var balance = BalanceOf(order.Account, asset);
        balance.Locked -= amount;
        balance.Free += amount;
        order.Status = status;
        if (_unlimited.Contains(order.Account))
        {
            _orders.Remove((order.Account, order.ClientOrderId));
            return;
        }

        _done.Enqueue(order);
        if (_done.Count > KeptOrders)
        {
            var old = _done.Dequeue();
            _orders.Remove((old.Account, old.ClientOrderId));
        }
    }

    private Balance BalanceOf(string account, string asset)
    {
        if (!_balances.TryGetValue((account, asset), out var balance))
        {
            _balances[(account, asset)] = balance = new Balance();
        }

        return balance;
    }

    private static string Base(string pair) => pair[..pair.IndexOf('-')];

    private static string Quote(string pair) => pair[(pair.IndexOf('-') + 1)..];

    private sealed class Balance
    {
        public decimal Free { get; set; }

        public decimal Locked { get; set; }
    }
}
