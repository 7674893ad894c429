using System.CommandLine;
using System.Diagnostics;
using Kaji.Bots;
using Kaji.Cluster;
using Kaji.Kubeconfigs;
using Kaji.Startup;

namespace Kaji.Commands;

/// <summary><c>kaji down</c>: ends everything in order; with <c>--purge</c> forgets the data as well.</summary>
internal static class DownCommand
{
    private static readonly Option<bool> Purge = new("--purge") { Description = "Delete the data directory too" };

    /// <summary>Hidden: the teardown itself, in a process of its own inside the cluster's mount namespace, when no server lives to do it.</summary>
    private static readonly Option<bool> Here = new("--here") { Hidden = true };

    public static Command Build()
    {
        var command = new Command("down", "Stop containers gracefully and the control plane, and give everything back to the machine.") { Purge, Here };
        command.SetAction((parsed, cancel) => parsed.GetValue(Here) ? HereAsync(parsed.Paths(), cancel) : RunAsync(parsed.Paths(), parsed.GetValue(Purge), cancel));
        return command;
    }

    private static async Task<int> RunAsync(ClusterPaths paths, bool purge, CancellationToken cancel)
    {
        Preconditions.Root("kaji down");
        if (ServerProcess.Find(paths) is { } pid)
        {
            File.WriteAllText(paths.DownMarker, "");
            await ServerProcess.StopAsync(pid, cancel);
        }

        await GiveBackAsync(paths, cancel);
        if (purge)
        {
            KubeconfigMerger.Remove(paths.ContextName, KubeconfigMerger.UserFile);
            if (Directory.Exists(paths.Data))
            {
                Purger.Delete(paths);
            }
        }

        Console.WriteLine(purge ? "Kaji is down; its data is deleted." : $"Kaji is down; its data is in {paths.Data} (--purge deletes it).");
        return ExitCodes.Ok;
    }

    /// <summary>Gives back to the machine what the cluster has of it; its data stays. No server may run.</summary>
    public static async Task GiveBackAsync(ClusterPaths paths, CancellationToken cancel)
    {
        if (Directory.Exists(paths.Run) || File.Exists(paths.Settings))
        {
            await TearDownInsideAsync(paths, cancel);
        }

        GuardProcess.Quit(paths);
        PrivateMounts.Release(paths);
        if (Directory.Exists(paths.Run))
        {
            Directory.Delete(paths.Run, recursive: true);
        }
    }

    private static Task<int> HereAsync(ClusterPaths paths, CancellationToken cancel)
    {
        PrivateMounts.EnterOrContinue(paths);
        return ClusterTeardown.RunAsync(paths, cancel);
    }

    /// <summary>Runs the teardown where the containers' mounts are to be seen; it does what a stopping server left, and nothing when all is gone.</summary>
    private static async Task TearDownInsideAsync(ClusterPaths paths, CancellationToken cancel)
    {
        string[] words = [.. ServerProcess.SelfCommand(), "down", "--here", "--data-dir", paths.Data];
        using var child = Process.Start(new ProcessStartInfo(words[0], words.Skip(1))) ?? throw new UserError($"{words[0]} could not be started.");
        await child.WaitForExitAsync(cancel);
        if (child.ExitCode != 0)
        {
            throw new UserError("not everything could be taken down; what failed is said above. Run `kaji down` again when it is mended.");
        }
    }
}
