using System.Globalization;
using Kaji.Linux.Files;
using Kaji.Linux.Processes;

namespace Kaji.Linux.Cgroups;

/// <summary>One cgroup by its path below the root (<c>/kaji/x/burstable/podid</c>), in whatever layout: limits, counters, processes.</summary>
public sealed class Cgroup(CgroupLayout layout, string path)
{
    private const long PeriodMicroseconds = 100_000;

    public string Path => path;

    /// <summary>Creates it with its parents; on v2 the parents pass memory, cpu, cpuset and pids on.</summary>
    public void Create()
    {
        if (!layout.IsV2)
        {
            foreach (var mount in layout.Controllers.Where(c => c.Key is "memory" or "cpu" or "cpuacct" or "pids").Select(c => c.Value).Distinct(StringComparer.Ordinal))
            {
                Directory.CreateDirectory(mount + path);
            }

            return;
        }

        var here = CgroupLayout.Root;
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            foreach (var controller in layout.Controllers.Keys.Where(c => c is "memory" or "cpu" or "cpuset" or "pids" or "io"))
            {
                File.WriteAllText(here + "/cgroup.subtree_control", "+" + controller);
            }

            here = $"{here}/{part}";
            Directory.CreateDirectory(here);
        }
    }

    /// <summary>Zero leaves a limit unset.</summary>
    public void Limit(long memoryBytes, long cpuShares, long cpuMillis, long pids)
    {
        if (memoryBytes > 0)
        {
            Write("memory", layout.IsV2 ? "memory.max" : "memory.limit_in_bytes", memoryBytes);
        }

        if (cpuShares > 0)
        {
            Write("cpu", layout.IsV2 ? "cpu.weight" : "cpu.shares", layout.IsV2 ? WeightOf(cpuShares) : Math.Max(2, cpuShares));
        }

        if (cpuMillis > 0)
        {
            var quota = Math.Max(1000, cpuMillis * PeriodMicroseconds / 1000);
            if (layout.IsV2)
            {
                File.WriteAllText(Find("cpu", "cpu.max")!, $"{quota} {PeriodMicroseconds}");
            }
            else
            {
                Write("cpu", "cpu.cfs_period_us", PeriodMicroseconds);
                Write("cpu", "cpu.cfs_quota_us", quota);
            }
        }

        if (pids > 0)
        {
            Write("pids", "pids.max", pids);
        }
    }

    /// <summary>Processes killed for want of memory, so far.</summary>
    public long OomKills() => layout.IsV2 ? Keyed("memory", "memory.events", "oom_kill") : Keyed("memory", "memory.oom_control", "oom_kill");

    /// <summary>CPU nanoseconds, memory bytes, the part of it that could be reclaimed at once, processes; null when it is gone.</summary>
    public (long Cpu, long Memory, long Reclaimable, long Pids)? Usage()
    {
        try
        {
            return layout.IsV2
                ? (Keyed("cpu", "cpu.stat", "usage_usec") * 1000, Number("memory", "memory.current"), Keyed("memory", "memory.stat", "inactive_file"), Number("pids", "pids.current"))
                : (Number("cpuacct", "cpuacct.usage"), Number("memory", "memory.usage_in_bytes"), Keyed("memory", "memory.stat", "total_inactive_file"), Number("pids", "pids.current"));
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Processes in it, not in those below.</summary>
    public IReadOnlyList<int> Processes()
    {
        try
        {
            var file = Find("pids", "cgroup.procs") ?? Find("memory", "cgroup.procs");
            return file is null ? [] : [.. File.ReadAllLines(file).Select(l => int.Parse(l, CultureInfo.InvariantCulture))];
        }
        catch (IOException)
        {
            return [];
        }
    }

    /// <summary>SIGKILL to all of them. True when there were some.</summary>
    public bool KillAll()
    {
        var any = false;
        foreach (var pid in Processes())
        {
            using var process = PidFd.TryOpen(pid);
            any |= process?.Signal(Signals.Kill) == true;
        }

        return any;
    }

    /// <summary>Removes it and those below from every hierarchy; false when processes hold one of them.</summary>
    public bool Remove()
    {
        var clean = true;
        foreach (var mount in layout.IsV2 ? [CgroupLayout.Root] : layout.Controllers.Values.Distinct(StringComparer.Ordinal))
        {
            clean &= RemoveTree(mount + path);
        }

        // crun, seeing "0::/" in /proc/self/cgroup, leaves plain directories where the hidden cgroup2 was mounted.
        if (!layout.IsV2 && !HybridLeftover.IsMount)
        {
            Tree.Delete(Mounts.HybridCgroups.UnifiedPath + path);
        }

        return clean;
    }

    /// <summary>Removes the groups above, as far as nothing else is in them: what clusters share goes with the last of them.</summary>
    public void RemoveEmptyParents()
    {
        for (var above = System.IO.Path.GetDirectoryName(path); above is { Length: > 1 }; above = System.IO.Path.GetDirectoryName(above))
        {
            foreach (var mount in layout.IsV2 ? [CgroupLayout.Root] : layout.Controllers.Values.Distinct(StringComparer.Ordinal))
            {
                FileSystem.RemoveDirectory(mount + above);
            }

            if (!layout.IsV2 && !HybridLeftover.IsMount)
            {
                FileSystem.RemoveDirectory(Mounts.HybridCgroups.UnifiedPath + above);
            }
        }
    }

    /// <summary>cpu.shares 2..262144 to cpu.weight 1..10000, as runc does.</summary>
    internal static long WeightOf(long shares) => 1 + ((Math.Clamp(shares, 2, 262144) - 2) * 9999 / 262142);

    private static bool RemoveTree(string directory)
    {
        if (!Directory.Exists(directory))
        {
            return true;
        }

        foreach (var child in Directory.GetDirectories(directory))
        {
            RemoveTree(child);
        }

        return FileSystem.RemoveDirectory(directory) || !Directory.Exists(directory);
    }

    private string? Find(string controller, string file) => layout.Controllers.TryGetValue(controller, out var mount) ? $"{mount}{path}/{file}" : null;

    private void Write(string controller, string file, long value)
    {
        if (Find(controller, file) is { } name)
        {
            File.WriteAllText(name, value.ToString(CultureInfo.InvariantCulture));
        }
    }

    private long Number(string controller, string file) =>
        Find(controller, file) is { } name && long.TryParse(File.ReadAllText(name), CultureInfo.InvariantCulture, out var value) ? value : 0;

    private long Keyed(string controller, string file, string key)
    {
        if (Find(controller, file) is not { } name || !File.Exists(name))
        {
            return 0;
        }

        foreach (var line in File.ReadLines(name))
        {
            if (line.StartsWith(key, StringComparison.Ordinal) && line.Length > key.Length && line[key.Length] == ' ')
            {
                return long.Parse(line.AsSpan(key.Length + 1), CultureInfo.InvariantCulture);
            }
        }

        return 0;
    }

    private static class HybridLeftover
    {
        private const long Cgroup2 = 0x63677270;

        internal static bool IsMount => !Directory.Exists(Mounts.HybridCgroups.UnifiedPath) || FileSystem.TypeOf(Mounts.HybridCgroups.UnifiedPath) == Cgroup2;
    }
}
