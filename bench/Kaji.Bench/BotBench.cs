using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Kaji.Bench;

/// <summary>
/// Bots on the paper exchange: the gap of a handover (Warm, next to Recreate of the same bot in the same run), of a crash, the kill switch for 100 bots, 1,000 Bot objects, and what
/// the bot layer costs in memory (a server with it next to one without).
/// </summary>
internal static class BotBench
{
    private const int Warm = 100;
    private const int Recreate = 10;
    private const int Crashes = 10;
    private const int Halted = 100;
    private const int Objects = 1000;
    private const string Group = "/apis/bots.kaji.dev/v1alpha1";

    public static async Task RunAsync()
    {
        await using (var bare = await ClusterUnderTest.StartAsync("--no-bots"))
        await using (var with = await ClusterUnderTest.StartAsync())
        {
            await Task.Delay(TimeSpan.FromSeconds(10));
            Console.WriteLine($"idle server: {bare.Usage().Resident / 1e6:0} MB without the bot layer, {with.Usage().Resident / 1e6:0} MB with it");
        }

        await using var cluster = await ClusterUnderTest.StartAsync();
        using var http = cluster.Connect(16);
        var image = await ClusterUnderTest.FleetAsync();
        await cluster.KajiAsync("image", "build", "kaji.local/fleet:demo", "--dir", image, "--entrypoint", "/fleet", "--data-dir", cluster.Data);
        using var exchange = Process.Start(new ProcessStartInfo(Path.Combine(image, "fleet"), ["exchange"]) { RedirectStandardOutput = true, Environment = { ["PORT"] = "18088", ["API_KEYS_COUNT"] = "200" } })!;
        try
        {
            await PostAsync(http, "/api/v1/namespaces", """{"metadata":{"name":"b"}}""");
            await HandoversAsync(http, "Recreate", 0, Recreate);
            await HandoversAsync(http, "Warm", 1, Warm);
            await CrashesAsync(http);
            await HaltAsync(http, cluster);
            await ObjectsAsync(http, cluster);
        }
        finally
        {
            exchange.Kill();
            await exchange.WaitForExitAsync();
        }
    }

    private static async Task HandoversAsync(HttpClient http, string strategy, int account, int count)
    {
        var name = strategy.ToLowerInvariant();
        await PostAsync(http, $"{Group}/namespaces/b/bots", Bot(name, account, strategy));
        var epoch = await ActsAsync(http, name, 0);
        var gaps = new List<double>();
        for (var i = 0; i < count; i++)
        {
            await PatchAsync(http, $"{Group}/namespaces/b/bots/{name}", $$$$$"""{"spec":{"parameters":{"values":{"round":"{{{{{i}}}}}"}}}}""");
            epoch = await ActsAsync(http, name, epoch);
            gaps.Add((double)(await BotAsync(http, name))["status"]!["lastGapMilliseconds"]!);
        }

        gaps.Sort();
        Console.WriteLine($"{count} {strategy} handovers: gap p50 {gaps[gaps.Count / 2]:0} ms, p99 {gaps[(int)(gaps.Count * 0.99) - (gaps.Count < 100 ? 0 : 1)]:0} ms, longest {gaps[^1]:0} ms{(strategy == "Warm" ? "   (goal: p50 100, p99 500)" : "")}");
    }

