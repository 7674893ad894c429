using Kaji.Linux.Calls;

namespace Kaji.Linux.Mounts;

/// <summary>mount(2) and umount2(2), and what is mounted.</summary>
public static class Mount
{
    private const ulong NoSuid = 2, NoDev = 4, NoExec = 8, Bind = 0x1000, Recursive = 0x4000, Private = 1 << 18, Slave = 1 << 19;
    private const int Detach = 2;

    /// <summary>An overlay: <paramref name="lower"/> topmost first. <c>volatile</c>: nothing is synced, which suits a container's own layer.</summary>
    public static void Overlay(string target, IReadOnlyList<string> lower, string upper, string work, bool isVolatile)
    {
        var data = $"lowerdir={string.Join(':', lower)},upperdir={upper},workdir={work}" + (isVolatile ? ",volatile" : "");
        if (data.Length > 4000)
        {
            throw new KernelException($"mount overlay with {lower.Count} layers: the option string has {data.Length} bytes, a page is the limit", Errno.EINVAL);
        }

        if (LibC.Mount("overlay", target, "overlay", 0, data) != 0)
        {
            throw KernelException.Last($"mount overlay on {target}");
        }
    }

    /// <summary>A memory file system.</summary>
    public static void Tmpfs(string target, string options)
    {
        if (LibC.Mount("tmpfs", target, "tmpfs", NoSuid | NoDev | NoExec, options) != 0)
        {
            throw KernelException.Last($"mount tmpfs on {target}");
        }
    }

    /// <summary>Shows <paramref name="source"/> (file or directory) at <paramref name="target"/> too.</summary>
    public static void BindTo(string source, string target, bool recursive = false)
    {
        if (LibC.Mount(source, target, null, Bind | (recursive ? Recursive : 0), null) != 0)
        {
            throw KernelException.Last($"bind {source} to {target}");
        }
    }

    /// <summary>Stops mounts below <paramref name="target"/> from spreading to other namespaces; needed where a mount namespace is to be pinned.</summary>
    public static void MakePrivate(string target)
    {
        if (LibC.Mount(null, target, null, Private, null) != 0)
        {
            throw KernelException.Last($"make {target} private");
        }
    }

    /// <summary>Makes everything follow the namespace this one was copied from, one way.</summary>
    public static void MakeAllSlaves()
    {
        if (LibC.Mount(null, "/", null, Slave | Recursive, null) != 0)
        {
            throw KernelException.Last("make / a slave");
        }
    }

    /// <summary>Unmounts, lazily: users keep what they have open. False when nothing was mounted there.</summary>
    public static bool Remove(string target)
    {
        if (LibC.Unmount(target, Detach) == 0)
        {
            return true;
        }

        var error = KernelException.Last($"umount {target}");
        return error.Errno is Errno.EINVAL or Errno.ENOENT ? false : throw error;
    }

    /// <summary>Mount points at or below a directory, deepest last mounted first.</summary>
    public static IReadOnlyList<MountEntry> Below(string directory) =>
        [.. MountEntry.ReadAll().Where(e => e.Target == directory || e.Target.StartsWith(directory + "/", StringComparison.Ordinal)).Reverse()];
}

/// <summary>One line of <c>/proc/self/mountinfo</c>.</summary>
public sealed record MountEntry(string Root, string Target, string Type, string SuperOptions)
{
    public static IReadOnlyList<MountEntry> ReadAll() => [.. File.ReadAllLines("/proc/thread-self/mountinfo").Select(Parse)];

    // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    internal static MountEntry Parse(string line)
    {
        var parts = line.Split(' ');
        var dash = Array.IndexOf(parts, "-", 6);
        return new MountEntry(Unescape(parts[3]), Unescape(parts[4]), parts[dash + 1], parts[dash + 3]);
    }

    private static string Unescape(string text) =>
        text.Contains('\\') ? text.Replace("\\040", " ").Replace("\\011", "\t").Replace("\\012", "\n").Replace("\\134", "\\") : text;
}
