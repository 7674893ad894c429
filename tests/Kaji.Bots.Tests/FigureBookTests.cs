using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Operator;
using Kaji.Bots.Warden;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Kaji.Bots.Tests;

/// <summary>How bots are judged over time by what their wardens report.</summary>
public sealed class FigureBookTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly ProbeBook _probes;
    private readonly FigureBook _book;
    private int _version;

    public FigureBookTests()
    {
        _probes = new ProbeBook(null!, _time, NullLogger.Instance);
        _book = new FigureBook(_time, _probes);
    }

    public void Dispose() => _probes.Dispose();

    [Fact]
    public void OfSeveralGuards_TheGravestCounts()
    {
        var bot = Bot("a", new BotSpec
        {
            Guards =
            [
                new BotGuard { Name = "warn", Metric = "pnl", Min = "-100", Action = "Alert" },
                new BotGuard { Name = "stop", Metric = "pnl", Min = "-500" },
                new BotGuard { Name = "all", Metric = "pnl", Min = "-900", Action = "HaltAccount" },
            ],
        });

        Assert.Null(Judge(bot, pnl: -50));
        Assert.Equal(VerdictAction.Alert, Judge(bot, pnl: -200)!.Action);
        Assert.Equal(VerdictAction.HaltBot, Judge(bot, pnl: -600)!.Action);
        Assert.Equal(VerdictAction.HaltAccount, Judge(bot, pnl: -1000)!.Action);
    }

    [Fact]
    public void FreshnessThatIsAskedForLater_CountsFromThen()
    {
        var (bot, peer) = (Bot("a", new BotSpec { Markets = ["BTC"] }), Bot("b", new BotSpec { Markets = ["BTC"] }));
        Judge(bot);
        _time.Advance(TimeSpan.FromHours(1));
        Judge(peer, age: 0.5);

        bot = Bot("a", new BotSpec { Markets = ["BTC"], Freshness = new BotFreshness { Metric = "age", LimitSeconds = "10" } });
        Assert.Null(Judge(bot));

        _time.Advance(TimeSpan.FromSeconds(12));
        Judge(peer, age: 0.5);
        Assert.Equal("Deaf", Judge(bot)!.Reason);
    }

    [Fact]
    public void RestartThatDidNotHelp_IsNotRepeatedAtOnce()
    {
        var (bot, peer) = (Bot("a", new BotSpec { Markets = ["BTC"], Freshness = new BotFreshness { Metric = "age", LimitSeconds = "5" } }), Bot("b", new BotSpec { Markets = ["BTC"] }));
        var restarts = new List<int>();
        for (var (second, epoch) = (0, 1); second < 300; second++, _time.Advance(TimeSpan.FromSeconds(1)))
        {
            Judge(peer, age: 0.5);
            if (Judge(bot, epoch: epoch, age: 1000) is { Action: VerdictAction.Restart })
            {
                _book.Replace("ns", "a", epoch++);
                restarts.Add(second);
            }
        }

        Assert.Equal([6, 17, 38, 79, 160], restarts);
    }

    [Fact]
    public void GuardOverADay_SeesTheWholeDay()
    {
        var bot = Bot("a", new BotSpec { Guards = [new BotGuard { Name = "drain", Metric = "pnl", Of = "Rate", WindowSeconds = 86400, Min = "-0.001" }] });
        Verdict? verdict = null;
        for (var second = 0; second < 86400; second += 5, _time.Advance(TimeSpan.FromSeconds(5)))
        {
            // It loses 1,000 in the first hour, and nothing after that.
            verdict = Judge(bot, pnl: -Math.Min(second, 3600) / 3.6);
        }

        Assert.Contains("pnl per second is -0.01", verdict!.Message, StringComparison.Ordinal);
    }

    private static Bot Bot(string name, BotSpec spec) => new() { Metadata = new V1ObjectMeta { Name = name, NamespaceProperty = "ns" }, Spec = spec };

    private Verdict? Judge(Bot bot, double? pnl = null, double? age = null, long epoch = 1) => _book.Judge(
        bot, new BotReport { Epoch = epoch, State = BotReport.Acting, ActingSince = _time.GetUtcNow().UtcDateTime, Age = age, Metrics = pnl is { } value ? new Dictionary<string, double>(StringComparer.Ordinal) { ["pnl"] = value } : null }, $"{++_version}");
}
