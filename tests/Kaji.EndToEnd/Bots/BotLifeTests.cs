using System.Text.Json.Nodes;

namespace Kaji.EndToEnd.Bots;

/// <summary>A bot's life, whoever its warden is: never two epochs at once, no order left behind by a stop, a failing version taken back, the kill switch.</summary>
public abstract class BotLifeTests(BotCluster bots)
{
    [Fact]
    public async Task KilledProcess_ActsAgainUnderTheNextEpoch_AndNeverTwoAtOnce()
    {
        var ns = await bots.BotAsync(1);
        for (var round = 0; round < 3; round++)
        {
            var before = await bots.StatusAsync(ns);
            await KillAsync(ns, before);
            var after = await bots.ActsAsync(ns, (long)before["epoch"]!);
            Assert.Equal("Crash", (string)after["lastStop"]!["cause"]!);
            await Eventually.HoldsAsync("the new epoch trades", async () => await bots.Journal.EpochAsync("bot1") == (long)after["epoch"]!);
        }

        await bots.Journal.NoOverlapAsync();
        Assert.All(await OpenAsync("bot1"), o => Assert.Equal((long)0, o));
    }

    [Fact]
    public async Task WarmHandovers_LeaveNoOverlap_AndEachGapIsTold()
    {
        var ns = await bots.BotAsync(2);
        for (var round = 0; round < 3; round++)
        {
            var before = (long)(await bots.StatusAsync(ns))["epoch"]!;
            (await bots.KajiAsync("deploy", $"{ns}/churn", "--warm", "--set", $"round={round}")).Ok();
            var after = await bots.ActsAsync(ns, before);
            Assert.True((long)after["lastGapMilliseconds"]! is >= 0 and < 5000, after.ToJsonString());
            Assert.Equal("Clean", (string)after["lastStop"]!["outcome"]!);
        }

        await bots.Journal.NoOverlapAsync();
    }

    [Fact]
    public async Task BrokenVersion_IsTakenBack()
    {
        var ns = await bots.BotAsync(3);
        var good = await Eventually.GetAsync("the first version is good", async () => await bots.StatusAsync(ns) is { } s && s["goodRevision"] is not null ? s : null);

        await bots.KajiAsync("deploy", $"{ns}/churn", "--set", "broken=true", "--no-wait");

        var status = await Eventually.GetAsync("taken back", async () => await bots.StatusAsync(ns) is { } s && (string?)s["revision"] == (string)good["revision"]! && (string?)s["phase"] == "Active" && s["failedRevision"] is not null ? s : null);
        Assert.Contains("guard errors", status["conditions"]!.AsArray().First(c => (string)c!["type"]! == "Reverted")!["message"]!.ToString(), StringComparison.Ordinal);
        (await bots.KajiAsync("why", $"{ns}/churn")).Ok().Contains("mend the new version");
        await bots.Journal.NoOverlapAsync();
    }

    [Fact]
    public async Task EveryStop_LeavesNoOrderBehind()
    {
        var ns = await bots.BotAsync(4);
        var epoch = (long)(await bots.StatusAsync(ns))["epoch"]!;
        (await bots.Cluster.KubectlAsync("-n", ns, "delete", "pod", (string)(await bots.StatusAsync(ns))["activePod"]!)).Ok();
        var after = await bots.ActsAsync(ns, epoch);
        Assert.Equal(("Clean", "Stop", 0), ((string)after["lastStop"]!["outcome"]!, (string)after["lastStop"]!["cause"]!, (int)after["lastStop"]!["openOrders"]!));
        Assert.DoesNotContain(await OpenAsync("bot4"), o => o == epoch);

        (await bots.KajiAsync("stop", $"{ns}/churn")).Ok().Contains("is at rest: clean");
        Assert.Contains("stopped by a person", (string)(await bots.StatusAsync(ns))["lastStop"]!["why"]!, StringComparison.Ordinal);
        Assert.Empty(await OpenAsync("bot4"));
        (await bots.KajiAsync("start", $"{ns}/churn")).Ok();

        (await bots.KajiAsync("halt", "-n", ns, "--why", "test")).Ok().Contains("1 bots are at rest");
        Assert.Empty(await OpenAsync("bot4"));
        (await bots.KajiAsync("bots", "--once", "-n", ns)).Ok().Contains("Halted");
        (await bots.KajiAsync("resume", "-n", ns)).Ok();
        await bots.ActsAsync(ns);

        (await bots.Cluster.KubectlAsync("-n", ns, "delete", "bot", "churn", "--timeout=30s")).Ok();
        Assert.Empty(await OpenAsync("bot4"));
        Assert.Empty((await bots.Cluster.GetAsync("account", "main", "-n", ns))["status"]!["claims"]?.AsArray() ?? []);
        await bots.Journal.NoOverlapAsync();
    }