    private static async Task CrashesAsync(HttpClient http)
    {
        var gaps = new List<double>();
        for (var i = 0; i < Crashes; i++)
        {
            await PostAsync(http, $"{Group}/namespaces/b/bots", Bot($"crash-{i}", 10 + i, "Recreate"));
        }

        for (var i = 0; i < Crashes; i++)
        {
            var epoch = await ActsAsync(http, $"crash-{i}", 0);
            var uid = (string)JsonNode.Parse(await http.GetStringAsync($"/api/v1/namespaces/b/pods/crash-{i}-{epoch}"))!["metadata"]!["uid"]!;
            foreach (var pid in (await ClusterUnderTest.RunAsync("pgrep", "-f", "^/fleet executor")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(p => File.ReadAllText($"/proc/{p}/cgroup").Contains(uid, StringComparison.Ordinal)))
            {
                Process.GetProcessById(int.Parse(pid, CultureInfo.InvariantCulture)).Kill();
            }

            await ActsAsync(http, $"crash-{i}", epoch);
            gaps.Add((double)(await BotAsync(http, $"crash-{i}"))["status"]!["lastGapMilliseconds"]!);
        }

        gaps.Sort();
        Console.WriteLine($"{Crashes} killed bots: acting again after p50 {gaps[gaps.Count / 2]:0} ms, longest {gaps[^1]:0} ms   (goal: 1 s)");
    }

    private static async Task HaltAsync(HttpClient http, ClusterUnderTest cluster)
    {
        await PostAsync(http, "/api/v1/namespaces", """{"metadata":{"name":"h"}}""");
        for (var i = 0; i < Halted; i++)
        {
            await PostAsync(http, $"{Group}/namespaces/h/bots", Bot($"bot-{i}", 100 + i, "Recreate", interval: 1000));
        }

        await UntilAsync(async () => JsonNode.Parse(await http.GetStringAsync($"{Group}/namespaces/h/bots"))!["items"]!.AsArray().All(b => (string?)b!["status"]?["phase"] == "Active"));
        var began = DateTime.UtcNow;
        var clock = Stopwatch.StartNew();
        await PostAsync(http, $"{Group}/halts", """{"metadata":{"name":"bench"},"spec":{"namespace":"h"}}""");
        await UntilAsync(async () => JsonNode.Parse(await http.GetStringAsync($"{Group}/namespaces/h/bots"))!["items"]!.AsArray().All(b => (string?)b!["status"]?["phase"] == "Halted"));
        var all = clock.Elapsed;
        var told = JsonNode.Parse(await http.GetStringAsync("/apis/coordination.k8s.io/v1/namespaces/h/leases"))!["items"]!.AsArray()
            .Select(l => (JsonNode.Parse((string)l!["metadata"]!["annotations"]!["bots.kaji.dev/last-stop"]!)!["actedUntil"]!.GetValue<DateTime>().ToUniversalTime() - began).TotalMilliseconds).Order().ToArray();
        Console.WriteLine($"halt of {Halted} bots: the last one had agreed to rest {told[^1]:0} ms after the command (p50 {told[told.Length / 2]:0}), all processes ended and said so after {all.TotalMilliseconds:0} ms   (goal: reach every bot in 1 s)");
    }

    private static async Task ObjectsAsync(HttpClient http, ClusterUnderTest cluster)
    {
        await PostAsync(http, "/api/v1/namespaces", """{"metadata":{"name":"o"}}""");
        var before = cluster.Usage().Resident / 1e6;
        var clock = Stopwatch.StartNew();
        await Parallel.ForEachAsync(Enumerable.Range(0, Objects), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
            await PostAsync(http, $"{Group}/namespaces/o/bots", $$$$$"""{"metadata":{"name":"o-{{{{{i}}}}}"},"spec":{"stopped":true,"template":{"spec":{"containers":[{"name":"c","image":"x"}]}}}}"""));
        var created = clock.Elapsed;
        await UntilAsync(async () => JsonNode.Parse(await http.GetStringAsync($"{Group}/namespaces/o/bots"))!["items"]!.AsArray().All(b => (string?)b!["status"]?["phase"] == "Stopped"));
        Console.WriteLine($"{Objects} Bots: created in {created.TotalSeconds:0.0} s, all reconciled {clock.Elapsed.TotalSeconds:0.0} s after the first create   (goal: 10 s); server {before:0} → {cluster.Usage().Resident / 1e6:0} MB");
    }

    private static string Bot(string name, int account, string strategy, int interval = 100) => $$$$$"""
        {"metadata":{"name":"{{{{{name}}}}}"},"spec":{"handover":{"strategy":"{{{{{strategy}}}}}"},
         "start":{"reconcile":{"httpPost":{"path":"/hooks/reconcile","port":8080}},"activate":{"httpPost":{"path":"/hooks/activate","port":8080}}},
         "stop":{"tell":{"httpPost":{"path":"/hooks/stop","port":8080}},"verify":{"httpGet":{"path":"/hooks/open-orders","port":8080}},"deadlineSeconds":10},
         "template":{"spec":{"terminationGracePeriodSeconds":2,"containers":[{"name":"bot","image":"kaji.local/fleet:demo","args":["executor"],
          "env":[{"name":"HOOKS","value":"true"},{"name":"MODE","value":"churn"},{"name":"INTERVAL_MS","value":"{{{{{interval}}}}}"},{"name":"PAIR","value":"BTC-USDT"},
           {"name":"HOST_IP","valueFrom":{"fieldRef":{"fieldPath":"status.hostIP"}}},{"name":"EXCHANGE_URL","value":"http://$(HOST_IP):18088"},
           {"name":"API_KEY","value":"bot{{{{{account}}}}}-key"},{"name":"API_SECRET","value":"bot{{{{{account}}}}}-secret"}],
          "readinessProbe":{"httpGet":{"path":"/readyz","port":8080},"periodSeconds":1}}]}}}}
        """;

    private static async Task<JsonNode> BotAsync(HttpClient http, string name) => JsonNode.Parse(await http.GetStringAsync($"{Group}/namespaces/b/bots/{name}"))!;

    private static async Task<long> ActsAsync(HttpClient http, string name, long after)
    {
        long epoch = 0;
        await UntilAsync(async () => (await BotAsync(http, name))["status"] is { } s && (string?)s["phase"] == "Active" && (epoch = (long?)s["epoch"] ?? 0) > after);
        return epoch;
    }

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        var clock = Stopwatch.StartNew();
        while (!await holds())
        {
            if (clock.Elapsed > TimeSpan.FromMinutes(2))
            {
                throw new TimeoutException("a bot did not get there within two minutes");
            }

            await Task.Delay(20);
        }
    }

    private static async Task PostAsync(HttpClient http, string path, string body)
    {
        using var answer = await http.PostAsync(path, new StringContent(body, Encoding.UTF8, "application/json"));
        _ = answer.IsSuccessStatusCode ? 0 : throw new InvalidOperationException(await answer.Content.ReadAsStringAsync());
    }

    private static async Task PatchAsync(HttpClient http, string path, string body)
    {
        using var content = new StringContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/merge-patch+json");
        using var answer = await http.PatchAsync(path, content);
        answer.EnsureSuccessStatusCode();
    }
}
