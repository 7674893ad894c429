using System.Net;
using System.Net.Sockets;
using Fleet.Collector;
using Fleet.Detector;
using Fleet.Exchange;
using Fleet.Executor;
using Fleet.Http;

namespace Kaji.Fleet.Tests;

public sealed class FleetTests
{
    [Fact]
    public async Task WholeFleet_Trades_AndTheExecutorLeavesNothingOpen()
    {
        using var stop = new CancellationTokenSource();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var ports = FreePorts(4);
        var addresses = ports.ConvertAll(p => new Address("127.0.0.1", p));
        var exchange = new ExchangeOptions { Port = ports[0], Pairs = ["BTC-USDT"], Keys = ExchangeOptions.ParseKeys("btc:key:secret"), Step = TimeSpan.FromMilliseconds(20) };
        var executor = new ExecutorOptions { Port = ports[3], Pair = "BTC-USDT", Exchange = addresses[0], Detector = addresses[2], ApiKey = "key", ApiSecret = "secret", Epoch = "3", Interval = TimeSpan.FromMilliseconds(40) };
        using var stopExecutor = new CancellationTokenSource();
        var roles = new List<Task>
        {
            new ExchangeRole(exchange, TimeProvider.System).RunAsync(stop.Token),
            new CollectorRole(new CollectorOptions(ports[1], addresses[0], ["BTC-USDT"]), TimeProvider.System).RunAsync(stop.Token),
            new DetectorRole(new DetectorOptions(ports[2], addresses[1], TimeSpan.FromMilliseconds(40), 2, 4), TimeProvider.System).RunAsync(stop.Token),
        };
        var bot = new ExecutorRole(executor, TimeProvider.System).RunAsync(stopExecutor.Token);
        using var metrics = new HttpCaller(addresses[3], TimeSpan.FromSeconds(5));
        string text;
        do
        {
            await Task.Delay(20, limit.Token); // poll interval
            text = (await metrics.SendAsync("GET", "/metrics", null, "", limit.Token)).Body;
        }
        while (!text.Contains("bot_trading{pair=\"BTC-USDT\"} 1") || text.Contains("bot_orders_total{pair=\"BTC-USDT\"} 1\n"));
        await stopExecutor.CancelAsync();
        await bot;

        using var client = new ExchangeClient(executor, TimeProvider.System);
        Assert.Empty(await client.OpenOrdersAsync(limit.Token));
        var balances = await client.BalancesAsync(limit.Token);
        Assert.NotEqual(10000m, balances["USDT"]);
        using var caller = new HttpCaller(addresses[0], TimeSpan.FromSeconds(5));
        var (_, journal) = await caller.SendAsync("GET", "/admin/journal", null, "", limit.Token);
        Assert.Contains("\"epoch\":\"3\"", journal);
        Assert.Contains("\"event\":\"filled\"", journal);
        await Assert.ThrowsAsync<ExchangeRefusedException>(() => new ExchangeClient(executor with { ApiSecret = "wrong" }, TimeProvider.System).BalancesAsync(limit.Token));
        await stop.CancelAsync();
        await Task.WhenAll(roles.Select(r => r.ContinueWith(t => Assert.True(t.IsCanceled), TaskScheduler.Default)));
    }

    private static List<int> FreePorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        listeners.ForEach(l => l.Start());
        var ports = listeners.ConvertAll(l => ((IPEndPoint)l.LocalEndpoint).Port);
        listeners.ForEach(l => l.Stop());
        return ports;
    }
}
