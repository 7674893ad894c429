using System.Diagnostics;
using System.Globalization;

namespace Kaji.EndToEnd.Bots;

/// <summary>More than one machine: a bot whose host is lost acts elsewhere, once the old one is dead.</summary>
public abstract class LostHostTests(Hosts hosts, ITestOutputHelper output)
{
    /// <summary>KAJI_FAILOVER_ROUNDS=N plays more.</summary>
    private static readonly int Rounds = int.Parse(Environment.GetEnvironmentVariable("KAJI_FAILOVER_ROUNDS") ?? "2", CultureInfo.InvariantCulture);

    /// <summary>A host is lost, and found again, some times over.</summary>
    protected async Task LoseHostsAsync(string fault, int number)
    {
        var ns = await BotAsync(number);
        var account = $"bot{number}";
        var times = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            await Eventually.HoldsAsync("both hosts are ready", async () => (await hosts.ReadyAsync()).Length == 3);
            var status = await hosts.ActsAsync(ns);
            var (host, epoch) = (((string)status["node"]!)[^1..], (long)status["epoch"]!);
            await Eventually.HoldsAsync("it trades", async () => await hosts.Journal.EpochAsync(account) == epoch);

            var clock = Stopwatch.StartNew();
            await (fault switch { "cut" => hosts.CutAsync(host, true), "freeze" => hosts.SignalAsync(host, "STOP"), "kill" => hosts.SignalAsync(host, "KILL"), _ => hosts.PowerOffAsync(host) });
            try
            {
                await Eventually.HoldsAsync("the next epoch trades", async () => await hosts.Journal.EpochAsync(account) > epoch);
                times.Add(clock.Elapsed.TotalSeconds);
                Assert.NotEqual(Hosts.NodeOf(host), (string)(await hosts.ActsAsync(ns, epoch))["node"]!);
            }
            finally
            {
                switch (fault)
                {
                    case "cut":
                        await hosts.CutAsync(host, false);
                        break;
                    case "freeze":
                        await hosts.SignalAsync(host, "CONT");
                        break;
                    default:
                        await hosts.EndedAsync(host);
                        await hosts.PowerOnAsync(host);
                        hosts.Join(host);
                        break;
                }
            }
        }

        times.Sort();
        output.WriteLine($"{fault}: {Rounds} rounds, acting elsewhere after a median of {times[times.Count / 2]:0.00} s, longest {times[^1]:0.00} s");
        await hosts.Journal.NoOverlapAsync();
        await EndAsync(ns);
    }

    protected async Task<string> BotAsync(int number)
    {
        var ns = $"bots-{number}";
        await hosts.ApplyAsync(BotCluster.Manifest(ns, number, hosts.Exchange));
        await hosts.ActsAsync(ns);
        return ns;
    }

    protected async Task EndAsync(string ns) => (await hosts.KubectlAsync("-n", ns, "delete", "bot", "churn", "--timeout=60s")).Ok();
}

/// <summary>With the node agents as wardens; and how nodes join and leave.</summary>
[Collection("one cluster at a time")]
public sealed class HostsTests(AgentHosts hosts, ITestOutputHelper output) : LostHostTests(hosts, output), IClassFixture<AgentHosts>
{
    private readonly AgentHosts _hosts = hosts;

    [Theory]
    [InlineData("cut", 1)]
    [InlineData("freeze", 2)]
    [InlineData("kill", 3)]
    [InlineData("power off", 5)]
    public Task LostHost_IsFollowedByAnother_AfterItsBotIsDead(string fault, int number) => LoseHostsAsync(fault, number);

    [Fact]
    public async Task Drain_BringsTheBotToRest_AndItGoesOnElsewhere()
    {
        var ns = await BotAsync(4);
        var status = await _hosts.ActsAsync(ns);
        var node = (string)status["node"]!;

        (await _hosts.KubectlAsync("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=60s")).Ok();

        var after = await _hosts.ActsAsync(ns, (long)status["epoch"]!);
        Assert.NotEqual(node, (string)after["node"]!);
        Assert.Equal(("Clean", 0), ((string)after["lastStop"]!["outcome"]!, (int)after["lastStop"]!["openOrders"]!));
        (await _hosts.KubectlAsync("uncordon", node)).Ok();
        await _hosts.Journal.NoOverlapAsync();
        await EndAsync(ns);
    }

    [Fact]
    public async Task Node_LeavesForGood_AndJoinsAnew()
    {
        var node = Hosts.NodeOf("c");
        await _hosts.SignalAsync("c", "TERM");
        await _hosts.EndedAsync("c");
        (await _hosts.InAsync("c", TestCluster.Kaji, "down", "--purge", "--data-dir", _hosts.Data("c"))).Ok();
        (await _hosts.KubectlAsync("delete", "node", node)).Ok();
        Assert.DoesNotContain(node, await _hosts.ReadyAsync());

        await FleetImage.AddToAsync(_hosts.Data("c"));
        _hosts.Join("c", "--server", _hosts.Server, "--token", await _hosts.TokenAsync());
        await Eventually.HoldsAsync("it is a node again", async () => (await _hosts.ReadyAsync()).Contains(node));
    }

    [Fact]
    public async Task Join_IsRefused_WithWhatDoesNotFit()
    {
        var token = await _hosts.TokenAsync();
        foreach (var (arguments, why) in new (string[], string)[]
        {
            (["--server", _hosts.Server, "--token", token[..7] + "0123456789abcdef"], "is not the cluster that the token is for"),
            (["--server", _hosts.Server, "--token", "abcdef.0123456789abcdef"], "does not know the token abcdef"),
            (["--server", _hosts.Server, "--token", "abc"], "expected ID.SECRET"),
            (["--server", _hosts.Server, "--token", token, "--ca-hash", "sha256:00"], "ca-hash"),
            (["--server", "http://127.0.0.1:1", "--token", token], "expected https://HOST:PORT"),
            ([], "--server"),
        })
        {
            var other = _hosts.Data("other" + arguments.Length);
            (await _hosts.InAsync("b", [TestCluster.Kaji, "agent", "--data-dir", other, .. arguments])).Refused(why);
            await _hosts.InAsync("b", TestCluster.Kaji, "down", "--purge", "--data-dir", other);
        }
    }
}

/// <summary>With a sidecar as warden the agent's end is not the bot's: what is lost is the whole host, or its way to the server.</summary>
[Collection("one cluster at a time")]
public sealed class SidecarHostsTests(SidecarHosts hosts, ITestOutputHelper output) : LostHostTests(hosts, output), IClassFixture<SidecarHosts>
{
    [Theory]
    [InlineData("cut", 6)]
    [InlineData("power off", 7)]
    public Task LostHost_IsFollowedByAnother_AfterItsBotIsDead(string fault, int number) => LoseHostsAsync(fault, number);
}
