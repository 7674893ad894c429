using System.Collections.Concurrent;
using System.Globalization;
using k8s;
using k8s.Models;

namespace Kaji.Clients;

/// <summary>Programs that watch with the usual client libraries while the server is killed and comes back: each change of the data is seen, once and in order.</summary>
[Collection("one cluster at a time")]
public sealed class WatchTests(TestCluster cluster) : IClassFixture<TestCluster>
{
    private const int Changes = 240;
    private static readonly string[] Expected = [.. Enumerable.Range(0, Changes).Select(n => $"{(n == 0 ? "ADDED" : "MODIFIED")} counter {n}")];

    [Fact]
    public async Task KubernetesClient_SeesEveryChange()
    {
        var ns = await cluster.NamespaceAsync();
        var seen = new ConcurrentQueue<string>();
        using var stop = new CancellationTokenSource();
        using var client = Client();
        var version = (await client.CoreV1.ListNamespacedConfigMapAsync(ns)).ResourceVersion();
        var watching = WatchAsync();
        await WriteThroughRestartsAsync(ns, () => seen.Count);
        await Eventually.HoldsAsync("every change is seen", () => Task.FromResult(seen.Count >= Changes || watching.IsCompleted));
        await stop.CancelAsync();
        await watching;
        Assert.Equal(Expected, seen);

        async Task WatchAsync()
        {
            while (!stop.IsCancellationRequested)
            {
                try
                {
                    await foreach (var (type, map) in client.CoreV1.WatchListNamespacedConfigMapAsync(ns, fieldSelector: "metadata.name=counter", resourceVersion: version, cancellationToken: stop.Token))
                    {
                        version = map.ResourceVersion();
                        seen.Enqueue($"{type.ToString().ToUpperInvariant()} {map.Name()} {map.Data["n"]}");
                    }
                }
                catch (Exception e) when (e is HttpRequestException or IOException or System.Net.Sockets.SocketException or OperationCanceledException)
                {
                    // The server is down, or the test is over: the loop tells which.
                }
            }
        }
    }

    [Fact]
    public async Task ClientNode_SeesEveryChange()
    {
        var ns = await cluster.NamespaceAsync();
        var modules = Path.Combine(TestCluster.Clients, "node");
        using var script = Command.Start("node", [Path.Combine(AppContext.BaseDirectory, "watch.mjs"), modules, cluster.Kubeconfig, ns]);
        var errors = script.StandardError.ReadToEndAsync();
        try
        {
            var (watch, informer) = (new ConcurrentQueue<string>(), new ConcurrentQueue<string>());
            var ready = new TaskCompletionSource();
            var reading = ReadAsync();
            await Task.WhenAny(ready.Task, reading);
            Assert.True(ready.Task.IsCompleted, $"the script ended: {await (script.HasExited ? errors : Task.FromResult(""))}");
            await WriteThroughRestartsAsync(ns, () => watch.Count);
            await Eventually.HoldsAsync("every change is seen", () => Task.FromResult(watch.Count >= Changes && informer.LastOrDefault() == $"update counter {Changes - 1}"));
            Assert.Equal(Expected, watch);
            var numbers = informer.Where(l => !l.StartsWith("delete", StringComparison.Ordinal)).Select(l => int.Parse(l.Split(' ')[^1], CultureInfo.InvariantCulture)).ToArray();
            Assert.Equal(numbers.Order(), numbers);

            async Task ReadAsync()
            {
                while (await script.StandardOutput.ReadLineAsync() is { } line)
                {
                    if (line == "ready")
                    {
                        ready.SetResult();
                    }
                    else if (line.StartsWith("watch ", StringComparison.Ordinal))
                    {
                        watch.Enqueue(line["watch ".Length..]);
                    }
                    else
                    {
                        informer.Enqueue(line["informer ".Length..]);
                    }
                }
            }
        }
        finally
        {
            script.Kill();
            await script.WaitForExitAsync();
        }
    }

    /// <summary>A counter goes up by one a write; the server is killed twice meanwhile, right after a write that nobody may have seen yet.</summary>
    private async Task WriteThroughRestartsAsync(string ns, Func<int> seen)
    {
        using var client = Client();
        await client.CoreV1.CreateNamespacedConfigMapAsync(Map(0), ns);
        for (var n = 1; n < Changes; n++)
        {
            await client.CoreV1.ReplaceNamespacedConfigMapAsync(Map(n), "counter", ns);
            if (n == Changes / 3)
            {
                await Eventually.HoldsAsync("the watch runs", () => Task.FromResult(seen() > 0));
                await cluster.KillServerAsync();
                (await cluster.UpAsync()).Ok();
            }
            else if (n == Changes * 2 / 3)
            {
                (await cluster.RunKajiAsync("stop")).Ok();
                (await cluster.UpAsync()).Ok();
            }
        }

        static V1ConfigMap Map(int n) => new() { Metadata = new V1ObjectMeta { Name = "counter" }, Data = new Dictionary<string, string>(StringComparer.Ordinal) { ["n"] = n.ToString(CultureInfo.InvariantCulture) } };
    }

    private Kubernetes Client() => new(KubernetesClientConfiguration.BuildConfigFromConfigFile(cluster.Kubeconfig));
}
