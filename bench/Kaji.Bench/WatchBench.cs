using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Kaji.Bench;

/// <summary>One hundred, then five hundred watchers of one kind over TLS, one hundred changes a second: from before the write is sent until each watcher has read the event; each must see each change in order.</summary>
internal static class WatchBench
{
    private const int Changes = 500;

    public static async Task RunAsync()
    {
        await using var cluster = await ClusterUnderTest.StartAsync();
        foreach (var watchers in (int[])[100, 500])
        {
            await MeasureAsync(cluster, watchers);
        }
    }

    private static async Task MeasureAsync(ClusterUnderTest cluster, int watchers)
    {
        using var writer = cluster.Connect(4);
        using var readers = cluster.Connect(watchers);
        readers.Timeout = Timeout.InfiniteTimeSpan;
        var ns = $"watch-{watchers}";
        using (var made = await writer.PostAsync("/api/v1/namespaces", ClusterUnderTest.Json($$$"""{"metadata":{"name":"{{{ns}}}"}}""")))
        {
            made.EnsureSuccessStatusCode();
        }

        var sent = new long[Changes];
        var open = new CountdownEvent(watchers);
        var seen = Enumerable.Range(0, watchers).Select(_ => Task.Run(async () =>
        {
            var delays = new double[Changes];
            using var response = await readers.GetAsync($"/api/v1/namespaces/{ns}/configmaps?watch=true&fieldSelector=metadata.name%3Dticker", HttpCompletionOption.ResponseHeadersRead);
            open.Signal();
            using var lines = new StreamReader(await response.Content.ReadAsStreamAsync());
            for (var next = 0; next < Changes; next++)
            {
                var line = await lines.ReadLineAsync() ?? throw new InvalidOperationException("the watch ended");
                var now = Stopwatch.GetTimestamp();
                using var json = JsonDocument.Parse(line);
                var number = int.Parse(json.RootElement.GetProperty("object").GetProperty("data").GetProperty("n").GetString()!, System.Globalization.CultureInfo.InvariantCulture);
                if (number != next)
                {
                    throw new InvalidOperationException($"a watcher saw change {number} when {next} was due");
                }

                delays[next] = Stopwatch.GetElapsedTime(Volatile.Read(ref sent[next]), now).TotalMilliseconds;
            }

            return delays;
        })).ToArray();
        await Task.Run(open.Wait);
        using (var settle = new PeriodicTimer(TimeSpan.FromSeconds(1)))
        {
            await settle.WaitForNextTickAsync();
        }

        var before = cluster.Usage();
        var clock = Stopwatch.StartNew();
        using (var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(10)))
        {
            for (var i = 0; i < Changes; i++)
            {
                await tick.WaitForNextTickAsync();
                Volatile.Write(ref sent[i], Stopwatch.GetTimestamp());
                var body = ClusterUnderTest.Json($$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"ticker"},"data":{"n":"{{{i}}}"}}""");
                using var response = i == 0 ? await writer.PostAsync($"/api/v1/namespaces/{ns}/configmaps", body) : await writer.PutAsync($"/api/v1/namespaces/{ns}/configmaps/ticker", body);
                response.EnsureSuccessStatusCode();
            }
        }

        var seconds = clock.Elapsed.TotalSeconds;
        var all = (await Task.WhenAll(seen)).SelectMany(d => d).Order().ToArray();
        var cpu = (cluster.Usage().Cpu - before.Cpu).TotalSeconds / seconds * 100;
        Console.WriteLine($"{watchers} watchers, {Changes / seconds:0} changes/s: p50 {all[all.Length / 2]:0.0} ms  p99 {all[(int)(all.Length * 0.99)]:0.0} ms  server {cpu:0} % of a core");
    }
}
