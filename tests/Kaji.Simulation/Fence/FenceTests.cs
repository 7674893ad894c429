using System.Collections.Concurrent;
using System.Globalization;
using Kaji.Bots.Fence;

namespace Kaji.Simulation.Fence;

/// <summary>The fence by model: seeds can be given by KAJI_FENCE_SEEDS=FROM,COUNT.</summary>
public sealed class FenceTests(ITestOutputHelper output)
{
    private static readonly FenceTiming Timing = new FenceTiming().Validated();

    /// <summary>The lease, its margin, both on the slowest clock, and what starting takes.</summary>
    private static readonly double Bound = ((Timing.Lease + Timing.TakeoverMargin).TotalMilliseconds * 1.07) + 2000;

    [Fact]
    public void NoTwoEpochsActAtOnce_AndWhatHealsActsAgain()
    {
        var given = Environment.GetEnvironmentVariable("KAJI_FENCE_SEEDS")?.Split(',').Select(n => int.Parse(n, CultureInfo.InvariantCulture)).ToArray() ?? [0, 100_000];
        var violations = new ConcurrentBag<string>();
        long activations = 0, uncovered = 0, idle = 0;
        var slowest = 0.0;
        var gate = new Lock();
        Parallel.For(given[0], given[0] + given[1], seed =>
        {
            var world = new World(seed, Timing).Run(Bound);
            Interlocked.Add(ref activations, world.Activations);
            Interlocked.Add(ref uncovered, world.Uncovered);
            Interlocked.Add(ref idle, world.Activations == 0 ? 1 : 0);
            if (world.Violation is { } violation)
            {
                violations.Add(violation);
            }

            lock (gate)
            {
                slowest = Math.Max(slowest, world.HealedAfter);
            }
        });
        output.WriteLine($"{given[1]} schedules: {activations} activations, slowest to act after the last fault {slowest:0} ms (bound {Bound:0}), {uncovered} thaws past the deadline after another had acted");
        Assert.True(violations.IsEmpty, $"{violations.Count} of {given[1]} schedules: {string.Join("; ", violations.Order(StringComparer.Ordinal).Take(3))}");
        Assert.True(activations > given[1], $"only {activations} activations: the schedules prove little");
        Assert.Equal(0, idle);
    }

    /// <summary>The model can see: whoever does not wait out the lease is caught.</summary>
    [Fact]
    public void SuccessorThatIsTooEarly_IsCaught() => Assert.Contains(
        Enumerable.Range(0, 5_000), seed => new World(seed, Timing, Timing with { Lease = TimeSpan.FromSeconds(3) }).Run(double.MaxValue).Violation is not null);

    /// <summary>So is a warden whose kill takes longer than it leaves itself.</summary>
    [Fact]
    public void WardenThatKillsTooLate_IsCaught() => Assert.Contains(
        Enumerable.Range(0, 5_000), seed => new World(seed, Timing with { KillMargin = TimeSpan.FromMilliseconds(-1500) }, Timing).Run(double.MaxValue).Violation is not null);

    /// <summary>And whoever takes a Lease that was deleted for one that nobody holds.</summary>
    [Fact]
    public void DeletedLeaseThatCountsAsFree_IsCaught() => Assert.Contains(
        Enumerable.Range(0, 5_000), seed => new World(seed, Timing) { Remembers = false }.Run(double.MaxValue).Violation is not null);

    /// <summary>And a server that grants the guards of its own machine new time without taking it from those who count.</summary>
    [Fact]
    public void ServerThatDoesNotRewriteTheLease_IsCaught() => Assert.Contains(
        Enumerable.Range(0, 20_000), seed => new World(seed, Timing) { Rewrites = false }.Run(double.MaxValue).Violation is not null);
}
