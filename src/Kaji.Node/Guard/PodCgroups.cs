using Kaji.Linux.Cgroups;

namespace Kaji.Node.Guard;

/// <summary>A node's Pods as the kernel groups their processes: what the guard and the agent kill by, whatever became of the containers' first processes.</summary>
/// <param name="parent">The cgroup below which all Pods lie, as <c>/kaji/ID</c>.</param>
internal sealed class PodCgroups(string parent)
{
    private static readonly EnumerationOptions PodsAndClasses = new() { RecurseSubdirectories = true, MaxRecursionDepth = 1 };
    private static readonly EnumerationOptions All = new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None };
    private CgroupLayout? _layout;

    /// <summary>SIGKILL to every process of a Pod. One that is being made meanwhile may be missed: none is left when it finds nothing.</summary>
    /// <returns>Whether there was something to kill.</returns>
    public bool Kill(string uid)
    {
        var layout = _layout ??= CgroupLayout.Detect();
        var mount = layout.IsV2 ? CgroupLayout.Root : layout.Controllers.GetValueOrDefault("pids") ?? layout.Controllers.Values.First();
        var any = false;
        foreach (var pod in Below(mount + parent, $"pod{uid}*", PodsAndClasses))
        {
            foreach (var directory in Below(pod, "*", All).Prepend(pod))
            {
                any |= new Cgroup(layout, directory[mount.Length..]).KillAll();
            }
        }

        return any;
    }

    private static string[] Below(string directory, string pattern, EnumerationOptions options)
    {
        try
        {
            return Directory.GetDirectories(directory, pattern, options);
        }
        catch (DirectoryNotFoundException)
        {
            // Not made yet, or removed in this moment: nothing is in it.
            return [];
        }
    }
}
