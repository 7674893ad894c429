using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Kaji.Linux.Calls;

namespace Kaji.Linux.Events;

/// <summary>
/// One thread that waits on many descriptors (epoll): process descriptors, inotify, pipes, terminals. A waiter is told once, then asks again. Callbacks run
/// on the thread pool, except <see cref="Always"/>'s, which run on the loop and must be short.
/// </summary>
public sealed unsafe class EventLoop : IDisposable
{
    public const uint Readable = 1, Writable = 4;
    private const uint OneShot = 1u << 30;
    private const int Add = 1, Delete = 2, Modify = 3, CloseOnExec = 0x80000, NonBlocking = 0x800;

    private readonly int _epoll;
    private readonly int _wake;
    private readonly Thread _thread;
    private readonly ConcurrentDictionary<long, Action> _waiters = new();
    private long _next;
    private volatile bool _stopped;

    public EventLoop()
    {
        _epoll = LibC.EpollCreate(CloseOnExec);
        _wake = LibC.EventFd(0, CloseOnExec | NonBlocking);
        if (_epoll < 0 || _wake < 0)
        {
            throw KernelException.Last("epoll_create1");
        }

        Control(Add, _wake, Readable, 0);
        _thread = new Thread(Run) { IsBackground = true, Name = "kaji-events" };
        _thread.Start();
    }

    /// <summary>Completes when the descriptor is ready for one of <paramref name="events"/> (or has hung up). One waiter a descriptor and loop at a time.</summary>
    public Task WaitAsync(SafeHandle handle, uint events, CancellationToken cancellationToken = default)
    {
        var completion = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var token = Interlocked.Increment(ref _next);
        var fd = (int)handle.DangerousGetHandle();
        _waiters[token] = () => completion.TrySetResult();
        if (Control(Add, fd, events | OneShot, token) == Errno.EEXIST)
        {
            Control(Modify, fd, events | OneShot, token);
        }

        if (cancellationToken.CanBeCanceled)
        {
            var registration = cancellationToken.Register(() =>
            {
                if (_waiters.TryRemove(token, out _))
                {
                    completion.TrySetCanceled(cancellationToken);
                }
            });
            _ = completion.Task.ContinueWith((_, state) => ((CancellationTokenRegistration)state!).Unregister(), registration, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        return completion.Task;
    }

    /// <summary>Calls back whenever the descriptor is readable, until <see cref="Forget"/>.</summary>
    public void Always(SafeHandle handle, Action callback)
    {
        var token = Interlocked.Increment(ref _next);
        _waiters[-token] = callback;
        if (Control(Add, (int)handle.DangerousGetHandle(), Readable, -token) is var errno && errno != 0)
        {
            throw new KernelException("epoll_ctl", errno);
        }
    }

    /// <summary>Stops watching; call it before closing a descriptor that a waiter may still wait on.</summary>
    public void Forget(SafeHandle handle) => Control(Delete, (int)handle.DangerousGetHandle(), 0, 0);

    public void Dispose()
    {
        if (_stopped)
        {
            return;
        }

        _stopped = true;
        ulong one = 1;
        _ = LibC.Write(_wake, &one, 8);
        _thread.Join();
        _ = LibC.Close(_wake);
        _ = LibC.Close(_epoll);
    }

    private void Run()
    {
        const int Batch = 64;
        // struct epoll_event is packed on x86-64: 4 bytes of events, 8 of data.
        var stride = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
        var buffer = stackalloc byte[Batch * 16];
        while (!_stopped)
        {
            var count = LibC.EpollWait(_epoll, buffer, Batch, -1);
            for (var i = 0; i < count; i++)
            {
                var token = *(long*)(buffer + (i * stride) + (stride - 8));
                if (token > 0)
                {
                    if (_waiters.TryRemove(token, out var waiter))
                    {
                        waiter();
                    }
                }
                else if (token < 0 && _waiters.TryGetValue(token, out var callback))
                {
                    callback();
                }
            }
        }
    }

    private int Control(int operation, int fd, uint events, long token)
    {
        var item = stackalloc byte[16];
        *(uint*)item = events;
        *(long*)(item + (RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8)) = token;
        return LibC.EpollControl(_epoll, operation, fd, item) == 0 ? 0 : Marshal.GetLastPInvokeError();
    }
}
