using System.Diagnostics;

namespace Kaji.Engine.Tests;

/// <summary>Bounds far above what is usual (see the printed figures): they catch a lost order of magnitude, not noise.</summary>
public sealed class SpeedTests(ITestOutputHelper output)
{
    [Fact]
    public async Task FiftyContainers_OneByOneAndTogether()
    {
        await using var host = await EngineHost.StartAsync();
        var sandbox = await host.SandboxAsync();
        await host.RunAsync(sandbox, host.Config("sleep", "1000"));
        var times = new List<double>();
        for (var i = 0; i < 50; i++)
        {
            var clock = Stopwatch.StartNew();
            var pod = await host.SandboxAsync();
            await host.RunAsync(pod, host.Config("sleep", "1000"));
            times.Add(clock.Elapsed.TotalMilliseconds);
        }

        times.Sort();
        var together = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, 50).Select(async _ =>
        {
            var pod = await host.SandboxAsync();
            await host.RunAsync(pod, host.Config("sleep", "1000"));
        }));
        together.Stop();
        var down = Stopwatch.StartNew();
        await host.Runtime.TearDownAsync(TimeSpan.Zero);
        output.WriteLine($"sandbox+create+start p50 {times[25]:0.0} ms, p99 {times[49]:0.0} ms; 50 together {together.Elapsed.TotalMilliseconds:0} ms ({50 / together.Elapsed.TotalSeconds:0}/s); tear down of 101 {down.Elapsed.TotalMilliseconds:0} ms");

        Assert.True(times[25] < 150, $"p50 {times[25]} ms");
        Assert.True(together.Elapsed.TotalSeconds < 5, $"50 together {together.Elapsed}");
        Assert.Empty(host.Runtime.ListSandboxes());
    }
}
