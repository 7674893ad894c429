using Microsoft.Extensions.Time.Testing;

namespace Kaji.Client.Tests;

public sealed class WorkQueueTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task AKeyAddedTwice_ComesOnce_AndAgainOnlyAfterItIsDone()
    {
        using var queue = new WorkQueue<string>(_time);
        queue.Add("a");
        queue.Add("a");
        queue.Add("b");
        Assert.Equal(["a", "b"], [await queue.TakeAsync(default), await queue.TakeAsync(default)]);
        queue.Add("a");
        var again = queue.TakeAsync(default).AsTask();
        Assert.False(again.IsCompleted);
        queue.Done("a");
        Assert.Equal("a", await again);
    }

    [Fact]
    public async Task OfSeveralDelays_TheEarliestCounts()
    {
        using var queue = new WorkQueue<string>(_time);
        queue.AddAfter("a", TimeSpan.FromSeconds(10));
        queue.AddAfter("a", TimeSpan.FromSeconds(2));
        queue.AddAfter("a", TimeSpan.FromSeconds(5));
        var taken = queue.TakeAsync(default).AsTask();
        _time.Advance(TimeSpan.FromSeconds(1.9));
        Assert.False(taken.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal("a", await taken);
        queue.Done("a");
        _time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(0, queue.Count);
    }

    [Fact]
    public async Task Failures_BackOffTwofold_UntilForgotten()
    {
        using var queue = new WorkQueue<string>(_time, new WorkQueueOptions { FirstBackOff = TimeSpan.FromSeconds(1), MaxBackOff = TimeSpan.FromSeconds(3) });
        foreach (var seconds in (int[])[1, 2, 3, 3])
        {
            Assert.Equal(TimeSpan.FromSeconds(seconds), await WaitedAsync(queue));
        }

        queue.Forget("a");
        Assert.Equal(TimeSpan.FromSeconds(1), await WaitedAsync(queue));
    }

    private async Task<TimeSpan> WaitedAsync(WorkQueue<string> queue)
    {
        queue.AddRateLimited("a");
        var waited = TimeSpan.Zero;
        while (queue.Count == 0 && waited < TimeSpan.FromMinutes(1))
        {
            _time.Advance(TimeSpan.FromMilliseconds(500));
            waited += TimeSpan.FromMilliseconds(500);
        }

        queue.Done(await queue.TakeAsync(default));
        return waited;
    }
}
