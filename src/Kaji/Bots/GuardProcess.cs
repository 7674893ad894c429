using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Kaji.Cluster;
using Kaji.Startup;

namespace Kaji.Bots;

/// <summary>The guard of a node's fenced Pods as a process of its own: <c>kaji guard</c>, started with the first bot, ended by <c>kaji down</c>.</summary>
internal static class GuardProcess
{
    /// <summary>Starts it detached from this process; it lives on when this one dies.</summary>
    public static void Start(ClusterPaths paths)
    {
        Directory.CreateDirectory(paths.Logs);
        var start = new ProcessStartInfo("setsid") { UseShellExecute = false, WorkingDirectory = "/" };
        foreach (var word in (string[])["sh", "-c", "exec \"$@\" >>\"$KAJI_LOG\" 2>&1 </dev/null", "kaji", .. ServerProcess.SelfCommand(), "guard", "--data-dir", paths.Data])
        {
            start.ArgumentList.Add(word);
        }

        start.Environment["KAJI_LOG"] = Path.Combine(paths.Logs, "guard.log");

        // A small heap is enough, and a guard that needs little is killed last.
        start.Environment["DOTNET_GCHeapHardLimit"] = "0x1000000";
        start.Environment["DOTNET_gcServer"] = "0";
        start.Environment["DOTNET_TieredCompilation"] = "1";
        start.Environment.Remove("NOTIFY_SOCKET");
        using var process = Process.Start(start) ?? throw new IOException("setsid could not be started.");
    }

    /// <summary>Tells it to end; does nothing when there is none.</summary>
    public static void Quit(ClusterPaths paths) => Say(paths, "quit");

    /// <summary>Has it kill every fenced Pod now; false when there is no guard.</summary>
    public static bool Halt(ClusterPaths paths) => Say(paths, "halt");

    private static bool Say(ClusterPaths paths, string word)
    {
        if (!File.Exists(paths.GuardSocket))
        {
            return false;
        }

        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { ReceiveTimeout = 5000 };
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(paths.GuardSocket));
            socket.Send(Encoding.ASCII.GetBytes(word + "\n"));
            return socket.Receive(new byte[64]) > 0;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset)
        {
            // A file without a process behind it.
            return false;
        }
    }
}
