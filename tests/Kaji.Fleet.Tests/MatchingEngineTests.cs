using CsCheck;
using Fleet.Exchange;

namespace Kaji.Fleet.Tests;

public sealed class MatchingEngineTests
{
    private const string Pair = "BTC-USDT";
    private readonly MatchingEngine _engine = new([Pair], TimeProvider.System);

    public MatchingEngineTests()
    {
        foreach (var account in new[] { "a", "b", "c" })
        {
            _engine.Deposit(account, "USDT", 1000);
            _engine.Deposit(account, "BTC", 10);
        }
    }

    [Fact]
    public void Orders_MatchByPriceThenTime_AtTheRestingPrice()
    {
        Limit("a", "a1", Side.Sell, 101, 1);
        Limit("b", "b1", Side.Sell, 100, 1);
        Limit("a", "a2", Side.Sell, 100, 1);
        var taker = Limit("c", "c1", Side.Buy, 105, 1.5m);
        Assert.Equal((OrderStatus.Filled, 1.5m, 150m), (taker.Status, taker.Filled, taker.Cost));
        Assert.Equal(OrderStatus.Filled, _engine.Find("b", "b1")!.Status);
        Assert.Equal(0.5m, _engine.Find("a", "a2")!.Filled);
        Assert.Equal(0m, _engine.Find("a", "a1")!.Filled);
        Assert.Equal((850m, 0m), Balance("c", "USDT"));
        Assert.Equal((11.5m, 0m), Balance("c", "BTC"));
        Assert.Equal([(100m, 0.5m), (101m, 1m)], _engine.Depth(Pair, 5).Asks);
    }

    [Fact]
    public void OpenOrder_HoldsItsMoney_CancelGivesItBack()
    {
        Limit("a", "a1", Side.Buy, 90, 10);
        Assert.Equal((100m, 900m), Balance("a", "USDT"));
        Assert.Contains("not enough USDT", Assert.Throws<OrderRefusedException>(() => Limit("a", "a2", Side.Buy, 90, 2)).Message);
        Assert.Single(_engine.OpenOrders("a", Pair));
        Assert.Equal(OrderStatus.Canceled, _engine.Cancel("a", "a1")!.Status);
        Assert.Equal((1000m, 0m), Balance("a", "USDT"));
        Assert.Null(_engine.Cancel("b", "a1"));
        Assert.Empty(_engine.OpenOrders("a", null));
    }

    [Fact]
    public void MarketOrder_TakesWhatIsThere_AndWhatIsAffordable()
    {
        Limit("a", "a1", Side.Sell, 100, 2);
        Limit("a", "a2", Side.Sell, 400, 8);
        var bought = _engine.Place("b", "b1", Pair, Side.Buy, OrderType.Market, 0, 9);
        Assert.Equal((OrderStatus.Canceled, 4m, 1000m), (bought.Status, bought.Filled, bought.Cost));
        Assert.Equal((0m, 0m), Balance("b", "USDT"));
        var sold = _engine.Place("c", "c1", Pair, Side.Sell, OrderType.Market, 0, 1);
        Assert.Equal((OrderStatus.Canceled, 0m), (sold.Status, sold.Filled));
        Assert.Equal((10m, 0m), Balance("c", "BTC"));
    }

    [Fact]
    public void SameClientOrderId_IsTheSameOrder()
    {
        var one = Limit("a", "x", Side.Buy, 90, 1);
        Assert.Same(one, Limit("a", "x", Side.Buy, 90, 1));
        Assert.Equal((910m, 90m), Balance("a", "USDT"));
        Assert.NotSame(one, Limit("b", "x", Side.Buy, 90, 1));
    }

    [Fact]
    public void AnyOrders_NothingIsMadeOrLost()
    {
        var order = Gen.Select(Gen.Int[0, 2], Gen.Bool, Gen.Bool, Gen.Int[90, 110], Gen.Int[1, 5], Gen.Int[0, 3]);
        order.Array[1, 60].Sample(orders =>
        {
            var engine = new MatchingEngine([Pair], TimeProvider.System);
            foreach (var account in new[] { "0", "1", "2" })
            {
                engine.Deposit(account, "USDT", 1000);
                engine.Deposit(account, "BTC", 10);
            }

            var number = 0;
            foreach (var (account, buy, market, price, quantity, cancel) in orders)
            {
                var name = account.ToString(System.Globalization.CultureInfo.InvariantCulture);
                try
                {
                    engine.Place(name, $"o{++number}", Pair, buy ? Side.Buy : Side.Sell, market ? OrderType.Market : OrderType.Limit, price, quantity);
                }
                catch (OrderRefusedException)
                {
                    // Not affordable.
                }

                if (cancel == 0)
                {
                    engine.Cancel(name, $"o{Math.Max(1, number - 2)}");
                }
            }

            Assert.Equal((3000m, 30m), (engine.Total("USDT"), engine.Total("BTC")));
            Assert.All(new[] { "0", "1", "2" }.SelectMany(engine.Balances), b => Assert.True(b.Free >= 0 && b.Locked >= 0, $"{b}"));
            var (bids, asks) = engine.Depth(Pair, 1);
            Assert.True(bids.Count == 0 || asks.Count == 0 || bids[0].Price < asks[0].Price);
        });
    }

    [Fact]
    public void Market_SameSeedSameWalk_AndOrdersAreMet()
    {
        static string Walk(int seed)
        {
            var engine = new MatchingEngine([Pair], TimeProvider.System);
            var market = new Market(engine, seed, 0.001);
            return string.Join(' ', Enumerable.Range(0, 20).Select(_ =>
            {
                market.Step();
                return engine.Ticker(Pair).Bid;
            }));
        }

        Assert.Equal(Walk(7), Walk(7));
        Assert.NotEqual(Walk(7), Walk(8));
        var market = new Market(_engine, 1, 0.001);
        _engine.Deposit("a", "USDT", 100000);
        market.Step();
        var resting = Limit("a", "low", Side.Buy, _engine.Ticker(Pair).Bid, 0.01m);
        for (var i = 0; i < 500 && resting.Status == OrderStatus.Open; i++)
        {
            market.Step();
        }

        Assert.Equal(OrderStatus.Filled, resting.Status);
    }

    private Order Limit(string account, string id, Side side, decimal price, decimal quantity) => _engine.Place(account, id, Pair, side, OrderType.Limit, price, quantity);

    private (decimal Free, decimal Locked) Balance(string account, string asset) => _engine.Balances(account).Where(b => b.Asset == asset).Select(b => (b.Free, b.Locked)).Single();
}
