using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace Kaji.EndToEnd;

/// <summary>Updates under load, and updates that are wrong.</summary>
[Collection("one cluster at a time")]
public sealed class RolloutTests(TestCluster cluster) : IClassFixture<TestCluster>
{
    [Fact]
    public async Task RollingUpdate_UnderConstantLoad_FailsNoRequest()
    {
        var ns = await cluster.NamespaceAsync();
        await cluster.ApplyAsync(TestCluster.WebDeployment(ns, "web", 5, "one"));
        (await cluster.KubectlAsync("-n", ns, "rollout", "status", "deploy/web", "--timeout=60s")).Ok();
        var address = (string)(await cluster.GetAsync("service", "web", "-n", ns))["spec"]!["clusterIP"]!;

        using var stop = new CancellationTokenSource();
        var answers = new ConcurrentDictionary<string, int>(StringComparer.Ordinal);
        var failures = new ConcurrentQueue<string>();
        using var http = new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.Zero }) { Timeout = TimeSpan.FromSeconds(10) };
        var load = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    answers.AddOrUpdate((await http.GetStringAsync($"http://{address}/", CancellationToken.None)).Trim(), 1, (_, n) => n + 1);
                }
                catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
                {
                    failures.Enqueue(e.Message);
                }
            }
        })).ToArray();

        await cluster.ApplyAsync(TestCluster.WebDeployment(ns, "web", 5, "two"));
        (await cluster.KubectlAsync("-n", ns, "rollout", "status", "deploy/web", "--timeout=80s")).Ok();
        await Eventually.HoldsAsync("only new pods are left", async () => (await cluster.GetAsync("pods", "-n", ns))["items"]!.AsArray().Count == 5);
        await stop.CancelAsync();
        await Task.WhenAll(load);

        Assert.Empty(failures);
        Assert.True(answers.ContainsKey("one") && answers.ContainsKey("two"), string.Join(", ", answers));
    }

    [Fact]
    public async Task BrokenImage_StopsTheRollout_AndUndoHeals()
    {
        var ns = await cluster.NamespaceAsync();
        await cluster.ApplyAsync(TestCluster.WebDeployment(ns, "web", 3, "good"));
        (await cluster.KubectlAsync("-n", ns, "rollout", "status", "deploy/web", "--timeout=60s")).Ok();

        (await cluster.KubectlAsync("-n", ns, "set", "image", "deploy/web", "web=nowhere.invalid/none:2")).Ok();
        await Eventually.HoldsAsync("one new pod waits", async () => (await PodsAsync(ns)).Count(p => Waits(p)) == 1);
        Assert.Equal(3, (int)(await cluster.GetAsync("deploy", "web", "-n", ns))["status"]!["readyReplicas"]!);
        (await cluster.KubectlAsync("-n", ns, "rollout", "status", "deploy/web", "--timeout=1s")).Refused("timed out");

        (await cluster.KubectlAsync("-n", ns, "rollout", "undo", "deploy/web")).Ok();
        (await cluster.KubectlAsync("-n", ns, "rollout", "status", "deploy/web", "--timeout=60s")).Ok();
        await Eventually.HoldsAsync("the broken pod is gone", async () => (await PodsAsync(ns)) is { Count: 3 } pods && !pods.Any(Waits));
    }

    private static bool Waits(JsonNode pod) =>
        (string?)pod["status"]!["containerStatuses"]?[0]?["state"]?["waiting"]?["reason"] is "ErrImagePull" or "ImagePullBackOff";

    private async Task<List<JsonNode>> PodsAsync(string ns) => [.. (await cluster.GetAsync("pods", "-n", ns))["items"]!.AsArray().Select(p => p!)];
}
