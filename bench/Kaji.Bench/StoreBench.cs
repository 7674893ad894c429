using System.Diagnostics;
using System.Text;
using Kaji.Store;

namespace Kaji.Bench;

/// <summary>Durable puts of 1 KiB by 64 writers, next to a floor of the same run: 64 writers whose records one loop appends to a file with one fdatasync a batch.</summary>
internal static class StoreBench
{
    private const int Writers = 64;
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(3);

    public static async Task RunAsync()
    {
        var (store, floor) = (new List<double>(), new List<double>());
        for (var round = 0; round < 3; round++)
        {
            store.Add(await StoreRoundAsync());
            floor.Add(await FloorRoundAsync());
        }

        var (ours, bare) = (store.Order().ElementAt(1), floor.Order().ElementAt(1));
        Console.WriteLine($"durable 1 KiB puts/s, {Writers} writers: {ours:0} (floor, bare log with one sync a batch: {bare:0}); ratio {ours / bare:0.00}");
    }

    private static async Task<double> StoreRoundAsync()
    {
        var directory = Directory.CreateTempSubdirectory("kaji-bench-store-").FullName;
        try
        {
            await using var store = RevisionStore.Open(new StoreOptions { Directory = directory });
            var value = Encoding.UTF8.GetBytes("{\"metadata\":{\"resourceVersion\":\"\"},\"v\":\"" + new string('x', 980) + "\"}");
            var offset = "{\"metadata\":{\"resourceVersion\":\"".Length;
            return await WriteAsync((writer, i) => store.WriteAsync(new Write(WriteKind.Create, $"/registry/core/configmaps/default/{writer}-{i}", value, 0, offset)).AsTask());
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task<double> FloorRoundAsync()
    {
        var path = Path.GetTempFileName();
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 1);
        var record = new byte[1024];
        var gate = new Lock();
        var waiting = new List<TaskCompletionSource>();
        var wake = new SemaphoreSlim(0);
        var stop = false;
        var loop = new Thread(() =>
        {
            while (true)
            {
                wake.Wait();
                TaskCompletionSource[] batch;
                lock (gate)
                {
                    batch = [.. waiting];
                    waiting.Clear();
                }

                if (batch.Length == 0)
                {
                    if (stop)
                    {
                        return;
                    }

                    continue;
                }

                foreach (var _ in batch)
                {
                    file.Write(record);
                }

                file.Flush(flushToDisk: true);
                foreach (var one in batch)
                {
                    one.SetResult();
                }
            }
        });
        loop.Start();
        var rate = await WriteAsync((_, _) =>
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (gate)
            {
                waiting.Add(done);
            }

            wake.Release();
            return done.Task;
        });
        stop = true;
        wake.Release();
        loop.Join();
        File.Delete(path);
        return rate;
    }

    private static async Task<double> WriteAsync(Func<int, int, Task> write)
    {
        var clock = Stopwatch.StartNew();
        var counts = await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(async () =>
        {
            var i = 0;
            for (; clock.Elapsed < Duration; i++)
            {
                await write(writer, i);
            }

            return i;
        })));
        return counts.Sum() / clock.Elapsed.TotalSeconds;
    }
}
