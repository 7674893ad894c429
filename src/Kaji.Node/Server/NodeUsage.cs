using System.Globalization;

namespace Kaji.Node.Server;

/// <summary>The machine's own counters, from <c>/proc/stat</c> and <c>/proc/meminfo</c>.</summary>
internal readonly record struct NodeUsage(long CpuNanoseconds, long TotalBytes, long FreeBytes, long AvailableBytes)
{
    // USER_HZ is 100 wherever .NET runs on Linux.
    private const long NanosecondsPerTick = 10_000_000;

    /// <summary>As the kubelet counts: what can't be had back at once.</summary>
    public long WorkingSetBytes => TotalBytes - AvailableBytes;

    public static NodeUsage Read()
    {
        // "cpu  user nice system idle iowait irq softirq steal guest guest_nice"; guests are in user already.
        var cpu = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..].Select(n => long.Parse(n, CultureInfo.InvariantCulture)).ToArray();
        var busy = cpu[0] + cpu[1] + cpu[2] + cpu[5] + cpu[6];
        var memory = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var line in File.ReadLines("/proc/meminfo").Take(8))
        {
            // "MemTotal:        4021956 kB"
            var parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            memory[parts[0]] = long.Parse(parts[1], CultureInfo.InvariantCulture) * 1024;
        }

        return new NodeUsage(busy * NanosecondsPerTick, memory["MemTotal:"], memory["MemFree:"], memory["MemAvailable:"]);
    }
}
