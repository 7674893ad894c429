using System.Runtime.InteropServices;
using System.Text;
using Kaji.Linux.Calls;
using Kaji.Linux.Events;

namespace Kaji.Linux.Inotify;

[Flags]
public enum FileEvents : uint
{
    Modified = 0x2,
    ClosedAfterWrite = 0x8,
    MovedFrom = 0x40,
    MovedTo = 0x80,
    Created = 0x100,
    Deleted = 0x200,

    /// <summary>Sent, not asked for: events were lost, look at everything again.</summary>
    Overflow = 0x4000,
}

/// <summary>What happened to <paramref name="Name"/> in the watched directory.</summary>
public readonly record struct FileEvent(FileEvents Kind, string Name);

/// <summary>
/// The one inotify instance of the process (a user has only 128 by default). Callbacks run on the event loop's thread and must be short. Watching the same
/// directory twice replaces the first watch.
/// </summary>
public sealed unsafe class InotifyHub : IDisposable
{
    private const int CloseOnExecNonBlocking = 0x80000 | 0x800;
    private readonly EventLoop _loop;
    private readonly Descriptor _descriptor;
    private readonly Dictionary<int, Action<FileEvent>> _watches = [];
    private readonly Lock _gate = new();

    public InotifyHub(EventLoop loop)
    {
        _loop = loop;
        var fd = LibC.InotifyInit(CloseOnExecNonBlocking);
        _descriptor = fd >= 0 ? new Descriptor(fd) : throw KernelException.Last("inotify_init1");
        loop.Always(_descriptor, Drain);
    }

    /// <summary>Watches a directory; disposing the answer ends it.</summary>
    public IDisposable Watch(string directory, FileEvents events, Action<FileEvent> callback)
    {
        lock (_gate)
        {
            var watch = LibC.InotifyAddWatch(_descriptor.Number, directory, (uint)events);
            if (watch < 0)
            {
                throw KernelException.Last($"inotify_add_watch {directory}");
            }

            _watches[watch] = callback;
            return new Registration(this, watch);
        }
    }

    public void Dispose()
    {
        _loop.Forget(_descriptor);
        _descriptor.Dispose();
    }

    // struct inotify_event { int wd; uint32 mask; uint32 cookie; uint32 len; char name[len]; }
    private void Drain()
    {
        var buffer = stackalloc byte[16384];
        if (_descriptor.IsClosed)
        {
            return;
        }

        var count = (int)LibC.Read(_descriptor.Number, buffer, 16384);
        for (var at = 0; at + 16 <= count;)
        {
            var watch = *(int*)(buffer + at);
            var mask = (FileEvents)(*(uint*)(buffer + at + 4));
            var length = *(int*)(buffer + at + 12);
            var name = length == 0 ? "" : Encoding.UTF8.GetString(new ReadOnlySpan<byte>(buffer + at + 16, length)).TrimEnd('\0');
            at += 16 + length;
            Action<FileEvent>[] callbacks;
            lock (_gate)
            {
                callbacks = mask.HasFlag(FileEvents.Overflow) ? [.. _watches.Values] : _watches.TryGetValue(watch, out var one) ? [one] : [];
            }

            foreach (var callback in callbacks)
            {
                callback(new FileEvent(mask, name));
            }
        }
    }

    private sealed class Registration(InotifyHub hub, int watch) : IDisposable
    {
        public void Dispose()
        {
            lock (hub._gate)
            {
                if (hub._watches.Remove(watch) && !hub._descriptor.IsClosed)
                {
                    _ = LibC.InotifyRemoveWatch(hub._descriptor.Number, watch);
                }
            }
        }
    }
}
