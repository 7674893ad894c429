using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Kaji.Cluster;

namespace Kaji.Startup;

/// <summary>The server of a data directory as seen from another process: whether it lives, starting it in the background, telling it to stop.</summary>
internal static partial class ServerProcess
{
    private const int Sigterm = 15;

    /// <summary>Process id of the living server, or null. A lock file is held while the server lives, so a stale pid file is not mistaken.</summary>
    public static int? Find(ClusterPaths paths)
    {
        if (!File.Exists(paths.PidFile) || TryLock(paths) is { } free && Release(free))
        {
            return null;
        }

        return int.TryParse(File.ReadAllText(paths.PidFile).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : null;
    }

    /// <summary>Claims the data directory for this process until it ends.</summary>
    /// <exception cref="UserError">Another server has it.</exception>
    public static FileStream Claim(ClusterPaths paths)
    {
        Directory.CreateDirectory(paths.Run);
        var claim = TryLock(paths) ?? throw new UserError($"the data directory {paths.Data} is in use by another Kaji. Stop it with: kaji stop --data-dir {paths.Data}");
        File.WriteAllText(paths.PidFile, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        return claim;
    }

    private static FileStream? TryLock(ClusterPaths paths)
    {
        try
        {
            return new FileStream(paths.PidFile + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            // Held by the living server.
            return null;
        }
    }

    private static bool Release(FileStream claim)
    {
        claim.Dispose();
        return true;
    }

    /// <summary>Starts <c>kaji server</c> detached from this terminal and waits until it says that it is ready.</summary>
    /// <param name="progress">Told each step's name.</param>
    /// <exception cref="UserError">It ended, with what it said.</exception>
    public static async Task<int> StartAsync(ClusterPaths paths, string listen, IReadOnlyList<string> flags, Action<string> progress, CancellationToken cancellationToken)
    {
        Preconditions.Writable(paths);
        Directory.CreateDirectory(paths.Run);
        File.Delete(paths.NotifySocket);
        using var notify = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        notify.Bind(new UnixDomainSocketEndPoint(paths.NotifySocket));

        var start = new ProcessStartInfo("setsid") { UseShellExecute = false };
        start.ArgumentList.Add("sh");
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("exec \"$@\" >>\"$KAJI_LOG\" 2>&1 </dev/null");
        start.ArgumentList.Add("kaji");
        foreach (var word in SelfCommand().Append("server").Append("--data-dir").Append(paths.Data).Append("--listen").Append(listen).Concat(flags))
        {
            start.ArgumentList.Add(word);
        }

        start.Environment["KAJI_LOG"] = paths.ServerLog;
        start.Environment["NOTIFY_SOCKET"] = paths.NotifySocket;
        start.WorkingDirectory = "/";
        using var process = Process.Start(start) ?? throw new UserError("setsid could not be started.");

        var buffer = new byte[4096];
        var ended = process.WaitForExitAsync(cancellationToken);
        string? said = null;
        while (true)
        {
            var received = notify.ReceiveAsync(buffer, SocketFlags.None, cancellationToken).AsTask();
            if (await Task.WhenAny(received, ended) == ended && !received.IsCompleted)
            {
                File.Delete(paths.NotifySocket);
                if (!Directory.EnumerateFileSystemEntries(paths.Run).Any())
                {
                    Directory.Delete(paths.Run);
                }

                throw new UserError(said ?? $"the server ended with exit code {process.ExitCode}; its last words are in {paths.ServerLog}:\n{Tail(paths.ServerLog)}");
            }

            var message = Encoding.UTF8.GetString(buffer, 0, await received);
            var status = message.Split('\n').FirstOrDefault(line => line.StartsWith("STATUS=", StringComparison.Ordinal))?["STATUS=".Length..];
            if (message.StartsWith("ERRNO=", StringComparison.Ordinal))
            {
                said = status;
                continue;
            }

            if (message.Contains("READY=1", StringComparison.Ordinal))
            {
                File.Delete(paths.NotifySocket);
                return process.Id;
            }

            progress(status ?? message);
        }
    }

    /// <summary>Sends SIGTERM and waits for the end.</summary>
    public static async Task StopAsync(int pid, CancellationToken cancellationToken)
    {
        Process process;
        try
        {
            process = Process.GetProcessById(pid);
        }
        catch (ArgumentException)
        {
            return;
        }

        using (process)
        {
            if (Kill(pid, Sigterm) == 0)
            {
                await process.WaitForExitAsync(cancellationToken);
            }
        }
    }

    /// <summary>How this executable is started again: itself, or the host with the assembly.</summary>
    public static IReadOnlyList<string> SelfCommand()
    {
        var executable = Environment.ProcessPath!;
        return Path.GetFileNameWithoutExtension(executable) == "dotnet"
            ? [executable, Path.Combine(AppContext.BaseDirectory, "kaji.dll")]
            : [executable];
    }

    private static string Tail(string file) => string.Join('\n', File.ReadLines(file).TakeLast(8));

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);
}
