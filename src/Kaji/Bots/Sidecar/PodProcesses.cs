using System.Globalization;
using Kaji.Linux.Processes;

namespace Kaji.Bots.Sidecar;

/// <summary>The other containers' processes, as a sidecar sees them in a shared process namespace: those in another cgroup than its own.</summary>
internal static class PodProcesses
{
    private static readonly string Own = CgroupOf("self") ?? "";

    /// <summary>Of whoever holds the namespaces (a pause process, or an engine's own).</summary>
    private static readonly string Sandbox = CgroupOf("1") ?? "";

    /// <summary>Living processes of other containers; whoever holds the namespaces is not among them.</summary>
    public static IReadOnlyList<int> Others()
    {
        var pids = new List<int>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && pid > 1
                && CgroupOf(Path.GetFileName(directory)) is { Length: > 0 } cgroup && cgroup != Own && cgroup != Sandbox && !IsGone(directory))
            {
                pids.Add(pid);
            }
        }

        return pids;
    }

    /// <summary>Sends a signal to all of them.</summary>
    /// <returns>Whether there was any.</returns>
    public static bool Signal(int signal)
    {
        var others = Others();
        foreach (var pid in others)
        {
            using var process = PidFd.TryOpen(pid);
            process?.Signal(signal);
        }

        return others.Count > 0;
    }

    /// <summary>A process that has ended but was not collected runs no code any more.</summary>
    private static bool IsGone(string directory)
    {
        try
        {
            var stat = File.ReadAllText(directory + "/stat");
            return stat[(stat.LastIndexOf(')') + 2)] is 'Z' or 'X';
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static string? CgroupOf(string process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cgroup");
        }
        catch (IOException)
        {
            // It ended in between.
            return null;
        }
    }
}
