using System.Runtime.InteropServices;
using Kaji.Linux.Calls;

namespace Kaji.Linux.Events;

/// <summary>An owned file descriptor of any kind.</summary>
public sealed unsafe class Descriptor : SafeHandle
{
    private const int CloseOnExec = 0x80000, NonBlockingFlag = 0x800;

    public Descriptor(int fd)
        : base(-1, true) => SetHandle(fd);

    public override bool IsInvalid => handle == -1;

    public int Number => (int)handle;

    /// <summary>open(2), close-on-exec. Flags as in fcntl.h.</summary>
    public static Descriptor Open(string path, int flags)
    {
        var fd = LibC.Open(path, flags | CloseOnExec, 0);
        return fd >= 0 ? new Descriptor(fd) : throw KernelException.Last($"open {path}");
    }

    /// <summary>A pipe, close-on-exec.</summary>
    public static (Descriptor Read, Descriptor Write) Pipe()
    {
        var ends = stackalloc int[2];
        return LibC.Pipe2(ends, CloseOnExec) == 0 ? (new Descriptor(ends[0]), new Descriptor(ends[1])) : throw KernelException.Last("pipe2");
    }

    public void SetNonBlocking()
    {
        var flags = LibC.Fcntl(Number, 3, 0);
        if (LibC.Fcntl(Number, 4, flags | NonBlockingFlag) != 0)
        {
            throw KernelException.Last("fcntl");
        }
    }

    protected override bool ReleaseHandle() => LibC.Close((int)handle) == 0;
}
