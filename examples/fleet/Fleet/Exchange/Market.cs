namespace Fleet.Exchange;

/// <summary>
/// The seeded market: each pair's price goes a geometric random walk, and a market maker quotes levels around it. Orders of others in between are met when the price
/// comes to them. The same seed gives the same walk.
/// </summary>
internal sealed class Market
{
    public const string Maker = "market-maker";
    private const int Levels = 8;
    private const double HalfSpread = 0.0001;
    private readonly MatchingEngine _engine;
    private readonly double _volatility;
    private readonly Random _random;
    private readonly Dictionary<string, double> _prices = new(StringComparer.Ordinal);
    private readonly List<string> _quotes = [];
    private long _next;

    public Market(MatchingEngine engine, int seed, double volatility)
    {
        _engine = engine;
        _volatility = volatility;
        _random = new Random(seed);
        engine.AddUnlimited(Maker);
        foreach (var pair in engine.Pairs)
        {
            _prices[pair] = pair switch { "BTC-USDT" => 60000, "ETH-USDT" => 3000, "SOL-USDT" => 150, _ => 100 };
        }
    }

    /// <summary>One step of the walk, and new quotes.</summary>
    public void Step()
    {
        foreach (var quote in _quotes)
        {
            _engine.Cancel(Maker, quote);
        }

        _quotes.Clear();
        foreach (var pair in _engine.Pairs)
        {
            var price = _prices[pair] * Math.Exp(_volatility * Normal());
            _prices[pair] = price;
            for (var level = 1; level <= Levels; level++)
            {
                var size = Math.Round((decimal)((1000 + (_random.NextDouble() * 4000)) * level / price), 6);
                Quote(pair, Side.Buy, price * (1 - (HalfSpread * level)), size);
                Quote(pair, Side.Sell, price * (1 + (HalfSpread * level)), size);
            }
        }
    }

    private void Quote(string pair, Side side, double price, decimal size)
    {
        var id = $"q{++_next}";
        _quotes.Add(id);
        _engine.Place(Maker, id, pair, side, OrderType.Limit, Math.Round((decimal)price, price > 1000 ? 2 : 4), size);
    }

    // Box-Muller.
    private double Normal() => Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());
}
