using System.Runtime.InteropServices;

namespace Kaji.Linux.Calls;

/// <summary>A system call that failed, with its errno. An <see cref="IOException"/> so that callers treat it like other I/O.</summary>
public sealed class KernelException : IOException
{
    public KernelException(string call, int errno)
        : base($"{call}: {Marshal.GetPInvokeErrorMessage(errno)}") => Errno = errno;

    public int Errno { get; }

    internal static KernelException Last(string call) => new(call, Marshal.GetLastPInvokeError());
}

/// <summary>The errno values that the code distinguishes.</summary>
public static class Errno
{
    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int ESRCH = 3;
    public const int EINTR = 4;
    public const int EIO = 5;
    public const int ENXIO = 6;
    public const int EAGAIN = 11;
    public const int EBUSY = 16;
    public const int EEXIST = 17;
    public const int ENOTDIR = 20;
    public const int EINVAL = 22;
    public const int ENOSPC = 28;
    public const int EPIPE = 32;
    public const int ENOTEMPTY = 39;
    public const int ENOTSUP = 95;
    public const int EDQUOT = 122;
}
