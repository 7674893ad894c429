using Kaji.Linux.Mounts;

namespace Kaji.Linux.Cgroups;

/// <summary>How this host mounts cgroups: v1 controllers one by one, or one v2 hierarchy. Hybrid hosts are v1 once <c>unified</c> is unmounted.</summary>
public sealed class CgroupLayout
{
    public const string Root = "/sys/fs/cgroup";

    private CgroupLayout(bool isV2, IReadOnlyDictionary<string, string> controllers)
    {
        IsV2 = isV2;
        Controllers = controllers;
    }

    public bool IsV2 { get; }

    /// <summary>Mount point of each controller; on v2 of each that the root offers, all the same.</summary>
    public IReadOnlyDictionary<string, string> Controllers { get; }

    public static CgroupLayout Detect() => Detect(MountEntry.ReadAll(), () => File.ReadAllText(Root + "/cgroup.controllers"));

    internal static CgroupLayout Detect(IReadOnlyList<MountEntry> mounts, Func<string> v2Controllers)
    {
        var controllers = new Dictionary<string, string>(StringComparer.Ordinal);
        if (mounts.Any(m => m.Target == Root && m.Type == "cgroup2"))
        {
            foreach (var name in v2Controllers().Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries))
            {
                controllers[name] = Root;
            }

            return new CgroupLayout(true, controllers);
        }

        // "cgroup /sys/fs/cgroup/cpu,cpuacct … rw,cpu,cpuacct"; named ones as "rw,name=systemd".
        foreach (var mount in mounts.Where(m => m.Type == "cgroup"))
        {
            foreach (var option in mount.SuperOptions.Split(',').Where(o => o is not ("rw" or "ro" or "xattr" or "clone_children")))
            {
                controllers.TryAdd(option, mount.Target);
            }
        }

        return new CgroupLayout(false, controllers);
    }
}
