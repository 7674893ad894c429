using System.Runtime.InteropServices;

namespace Kaji.Node.Volumes;

/// <summary>fsGroup: files that a Pod's group may use.</summary>
internal static partial class Ownership
{
    public static void SetGroup(string path, long gid)
    {
        if (Chown(path, uint.MaxValue, (uint)gid) != 0)
        {
            throw new IOException($"chown {path} to group {gid}: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        var mode = File.GetUnixFileMode(path);
        File.SetUnixFileMode(path, mode | ((mode & UnixFileMode.UserRead) != 0 ? UnixFileMode.GroupRead : 0) | (Directory.Exists(path) ? UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.SetGroup : 0));
    }

    /// <summary>An empty directory that everybody may write to, or the Pod's group.</summary>
    public static void OpenDirectory(string path, long? gid)
    {
        File.SetUnixFileMode(path, (UnixFileMode)0x1FF);
        if (gid is { } group)
        {
            SetGroup(path, group);
        }
    }

    /// <summary>rename(2): replaces a link at once, wherever it leads (the framework's moves look through links).</summary>
    public static void Rename(string from, string to)
    {
        if (RenameCall(from, to) != 0)
        {
            throw new IOException($"rename {from} to {to}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameCall(string from, string to);

    [LibraryImport("libc", EntryPoint = "lchown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Chown(string path, uint owner, uint group);
}
