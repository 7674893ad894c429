using Kaji.Linux.Calls;

namespace Kaji.Linux.Files;

/// <summary>flock(2) on a file of its own: one holder among all processes, freed by the kernel when the holder dies.</summary>
public sealed class FileLock : IDisposable
{
    private const int ReadWriteCreateCloseOnExec = 0x2 | 0x40 | 0x80000, Shared = 1, Exclusive = 2, NonBlocking = 4;
    private int _fd;

    private FileLock(int fd) => _fd = fd;

    /// <summary>Waits for it.</summary>
    public static FileLock Acquire(string path) => Take(path, Exclusive)!;

    /// <summary>Waits for it; any number may hold it shared, while nobody holds it exclusively.</summary>
    public static FileLock AcquireShared(string path) => Take(path, Shared)!;

    /// <summary>Null when another holds it.</summary>
    public static FileLock? TryAcquire(string path) => Take(path, Exclusive | NonBlocking);

    public void Dispose()
    {
        var fd = Interlocked.Exchange(ref _fd, -1);
        if (fd >= 0)
        {
            _ = LibC.Close(fd);
        }
    }

    private static FileLock? Take(string path, int operation)
    {
        var fd = LibC.Open(path, ReadWriteCreateCloseOnExec, 0x180);
        if (fd < 0)
        {
            throw KernelException.Last($"open {path}");
        }

        while (LibC.Flock(fd, operation) != 0)
        {
            var error = KernelException.Last($"flock {path}");
            if (error.Errno == Errno.EINTR)
            {
                continue;
            }

            _ = LibC.Close(fd);
            return error.Errno == Errno.EAGAIN ? null : throw error;
        }

        return new FileLock(fd);
    }
}
