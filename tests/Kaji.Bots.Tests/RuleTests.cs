using System.Text.Json.Nodes;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Operator;
using Kaji.Bots.Warden;

namespace Kaji.Bots.Tests;

/// <summary>Freshness, guards, schedules, claims, fleets: the pure rules.</summary>
public sealed class RuleTests
{
    /// <summary>An hour of a market that is silent for up to 20 minutes at a time, ticks otherwise at random: reports each second, of a bot that hears everything.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void QuietMarket_RaisesNoAlarm_AndADeafBotIsFoundInTime(int seed)
    {
        const double Limit = 5;
        var random = new Random(seed);
        var (tick, next) = (0.0, 1.0);
        double? deafSince = null;
        for (var second = 1.0; second < 3600; second++)
        {
            while (next <= second)
            {
                (tick, next) = (next, next + (random.Next(50) == 0 ? random.Next(60, 1200) : random.NextDouble() * 3));
            }

            // What is reported is up to a second old, and a peer's was reported at another moment.
            var own = second - tick + random.NextDouble();
            var peer = second - tick + random.NextDouble();
            Assert.NotEqual(true, FreshnessRule.Judge(own, peer, Limit, TimeSpan.FromSeconds(second)).Deaf);
        }

        // From here on it hears nothing, while the market ticks each second.
        for (var second = 0.0; second < 60 && deafSince is null; second++)
        {
            deafSince = FreshnessRule.Judge(second, random.NextDouble(), Limit, TimeSpan.FromHours(1)).Deaf == true ? second : null;
        }

        Assert.InRange(deafSince ?? double.MaxValue, Limit, Limit + 2);
    }

    [Fact]
    public void BotWithoutReference_CanNotBeJudged() => Assert.Null(FreshnessRule.Judge(1000, null, 5, TimeSpan.FromHours(1)).Deaf);

    [Fact]
    public void BotThatHasJustBegun_IsNotDeaf() => Assert.False(FreshnessRule.Judge(null, 0, 5, TimeSpan.FromSeconds(3)).Deaf);

    [Fact]
    public void Guards_JudgeValuesRatesAndRatios()
    {
        FigureSample[] samples = [Sample(0, ("errors", 0), ("orders", 0), ("pnl", 0)), Sample(5, ("errors", 10), ("orders", 100), ("pnl", -30)), Sample(10, ("errors", 60), ("orders", 110), ("pnl", -60))];

        Assert.Contains("pnl is -60, below -50", GuardRule.Crossed(new BotGuard { Name = "loss", Metric = "pnl", Min = "-50" }, samples), StringComparison.Ordinal);
        Assert.Null(GuardRule.Crossed(new BotGuard { Name = "loss", Metric = "pnl", Min = "-70" }, samples));
        Assert.Contains("errors per second is 6", GuardRule.Crossed(new BotGuard { Name = "e", Metric = "errors", Of = "Rate", Max = "5" }, samples), StringComparison.Ordinal);
        Assert.Contains("errors / orders is 5", GuardRule.Crossed(new BotGuard { Name = "r", Metric = "errors", By = "orders", WindowSeconds = 6, Max = "0.5" }, samples), StringComparison.Ordinal);
        Assert.Null(GuardRule.Crossed(new BotGuard { Name = "x", Metric = "unknown", Max = "1" }, samples));
    }

    [Theory]
    [InlineData("2026-03-02T09:00:00Z", true, 8 * 60)]
    [InlineData("2026-03-02T17:30:00Z", false, (15 * 60) - 30)]
    [InlineData("2026-03-07T12:00:00Z", false, 44 * 60)]
    public void Schedule_RunsInItsWindows(string now, bool runs, int minutes)
    {
        var schedule = new BotSchedule { Windows = [new ScheduleWindow { Days = ["Mon", "Tue", "Wed", "Thu", "Fri"], From = "08:00", To = "17:00" }] };

        var (does, change, fault) = ScheduleRule.At(schedule, DateTimeOffset.Parse(now, System.Globalization.CultureInfo.InvariantCulture));

        Assert.Equal((runs, (TimeSpan?)TimeSpan.FromMinutes(minutes), null), (does, change, fault));
    }