    [Fact]
    public async Task DeletedLease_IsMadeAnew_AndADeletedNamespace_EndsTheBotInOrder()
    {
        var ns = await bots.BotAsync(9);
        var epoch = (long)(await bots.StatusAsync(ns))["epoch"]!;
        (await bots.Cluster.KubectlAsync("-n", ns, "delete", "lease", "bot-churn")).Ok();
        var after = await bots.ActsAsync(ns, epoch);
        await Eventually.HoldsAsync("the next epoch trades", async () => await bots.Journal.EpochAsync("bot9") == (long)after["epoch"]!);
        await bots.Journal.NoOverlapAsync();

        (await bots.Cluster.KubectlAsync("delete", "namespace", ns, "--timeout=60s")).Ok();
        Assert.Empty(await OpenAsync("bot9"));
    }

    [Fact]
    public async Task LyingBot_IsFoundOut_AndTheStopIsUnclean()
    {
        var ns = await bots.BotAsync(5);
        var status = await bots.StatusAsync(ns);
        await FaultAsync(ns, status, "lie");

        (await bots.Cluster.KubectlAsync("-n", ns, "delete", "pod", (string)status["activePod"]!)).Ok();

        var after = await bots.ActsAsync(ns, (long)status["epoch"]!);
        Assert.Equal("Unclean", (string)after["lastStop"]!["outcome"]!);
        Assert.True(after["lastStop"]!.ToJsonString().Contains("still open", StringComparison.Ordinal), after.ToJsonString());
        await bots.Journal.NoOverlapAsync();
        Assert.DoesNotContain(await OpenAsync("bot5"), o => o == (long)status["epoch"]!);
    }

    [Fact]
    public async Task BotThatIgnoresEverything_IsKilledAtItsDeadline_AndTheNextFollows()
    {
        await bots.Cluster.ApplyAsync(BotCluster.Manifest("bots-7", 7, "http://exchange.exchange:8080").Replace("- {name: HOOKS", "- {name: IGNORE_TERM, value: \"true\"}\n        - {name: HOOKS", StringComparison.Ordinal));
        var status = await bots.ActsAsync("bots-7");
        await FaultAsync("bots-7", status, "hang-hooks");

        (await bots.Cluster.KubectlAsync("-n", "bots-7", "delete", "pod", (string)status["activePod"]!, "--timeout=30s")).Ok();

        var after = await bots.ActsAsync("bots-7", (long)status["epoch"]!);
        Assert.Equal("Unclean", (string)after["lastStop"]!["outcome"]!);
        Assert.Contains("did not agree to stop: /hooks/stop did not answer", (string)after["lastStop"]!["fault"]!, StringComparison.Ordinal);
        await bots.Journal.NoOverlapAsync();
        Assert.DoesNotContain(await OpenAsync("bot7"), o => o == (long)status["epoch"]!);
    }

