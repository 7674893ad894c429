using System.Collections.Concurrent;

namespace Kaji.Network.Tests;

/// <summary>A Pod as the network sees it: a thread in a network namespace of its own, which runs what it is given. Sockets made there stay there.</summary>
internal sealed class PodThread : IDisposable
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;
    private string _path = "";

    public PodThread()
    {
        using var started = new ManualResetEventSlim();
        _thread = new Thread(() =>
        {
            if (OwnNamespace.Unshare(0x40000000) == 0)
            {
                _path = $"/proc/self/task/{OwnNamespace.ThreadId()}/ns/net";
            }

            started.Set();
            foreach (var action in _work.GetConsumingEnumerable())
            {
                action();
            }
        });
        _thread.Start();
        started.Wait();
        Assert.NotEqual("", _path);
    }

    public string NetnsPath => _path;

    public T Run<T>(Func<T> work)
    {
        var result = new TaskCompletionSource<T>();
        _work.Add(() =>
        {
            try
            {
                result.SetResult(work());
            }
            catch (Exception e)
            {
                result.SetException(e);
            }
        });
        return result.Task.GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }
}
