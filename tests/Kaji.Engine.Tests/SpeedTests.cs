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
        var parts = new List<(double Sandbox, double Create, double Start)>();
        for (var i = 0; i < 50; i++)
        {
            var clock = Stopwatch.StartNew();
            var pod = await host.SandboxAsync();
            var made = clock.Elapsed;
            var id = await host.Runtime.CreateContainerAsync(pod, host.Config("sleep", "1000"));
            var created = clock.Elapsed;
            await host.Runtime.StartContainerAsync(id);
            times.Add(clock.Elapsed.TotalMilliseconds);
            parts.Add((made.TotalMilliseconds, (created - made).TotalMilliseconds, (clock.Elapsed - created).TotalMilliseconds));
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
        output.WriteLine($"sandbox+create+start p50 {times[25]:0.0} ms ({Middle(parts, p => p.Sandbox)} + {Middle(parts, p => p.Create)} + {Middle(parts, p => p.Start)}), p99 {times[49]:0.0} ms; 50 together {together.Elapsed.TotalMilliseconds:0} ms ({50 / together.Elapsed.TotalSeconds:0}/s); tear down of 101 {down.Elapsed.TotalMilliseconds:0} ms");

        Assert.True(times[25] < 150, $"p50 {times[25]} ms");
        Assert.True(together.Elapsed.TotalSeconds < 5, $"50 together {together.Elapsed}");
        Assert.Empty(host.Runtime.ListSandboxes());
    }

    private static string Middle(List<(double Sandbox, double Create, double Start)> parts, Func<(double Sandbox, double Create, double Start), double> part) =>
        parts.Select(part).Order().ElementAt(parts.Count / 2).ToString("0.0");
}