    [Fact]
    public async Task FreshnessBySdNotify_IsHeard_AndGrowsWhenTheFeedIsDeaf()
    {
        var ns = await bots.BotAsync(8, extra: "freshness: {sdNotify: data-age, remedy: Alert}");
        async Task<double?> AgeAsync() =>
            (string?)(await bots.Cluster.GetAsync("lease", "bot-churn", "-n", ns))["metadata"]!["annotations"]?["bots.kaji.dev/report"] is { } report ? (double?)JsonNode.Parse(report)!["age"] : null;
        await Eventually.HoldsAsync("its data is fresh", async () => await AgeAsync() < 2.5);

        await FaultAsync(ns, await bots.StatusAsync(ns), "freeze-feed");

        await Eventually.HoldsAsync("its data grows old", async () => await AgeAsync() > 4);
        await GuardOfAnActingBot_IsWatchedAtOnceAsync(ns);
    }

    /// <summary>Its metric was not read before: the warden is told.</summary>
    private async Task GuardOfAnActingBot_IsWatchedAtOnceAsync(string ns)
    {
        var epoch = (long)(await bots.StatusAsync(ns))["epoch"]!;

        (await bots.Cluster.KubectlAsync("-n", ns, "patch", "bot", "churn", "--type=merge", "-p", """{"spec":{"guards":[{"name":"any","metric":"bot_orders_total","max":"0"}]}}""")).Ok();

        var status = await Eventually.GetAsync("halted", async () => await bots.StatusAsync(ns) is { } s && (string?)s["phase"] == "Halted" ? s : null);
        Assert.Equal(epoch, (long)status["epoch"]!);
        Assert.Contains("guard any: bot_orders_total is", (string)status["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatCannotRun_IsRefusedOrSaysWhy()
    {
        var ns = await bots.BotAsync(6);
        var rival = await Command.RunAsync(Path.Combine(TestCluster.Clients, "kubectl-1.35"), ["--kubeconfig", bots.Cluster.Kubeconfig, "apply", "-f", "-"],
            Bot(ns, "rival", "account: main, markets: [BTC-USDT, ETH-USDT]", "image: x"), null);
        rival.Refused($"market BTC-USDT is claimed by bot {ns}/churn");
        await bots.Cluster.ApplyAsync(Bot(ns, "lost", "account: nobody", "image: x"));
        await bots.Cluster.ApplyAsync(Bot(ns, "wrong", "stopped: false", "image: x, imagePullPolicy: Sometimes"));
        await SaysAsync(ns, "lost", "account " + ns + "/nobody does not exist");
        await SaysAsync(ns, "wrong", "imagePullPolicy: Unsupported value");
        (await bots.KajiAsync("why", $"{ns}/lost")).Ok().Contains("get accounts");
        (await bots.KajiAsync("why", "nobody")).Refused("there is no bot nobody");
    }

    protected Task SaysAsync(string ns, string bot, string message) =>
        Eventually.HoldsAsync($"{bot} says {message}", async () => ((string?)(await bots.StatusAsync(ns, bot))["message"])?.Contains(message, StringComparison.Ordinal) == true);

    private static string Bot(string ns, string name, string spec, string container) => $$$"""
        apiVersion: bots.kaji.dev/v1alpha1
        kind: Bot
        metadata: {name: {{{name}}}, namespace: {{{ns}}}}
        spec: { {{{spec}}}, template: {spec: {containers: [{name: bot, {{{container}}}}]} } }
        """;

    /// <summary>Has the bot misbehave from now on.</summary>
    protected async Task FaultAsync(string ns, JsonNode status, string fault) =>
        (await bots.Cluster.KubectlAsync("create", "--raw", $"/api/v1/namespaces/{ns}/pods/{(string)status["activePod"]!}:8080/proxy/admin/{fault}", "-f", "/dev/null")).Ok();

    /// <summary>SIGKILL to the bot's process, from the host.</summary>
    protected async Task KillAsync(string ns, JsonNode status)
    {
        foreach (var pid in await ProcessesAsync(ns, status, "^/fleet executor"))
        {
            (await Command.RunAsync("kill", "-9", pid)).Ok();
        }
    }

    /// <summary>Processes of the acting Pod, by their command lines.</summary>
    protected async Task<string[]> ProcessesAsync(string ns, JsonNode status, string pattern)
    {
        var uid = (string)(await bots.Cluster.GetAsync("pod", (string)status["activePod"]!, "-n", ns))["metadata"]!["uid"]!;
        return [.. (await BotCluster.ProcessesAsync(pattern)).Where(p => File.Exists($"/proc/{p}/cgroup") && File.ReadAllText($"/proc/{p}/cgroup").Contains(uid, StringComparison.Ordinal))];
    }

    /// <summary>Epochs of an account's open orders that no living epoch owns; 0 for the acting one's.</summary>
    protected async Task<long[]> OpenAsync(string account)
    {
        var newest = await bots.Journal.EpochAsync(account);
        return [.. (await bots.Journal.OpenAsync()).Where(o => o.Account == account).Select(o => o.Epoch == newest ? 0 : o.Epoch ?? -1)];
    }
}

[Collection("one cluster at a time")]
public sealed class AgentBotLifeTests(AgentCluster bots) : BotLifeTests(bots), IClassFixture<AgentCluster>
{
    private readonly AgentCluster _bots = bots;

    [Fact]
    public async Task KilledServer_LeavesTheBotActing_AndTakesItOver()
    {
        var ns = await _bots.BotAsync(10);
        var epoch = (long)(await _bots.StatusAsync(ns))["epoch"]!;

        await _bots.Cluster.KillServerAsync();
        (await _bots.Cluster.UpAsync()).Ok();

        var after = await _bots.ActsAsync(ns, epoch - 1);
        Assert.Equal(epoch, (long)after["epoch"]!);
        await _bots.Journal.NoOverlapAsync();
    }

    [Fact]
    public async Task StopThatMeetsTheServersDeath_IsBroughtToItsEndByTheNext()
    {
        var ns = await _bots.BotAsync(15);
        var status = await _bots.StatusAsync(ns);
        await FaultAsync(ns, status, "hang-hooks");
        (await _bots.Cluster.KubectlAsync("-n", ns, "delete", "pod", (string)status["activePod"]!, "--wait=false")).Ok();

        await _bots.Cluster.KillServerAsync();
        (await _bots.Cluster.UpAsync()).Ok();

        var after = await _bots.ActsAsync(ns, (long)status["epoch"]!);
        Assert.Contains("it did not agree to stop", (string)after["lastStop"]!["fault"]!, StringComparison.Ordinal);
        await _bots.Journal.NoOverlapAsync();
        Assert.DoesNotContain(await OpenAsync("bot15"), o => o == (long)status["epoch"]!);
    }

    [Fact]
    public async Task FrozenServer_IsSurvivedByTheGuard_WhichKillsAtTheDeadline()
    {
        var ns = await _bots.BotAsync(11);
        var epoch = (long)(await _bots.StatusAsync(ns))["epoch"]!;
        var server = _bots.Cluster.ServerPid();

        (await Command.RunAsync("kill", "-STOP", server)).Ok();
        try
        {
            await Eventually.HoldsAsync("no bot acts any more", async () => (await BotCluster.ProcessesAsync("^/fleet executor")).Length == 0, TimeSpan.FromSeconds(10));
        }
        finally
        {
            (await Command.RunAsync("kill", "-CONT", server)).Ok();
        }

        await _bots.ActsAsync(ns, epoch);
        await _bots.Journal.NoOverlapAsync();
    }

    [Fact]
    public async Task LocalHalt_WhileTheServerIsDead_KillsWhatTheGuardKnows_AndTheStopIsUnclean()
    {
        var ns = await _bots.BotAsync(13);
        var epoch = (long)(await _bots.StatusAsync(ns))["epoch"]!;
        await _bots.Cluster.KillServerAsync();

        (await _bots.Cluster.RunKajiAsync("halt", "--local", "--why", "no server")).Ok();

        Assert.Empty(await BotCluster.ProcessesAsync("^/fleet executor"));
        (await _bots.Cluster.UpAsync()).Ok();
        await Eventually.HoldsAsync("halted", async () => (string?)(await _bots.StatusAsync(ns))["phase"] == "Halted");

        // By its event: the server may have tried the next epoch before it knew of the halt.
        await Eventually.HoldsAsync("the stop is unclean", async () => (await _bots.Cluster.KubectlAsync("-n", ns, "get", "events", "--field-selector=reason=StoppedUnclean")).Ok().Output
            .Contains($"epoch {epoch}: its process ended while no warden watched it", StringComparison.Ordinal));
        (await _bots.KajiAsync("resume", "--all")).Ok();
        await _bots.ActsAsync(ns);
    }

    [Fact]
    public async Task OperatorWithoutRights_SaysSo_AndGoesOnWhenItHasThem()
    {
        var ns = await _bots.BotAsync(14);
        var before = await _bots.StatusAsync(ns);
        (await _bots.Cluster.KubectlAsync("patch", "clusterrole", "kaji:bot-operator", "--type=json", "-p", """[{"op": "replace", "path": "/rules/1/verbs", "value": ["get", "list", "watch"]}]""")).Ok();
        await KillAsync(ns, before);

        await SaysAsync(ns, "churn", "the operator is not allowed to go on: pods");
        (await _bots.KajiAsync("why", $"{ns}/churn")).Ok().Contains("describe clusterrole kaji:bot-operator");

        (await _bots.Cluster.KubectlAsync("patch", "clusterrole", "kaji:bot-operator", "--type=json", "-p", """[{"op": "replace", "path": "/rules/1/verbs", "value": ["get", "list", "watch", "create", "update", "patch", "delete"]}]""")).Ok();
        await _bots.ActsAsync(ns, (long)before["epoch"]!);
        await _bots.Journal.NoOverlapAsync();
    }

    [Fact]
    public async Task LocalHalt_EndsBots_AndBecomesAHalt()
    {
        var ns = await _bots.BotAsync(12);

        (await _bots.Cluster.RunKajiAsync("halt", "--local", "--why", "by hand")).Ok();

        await Eventually.HoldsAsync("halted", async () => (string?)(await _bots.StatusAsync(ns))["phase"] == "Halted");
        (await _bots.KajiAsync("resume", "--all")).Ok().Contains("is released");
        await _bots.ActsAsync(ns);
    }
}

[Collection("one cluster at a time")]
public sealed class SidecarBotLifeTests(SidecarCluster bots) : BotLifeTests(bots), IClassFixture<SidecarCluster>
{
    private const string Warden = "warden --child";
    private readonly SidecarCluster _bots = bots;

    [Fact]
    public async Task KilledWarden_IsStartedAnew_AndTheBotGoesOn()
    {
        var ns = await _bots.BotAsync(16);
        var status = await _bots.StatusAsync(ns);
        var before = Assert.Single(await ProcessesAsync(ns, status, Warden));

        (await Command.RunAsync("kill", "-9", before)).Ok();

        await Eventually.HoldsAsync("another warden", async () => await ProcessesAsync(ns, status, Warden) is [var pid] && pid != before);
        var renewed = await RenewedAsync(ns);
        await Eventually.HoldsAsync("it renews", async () => await RenewedAsync(ns) != renewed);
        Assert.Equal((long)status["epoch"]!, (long)(await _bots.ActsAsync(ns))["epoch"]!);
        await _bots.Journal.NoOverlapAsync();
    }

    [Fact]
    public async Task FrozenWarden_IsSurvivedByTheGuard_WhichKillsAtTheDeadline()
    {
        var ns = await _bots.BotAsync(17);
        var status = await _bots.StatusAsync(ns);
        var warden = Assert.Single(await ProcessesAsync(ns, status, Warden));

        (await Command.RunAsync("kill", "-STOP", warden)).Ok();
        try
        {
            await _bots.ActsAsync(ns, (long)status["epoch"]!);
            await _bots.Journal.NoOverlapAsync();
        }
        finally
        {
            await Command.RunAsync("kill", "-CONT", warden);
        }
    }

    private async Task<string> RenewedAsync(string ns) => (string)(await _bots.Cluster.GetAsync("lease", "bot-churn", "-n", ns))["spec"]!["renewTime"]!;
}
