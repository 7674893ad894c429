using Kaji.Linux.Calls;
using Kaji.Linux.Events;

namespace Kaji.Linux.Terminals;

/// <summary>A terminal's master side.</summary>
public static unsafe class Terminal
{
    /// <summary>TIOCSWINSZ.</summary>
    public static void Resize(Descriptor master, int columns, int rows)
    {
        const ulong SetWindowSize = 0x5414;
        var size = stackalloc ushort[4] { (ushort)rows, (ushort)columns, 0, 0 };
        if (LibC.Ioctl(master.Number, SetWindowSize, size) != 0)
        {
            throw KernelException.Last("TIOCSWINSZ");
        }
    }

    /// <summary>Another descriptor of the same terminal.</summary>
    public static Descriptor Duplicate(Descriptor descriptor)
    {
        const int DuplicateCloseOnExec = 1030;
        var fd = LibC.Fcntl(descriptor.Number, DuplicateCloseOnExec, 10);
        return fd >= 0 ? new Descriptor(fd) : throw KernelException.Last("fcntl");
    }
}
