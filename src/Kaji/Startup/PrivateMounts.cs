using Kaji.Cluster;
using Kaji.Linux.Mounts;

namespace Kaji.Startup;

/// <summary>
/// The server, and what tears down after it, run in a mount namespace of the cluster's own (see <see cref="MountNamespaceLauncher"/>): on hosts with hybrid cgroups Debian's crun
/// works only there, and the containers' mounts are nobody else's business. It is pinned, so that a restarted server finds them.
/// </summary>
internal static class PrivateMounts
{
    /// <summary>Goes on in this process when it is inside; else replaces it by itself inside, with the same process id.</summary>
    public static void EnterOrContinue(ClusterPaths paths)
    {
        var launcher = Launcher(paths);
        if (!launcher.IsInside)
        {
            launcher.Enter([.. ServerProcess.SelfCommand(), .. Environment.GetCommandLineArgs().Skip(1)]);
        }
    }

    /// <summary>Lets the namespace go. Called outside it.</summary>
    public static void Release(ClusterPaths paths)
    {
        if (Directory.Exists(paths.Mounts))
        {
            Launcher(paths).Release();
        }
    }

    private static MountNamespaceLauncher Launcher(ClusterPaths paths) => new(paths.Mounts);
}
