using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Kaji.Cluster;

namespace Kaji.Startup;

/// <summary>What must hold before anything is started: told as one sentence with the command that mends it.</summary>
internal static partial class Preconditions
{
    private static readonly (string Tool, string Package)[] Tools =
    [
        ("crun", "crun"), ("conmon", "conmon"), ("nft", "nftables"), ("nsenter", "util-linux"), ("unshare", "util-linux"), ("setsid", "util-linux"),
    ];

    public static void Root(string what)
    {
        if (Geteuid() != 0)
        {
            throw new UserError($"{what} needs root: it makes namespaces, cgroups and network interfaces. Run it with sudo.");
        }
    }

    public static void ToolsPresent()
    {
        var missing = Tools.Where(tool => !OnPath(tool.Tool)).ToArray();
        if (missing.Length > 0)
        {
            throw new UserError(
                $"missing: {string.Join(", ", missing.Select(m => m.Tool))}. Install with: apt-get install -y {string.Join(' ', missing.Select(m => m.Package).Distinct(StringComparer.Ordinal))}");
        }
    }

    /// <summary>A data directory that can't be made or written to.</summary>
    public static void Writable(ClusterPaths paths)
    {
        try
        {
            Directory.CreateDirectory(paths.Logs);
            var probe = Path.Combine(paths.Logs, ".writable");
            File.WriteAllText(probe, "");
            File.Delete(probe);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserError($"the data directory {paths.Data} can't be used: {e.Message.TrimEnd('.')}. Mend that, or choose another with --data-dir DIR.");
        }
    }

    /// <summary>A taken port, told before anything is changed on the machine.</summary>
    public static void PortFree(IPEndPoint listen)
    {
        using var probe = new Socket(listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        probe.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        try
        {
            probe.Bind(listen);
            probe.Listen(1);
        }
        catch (SocketException e)
        {
            throw new UserError($"can't listen on {listen}: {e.Message}. Choose another with --listen ADDR:PORT.");
        }
    }

    private static bool OnPath(string tool) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin").Split(':').Append("/usr/sbin").Any(dir => File.Exists(Path.Combine(dir, tool)));

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint Geteuid();
}
