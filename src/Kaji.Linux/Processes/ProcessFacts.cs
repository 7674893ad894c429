using System.Globalization;
using Kaji.Linux.Calls;

namespace Kaji.Linux.Processes;

/// <summary>What this process may give to others, and what the kernel tells about processes.</summary>
public static unsafe class ProcessFacts
{
    private static readonly string[] Names =
    [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE",
        "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN",
        "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE",
        "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
    ];

    /// <summary>The capabilities in our bounding set, without CAP_.</summary>
    public static IReadOnlyList<string> BoundingCapabilities()
    {
        const int ReadBounding = 23;
        return [.. Names.Where((_, i) => LibC.Prctl(ReadBounding, i, 0, 0, 0) == 1)];
    }

    /// <summary>A capability's name is known, by this code.</summary>
    public static bool IsCapability(string name) => Names.Contains(name, StringComparer.Ordinal);

    /// <summary>Our hard limit on open files.</summary>
    public static ulong OpenFilesLimit()
    {
        var pair = stackalloc ulong[2];
        return LibC.GetResourceLimit(7, pair) == 0 ? pair[1] : throw KernelException.Last("getrlimit");
    }

    /// <summary>Lower values need CAP_SYS_RESOURCE.</summary>
    public static int OwnOomScoreAdj() => int.Parse(File.ReadAllText("/proc/self/oom_score_adj"), CultureInfo.InvariantCulture);

    /// <summary>Differs after each boot.</summary>
    public static string BootId() => File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();

    /// <summary>When a process started, in clock ticks since boot: with the pid it names one process. Null when there is none (or only a zombie).</summary>
    public static long? StartTicks(int pid)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{pid}/stat");
            // "1234 (any ) name) S ppid …": the name may hold anything, so count after the last parenthesis.
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? null : long.Parse(fields[19], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
