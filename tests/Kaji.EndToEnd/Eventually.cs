using System.Diagnostics;

namespace Kaji.EndToEnd;

/// <summary>Waits for what the outside world shows only when asked (processes, kubectl): asks again until it holds or the bound is hit.</summary>
public static class Eventually
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    public static async Task<T> GetAsync<T>(string what, Func<Task<T?>> probe, TimeSpan? within = null)
        where T : class
    {
        var clock = Stopwatch.StartNew();
        Exception? last = null;
        using var timer = new PeriodicTimer(Interval);
        do
        {
            try
            {
                if (await probe() is { } found)
                {
                    return found;
                }
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                last = e;
            }
        }
        while (clock.Elapsed < (within ?? TimeSpan.FromSeconds(60)) && await timer.WaitForNextTickAsync());

        throw new TimeoutException($"{what}: not within {clock.Elapsed.TotalSeconds:0} s. {last?.Message}");
    }

    public static Task HoldsAsync(string what, Func<Task<bool>> probe, TimeSpan? within = null) =>
        GetAsync<object>(what, async () => await probe() ? true : null, within);
}