    [Fact]
    public void ScheduleOverMidnight_AndUnknownZone()
    {
        var night = new BotSchedule { Windows = [new ScheduleWindow { Days = ["Fri"], From = "22:00", To = "02:00" }] };
        Assert.True(ScheduleRule.At(night, new DateTimeOffset(2026, 3, 7, 1, 0, 0, TimeSpan.Zero)).Runs);
        Assert.False(ScheduleRule.At(night, new DateTimeOffset(2026, 3, 7, 23, 0, 0, TimeSpan.Zero)).Runs);
        Assert.Contains("Mars/Base", ScheduleRule.At(night with { TimeZone = "Mars/Base" }, default).Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Claims_BelongToOneBot_AndAreHeldUntilItIsAtRest()
    {
        var account = Account(new AccountClaim { Market = "BTC", Bot = "ns/a" });

        Assert.Contains("claimed by bot ns/a", ClaimPlan.Take(account, "ns/b", ["BTC"], 0).Refused, StringComparison.Ordinal);
        Assert.Contains("claimed by bot ns/a", ClaimPlan.Take(account, "ns/b", null, 0).Refused, StringComparison.Ordinal);
        Assert.Equal(["BTC", "ETH"], ClaimPlan.Take(account, "ns/b", ["ETH"], 0).Claims!.Select(c => c.Market));
        Assert.Equal(["BTC", "ETH"], ClaimPlan.Take(account, "ns/a", ["ETH"], 3, (string[])["BTC", "SOL"]).Claims!.Select(c => c.Market));
        Assert.Equal(["ETH"], ClaimPlan.Take(account, "ns/a", ["ETH"], 3).Claims!.Select(c => c.Market));
        Assert.Contains("may not be claimed from namespace other", ClaimPlan.Take(account, "other/b", ["ETH"], 0).Refused, StringComparison.Ordinal);
        Assert.Empty(ClaimPlan.Release(account, "ns/a").Claims!);
    }

    [Fact]
    public void Fleet_IsAMatrixWithExclusionsAndOverrides()
    {
        var plan = FleetPlan.Of(Fleet("""
            {"name":"$(strategy)-$(coin)","matrix":[{"name":"strategy","values":["grid","trend"]},{"name":"coin","values":["BTC","ETH"]}],
             "exclude":[{"strategy":"trend","coin":"ETH"}],
             "overrides":[{"match":{"coin":"ETH"},"spec":{"parameters":{"values":{"size":"2"}}}},{"bot":"grid-btc","spec":{"stopped":true}}],
             "bots":[{"name":"extra","values":{"strategy":"x","coin":"SOL"}}],
             "template":{"account":"$(coin:lower)-$(strategy)","markets":["$(coin)-USDT"],"parameters":{"values":{"size":"1","ref":"$(HOME)"}}}}
            """));

        Assert.Null(plan.Fault);
        Assert.Equal(["grid-btc", "grid-eth", "trend-btc", "extra"], plan.Members.Select(m => m.Name));
        Assert.Equal("2", plan.Members[1].Spec.Parameters!.Values!["size"]);
        Assert.Equal("$(HOME)", plan.Members[1].Spec.Parameters!.Values!["ref"]);
        Assert.Equal(("eth-grid", "ETH-USDT", true), (plan.Members[1].Spec.Account, plan.Members[1].Spec.Markets![0], plan.Members[0].Spec.Stopped));
    }

    [Fact]
    public void FleetWhoseBotsClaimOneMarketTwice_MakesNone()
    {
        var plan = FleetPlan.Of(Fleet("""{"name":"$(s)","matrix":[{"name":"s","values":["a","b"]}],"template":{"account":"main","markets":["BTC"]}}"""));

        Assert.Empty(plan.Members);
        Assert.Equal("bots a and b would both claim market BTC of account main", plan.Fault);
    }

    [Fact]
    public void PrometheusPage_IsSummedByName()
    {
        var sums = PrometheusText.Sums("# TYPE a counter\na{x=\"1 2}\"} 3 1700000000000\na 4\nb +Inf\nc{ nonsense\n\n d 1e3\n");

        Assert.Equal(7, sums["a"]);
        Assert.Equal(double.PositiveInfinity, sums["b"]);
        Assert.Equal(1000, sums["d"]);
        Assert.False(sums.ContainsKey("c"));
    }

    [Theory]
    [InlineData("{\"openOrders\":3}", 3)]
    [InlineData("0\n", 0)]
    [InlineData("garbage", null)]
    [InlineData("[1]", null)]
    [InlineData("", null)]
    public void HookAnswers_AreReadOrNot(string text, int? open) => Assert.Equal(open, new HookResult(null, text).OpenOrders);

    private static FigureSample Sample(int second, params (string Name, double Value)[] values) => new(TimeSpan.FromSeconds(second), values.ToDictionary(v => v.Name, v => v.Value, StringComparer.Ordinal));

    private static Account Account(params AccountClaim[] claims) => new() { Metadata = new V1ObjectMeta { Name = "main", NamespaceProperty = "ns" }, Status = new AccountStatus { Claims = claims } };

    private static BotFleet Fleet(string spec) => new() { Metadata = new V1ObjectMeta { Name = "f", NamespaceProperty = "ns" }, Spec = System.Text.Json.JsonSerializer.Deserialize(spec, BotJson.Default.FleetSpec)! };

    [Fact]
    public void Day_CountsWhatEachEpochWonOrLost_AndBeginsAnewAtMidnight()
    {
        var today = new DateOnly(2026, 5, 1);
        var day = DayBook.Take(null, today, [("ns/a", 1, -500), ("ns/b", 1, 0)]);
        Assert.Equal(0, DayBook.ResultOf(day));
        day = DayBook.Take(day, today, [("ns/a", 1, -510), ("ns/b", 1, 4)]);
        Assert.Equal(-6, DayBook.ResultOf(day));

        // Its next epoch counts from zero, or goes on: neither is a loss.
        day = DayBook.Take(day, today, [("ns/a", 2, 0), ("ns/b", 2, 4)]);
        day = DayBook.Take(day, today, [("ns/a", 2, -1.5)]);
        Assert.Equal(-7.5, DayBook.ResultOf(day));

        // A new operator goes on from what was written down.
        day = DayBook.Take(new AccountDay { Date = day.Date, Result = day.Result, Figures = day.Figures }, today, [("ns/a", 2, -2)]);
        Assert.Equal(-8, DayBook.ResultOf(day));
        day = DayBook.Take(day, today.AddDays(1), [("ns/a", 2, -3)]);
        Assert.Equal(-1, DayBook.ResultOf(day));
    }

    [Fact]
    public void Scale_FollowsTheAverage_AndShrinksSlowly()
    {
        var rule = new ScaleRule();
        int Want(double seconds, int now, params double[] values) => rule.Want(TimeSpan.FromSeconds(seconds), now, values, target: 10, least: 1, most: 6);
        Assert.Equal(2, Want(0, 1, 19));
        Assert.Equal(2, Want(15, 2, 19));
        Assert.Equal(2, Want(30, 2, 10.5, 10.5));
        Assert.Equal(4, Want(45, 2, 20, 20));
        Assert.Equal(6, Want(60, 4, 90, 90, 90, 90));
        Assert.Equal(6, Want(75, 6, 1, 1, 1, 1, 1, 1));
        Assert.Equal(6, Want(76, 6));
        Assert.Equal(6, Want(370, 6, 1, 1, 1, 1, 1, 1));
        Assert.Equal(5, Want(380, 6, 20, 20, 1, 1, 1, 1));
        Assert.Equal(1, Want(700, 5, 1, 1, 1, 1, 1));
        Assert.Equal(1, Want(715, 1, 0));
    }
}
