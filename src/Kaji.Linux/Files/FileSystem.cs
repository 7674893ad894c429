using Kaji.Linux.Calls;

namespace Kaji.Linux.Files;

/// <summary>What .NET's file API leaves out: device nodes, owners, hard links, extended attributes, all without following links.</summary>
public static unsafe class FileSystem
{
    private const int AtCurrentDirectory = -100, NoFollow = 0x100;

    /// <summary>The file system's magic number (statfs).</summary>
    public static long TypeOf(string path)
    {
        var buffer = stackalloc long[32];
        return LibC.StatFs(path, buffer) == 0 ? buffer[0] : throw KernelException.Last($"statfs {path}");
    }

    /// <summary>Total and available bytes of the file system.</summary>
    public static (long Total, long Available) SpaceOf(string path)
    {
        var buffer = stackalloc long[32];
        return LibC.StatFs(path, buffer) == 0 ? (buffer[2] * buffer[1], buffer[4] * buffer[1]) : throw KernelException.Last($"statfs {path}");
    }

    /// <summary>lstat; null when there is nothing.</summary>
    public static FileStatus? Status(string path)
    {
        var buffer = stackalloc byte[256];
        if (LibC.Statx(AtCurrentDirectory, path, NoFollow, 0x7ff, buffer) != 0)
        {
            var error = KernelException.Last($"statx {path}");
            return error.Errno is Errno.ENOENT or Errno.ENOTDIR ? null : throw error;
        }

        return new FileStatus(
            *(ushort*)(buffer + 28), *(uint*)(buffer + 20), *(uint*)(buffer + 24), *(uint*)(buffer + 128), *(uint*)(buffer + 132),
            *(long*)(buffer + 40), *(ulong*)(buffer + 32), *(long*)(buffer + 112), *(uint*)(buffer + 120));
    }

    public static void MakeNode(string path, uint mode, uint major, uint minor)
    {
        // glibc's makedev.
        var device = ((ulong)(major & 0xfff) << 8) | (minor & 0xff) | ((ulong)(minor & 0xffffff00) << 12) | ((ulong)(major & 0xfffff000) << 32);
        Check(LibC.MakeNode(path, mode, device), "mknod", path);
    }

    public static void ChangeOwner(string path, uint user, uint group) => Check(LibC.ChangeOwner(path, user, group), "lchown", path);

    /// <summary>Follows links: call it on what is none.</summary>
    public static void ChangeMode(string path, uint mode) => Check(LibC.ChangeMode(path, mode & 0xfff), "chmod", path);

    public static void HardLink(string existing, string path) => Check(LibC.Link(existing, path), "link", path);

    public static void SymbolicLink(string target, string path) => Check(LibC.SymbolicLink(target, path), "symlink", path);

    public static void MakeDirectory(string path, uint mode) => Check(LibC.MakeDirectory(path, mode), "mkdir", path);

    public static void Rename(string from, string to) => Check(LibC.Rename(from, to), "rename", to);

    /// <summary>Writes everything of the file system that holds <paramref name="directory"/> to its disk.</summary>
    public static void Sync(string directory)
    {
        using var descriptor = Events.Descriptor.Open(directory, 0);
        Check(LibC.SyncFileSystem(descriptor.Number), "syncfs", directory);
    }

    /// <summary>Removes one file or link; no error when it is gone.</summary>
    public static void Unlink(string path)
    {
        if (LibC.Unlink(path) != 0 && System.Runtime.InteropServices.Marshal.GetLastPInvokeError() is var errno && errno is not Errno.ENOENT)
        {
            throw new KernelException($"unlink {path}", errno);
        }
    }

    /// <summary>rmdir; false when it is not there, not empty or busy.</summary>
    public static bool RemoveDirectory(string path) => LibC.RemoveDirectory(path) == 0;

    public static string ReadLink(string path)
    {
        var buffer = stackalloc byte[4096];
        var length = LibC.ReadLink(path, buffer, 4096);
        return length >= 0 ? System.Text.Encoding.UTF8.GetString(buffer, (int)length) : throw KernelException.Last($"readlink {path}");
    }

    public static void SetAttribute(string path, string name, ReadOnlySpan<byte> value)
    {
        fixed (byte* bytes = value)
        {
            Check(LibC.SetAttribute(path, name, bytes, (nuint)value.Length, 0), $"lsetxattr {name}", path);
        }
    }

    /// <summary>Null when it has none of that name.</summary>
    public static byte[]? GetAttribute(string path, string name)
    {
        var buffer = stackalloc byte[4096];
        var length = LibC.GetAttribute(path, name, buffer, 4096);
        return length < 0 ? null : new Span<byte>(buffer, (int)length).ToArray();
    }

    /// <summary>Sets access and modification time, of a link itself.</summary>
    public static void SetTime(string path, DateTimeOffset time)
    {
        var seconds = time.ToUnixTimeSeconds();
        var nanoseconds = (time.UtcTicks - DateTimeOffset.FromUnixTimeSeconds(seconds).UtcTicks) * 100;
        var times = stackalloc long[4] { seconds, nanoseconds, seconds, nanoseconds };
        Check(LibC.SetTimes(AtCurrentDirectory, path, times, NoFollow), "utimensat", path);
    }

    private static void Check(int result, string call, string path)
    {
        if (result != 0)
        {
            throw KernelException.Last($"{call} {path}");
        }
    }
}

/// <summary>What lstat tells. <paramref name="Mode"/> with the type bits.</summary>
public readonly record struct FileStatus(uint Mode, uint User, uint Group, uint Major, uint Minor, long Size, ulong Inode, long ModifiedSeconds, uint ModifiedNanoseconds)
{
    public bool IsDirectory => (Mode & 0xf000) == 0x4000;

    public bool IsLink => (Mode & 0xf000) == 0xa000;

    public bool IsRegular => (Mode & 0xf000) == 0x8000;

    /// <summary>An overlay whiteout: character device 0/0.</summary>
    public bool IsWhiteout => (Mode & 0xf000) == 0x2000 && Major == 0 && Minor == 0;
}
