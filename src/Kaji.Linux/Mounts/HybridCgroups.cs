namespace Kaji.Linux.Mounts;

/// <summary>
/// Hosts that mount cgroup v1 controllers one by one and cgroup2 at <c>/sys/fs/cgroup/unified</c> besides. Debian's crun refuses to work there, until
/// <c>unified</c> is unmounted in a mount namespace of our own.
/// </summary>
public static class HybridCgroups
{
    public const string UnifiedPath = "/sys/fs/cgroup/unified";

    /// <summary>cgroup2 is mounted beside v1 controllers, in this mount namespace.</summary>
    public static bool Detected => IsHybrid(MountEntry.ReadAll());

    internal static bool IsHybrid(IReadOnlyList<MountEntry> mounts) => mounts.Any(m => m.Target == UnifiedPath && m.Type == "cgroup2");
}
