using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Kaji.Linux.Netlink;

/// <summary>
/// Work inside another network namespace. setns(2) moves one thread, so the work runs on a thread of its own that ends with it; sockets opened there stay in
/// that namespace and may be used from anywhere.
/// </summary>
public static class NetworkNamespace
{
    /// <summary>Opens a namespace file, as <c>/run/netns/x</c> or <c>/proc/PID/ns/net</c>.</summary>
    public static SafeFileHandle Open(string path) => File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);

    /// <summary>Runs <paramref name="work"/> in the namespace at <paramref name="path"/> and waits for it.</summary>
    public static T Run<T>(string path, Func<T> work)
    {
        using var netns = Open(path);
        T? result = default;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                Enter(netns);
                result = work();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        }, 256 * 1024) { IsBackground = true, Name = "netns" };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result!;
    }

    /// <summary>Moves the calling thread for good; only for a thread that does nothing else afterwards.</summary>
    public static void Enter(SafeFileHandle netns)
    {
        if (Native.SetNs(netns, Native.CloneNewNet) < 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            throw new NetlinkException($"setns: {Marshal.GetPInvokeErrorMessage(errno)}", errno);
        }
    }
}
