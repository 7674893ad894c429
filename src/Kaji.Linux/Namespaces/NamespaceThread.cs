using Kaji.Linux.Calls;
using Kaji.Linux.Events;

namespace Kaji.Linux.Namespaces;

/// <summary>
/// Work in other namespaces on a thread of its own. The thread ends with the work and never returns to a pool: a thread that has changed its namespace
/// must not run anything else.
/// </summary>
public static class NamespaceThread
{
    public static Task<T> RunAsync<T>(Func<T> work)
    {
        var completion = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() =>
        {
            try
            {
                completion.SetResult(work());
            }
            catch (Exception e)
            {
                completion.SetException(e);
            }
        }, 256 * 1024) { IsBackground = true, Name = "kaji-namespace" };
        thread.Start();
        return completion.Task;
    }

    /// <summary>Runs <paramref name="work"/> inside the namespace pinned at <paramref name="path"/>.</summary>
    public static Task<T> InAsync<T>(string path, Func<T> work) => RunAsync(() =>
    {
        Join(path);
        return work();
    });

    private static void Join(string path)
    {
        using var descriptor = Descriptor.Open(path, 0);
        if (LibC.SetNs(descriptor.Number, 0) != 0)
        {
            throw KernelException.Last($"setns {path}");
        }
    }
}
