using System.Diagnostics;
using System.Runtime.InteropServices;
using Kaji.Cluster;

namespace Kaji.Startup;

/// <summary>
/// On a host with hybrid cgroups (v1 controllers beside a cgroup2 at <c>/sys/fs/cgroup/unified</c>) Debian's crun refuses to work. There the server, and what tears
/// down after it, run in a mount namespace of their own without that mount. It is pinned to a file, so that a restarted server finds the containers' mounts.
/// On other hosts nothing is done.
/// </summary>
internal static partial class PrivateMounts
{
    private const string Unified = "/sys/fs/cgroup/unified";
    private const int DetachMount = 2;

    /// <summary>Goes on in this process when nothing is to be done; else replaces it by itself inside the namespace, with the same process id.</summary>
    public static void EnterOrContinue(ClusterPaths paths)
    {
        if (!IsMountPoint(Unified))
        {
            return;
        }

        var words = Wrap(paths, [.. ServerProcess.SelfCommand(), .. Environment.GetCommandLineArgs().Skip(1)]);
        Execute(words);
    }

    /// <summary>The command line that runs <paramref name="command"/> inside the cluster's namespace, which is made when it is not there.</summary>
    public static IReadOnlyList<string> Wrap(ClusterPaths paths, IReadOnlyList<string> command)
    {
        if (!IsMountPoint(Unified))
        {
            return command;
        }

        if (!IsMountPoint(paths.MountNamespace))
        {
            Pin(paths.MountNamespace);
        }

        return ["nsenter", $"--mount={paths.MountNamespace}", "--", .. command];
    }

    /// <summary>Lets the namespace go.</summary>
    public static void Release(ClusterPaths paths)
    {
        var directory = Path.GetDirectoryName(paths.MountNamespace)!;
        foreach (var mount in (ReadOnlySpan<string>)[paths.MountNamespace, directory])
        {
            if (IsMountPoint(mount) && Unmount(mount, DetachMount) != 0)
            {
                throw new UserError($"{mount} can't be unmounted: {Marshal.GetLastPInvokeErrorMessage()}");
            }
        }
    }

    private static void Pin(string file)
    {
        var directory = Path.GetDirectoryName(file)!;
        Directory.CreateDirectory(directory);
        File.WriteAllText(file, "");
        if (!IsMountPoint(directory))
        {
            // A namespace can only be pinned on a mount that does not propagate.
            Run("mount", "--bind", directory, directory);
            Run("mount", "--make-private", directory);
        }

        Run("unshare", $"--mount={file}", "--propagation", "slave", "umount", Unified);
    }

    private static void Run(string tool, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(tool, arguments) { RedirectStandardError = true }) ?? throw new UserError($"{tool} could not be started.");
        var said = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new UserError($"{tool} {string.Join(' ', arguments)} failed: {said.Trim()}");
        }
    }

    private static bool IsMountPoint(string path) => File.ReadLines("/proc/self/mountinfo").Any(line => line.Split(' ', 6)[4] == path);

    private static void Execute(IReadOnlyList<string> words)
    {
        var program = Array.Find((Environment.GetEnvironmentVariable("PATH") ?? "/usr/bin:/bin").Split(':'), dir => File.Exists(Path.Combine(dir, words[0])))
            ?? throw new UserError($"{words[0]} is not on the PATH. Install util-linux.");
        var argv = new nint[words.Count + 1];
        for (var i = 0; i < words.Count; i++)
        {
            argv[i] = Marshal.StringToCoTaskMemUTF8(words[i]);
        }

        _ = Execv(Path.Combine(program, words[0]), argv);
        throw new UserError($"{words[0]} could not be executed: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [LibraryImport("libc", EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unmount(string target, int flags);

    [LibraryImport("libc", EntryPoint = "execv", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Execv(string path, nint[] argv);
}
