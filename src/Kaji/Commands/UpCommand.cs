using System.CommandLine;
using System.Diagnostics;
using Kaji.Cluster;
using Kaji.Kubeconfigs;
using Kaji.Manifests;
using Kaji.Startup;

namespace Kaji.Commands;

/// <summary><c>kaji up</c>: the cluster in the background, and what the manifests say running on it.</summary>
internal static class UpCommand
{
    private static readonly Option<string[]> Files = new("--filename", "-f") { Description = "File or directory of manifests to apply (may be repeated)", DefaultValueFactory = _ => [] };

    private static readonly Option<bool> NoMerge = new("--no-merge") { Description = "Leave ~/.kube/config alone" };

    private static readonly Option<int> Timeout = new("--timeout") { Description = "Seconds to wait for what was applied", DefaultValueFactory = _ => 300 };

    public static Command Build()
    {
        var command = new Command("up", "Start the cluster in the background; apply manifests and wait until they are available.") { Files, ServerCommand.Listen, NoMerge, Timeout };
        ServerFlags.AddTo(command);
        command.SetAction((parsed, cancel) =>
        {
            ServerFlags.Of(parsed);
            return RunAsync(
                parsed.Paths(), parsed.GetValue(ServerCommand.Listen)!, parsed.GetValue(Files)!, !parsed.GetValue(NoMerge), TimeSpan.FromSeconds(parsed.GetValue(Timeout)), cancel, ServerFlags.Words(parsed));
        });
        return command;
    }

    /// <summary>A first start that fails leaves nothing on the machine; a later one leaves what it found.</summary>
    private static async Task StartAsync(ClusterPaths paths, string listen, IReadOnlyList<string> flags, CancellationToken cancel)
    {
        var fresh = !Directory.Exists(paths.Run);
        try
        {
            await ServerProcess.StartAsync(paths, listen, flags, step => Console.WriteLine($"  {step}"), cancel);
        }
        catch (UserError) when (fresh && Directory.Exists(paths.Run))
        {
            await DownCommand.GiveBackAsync(paths, cancel);
            throw;
        }
    }

    public static async Task<int> RunAsync(ClusterPaths paths, string listen, IReadOnlyList<string> files, bool merge, TimeSpan timeout, CancellationToken cancel, IReadOnlyList<string>? flags = null)
    {
        Preconditions.Root("kaji up");
        ServerCommand.ParseListen(listen);
        var manifests = ManifestReader.Read(files);
        Preconditions.ToolsPresent();

        if (ServerProcess.Find(paths) is { } running)
        {
            Console.WriteLine($"Kaji is up (process {running}).");
        }
        else
        {
            var clock = Stopwatch.StartNew();
            await StartAsync(paths, listen, flags ?? [], cancel);
            Console.WriteLine($"Kaji is up: {clock.Elapsed.TotalSeconds:0.0} s.");
        }

        if (merge)
        {
            KubeconfigMerger.Merge(paths.Kubeconfig, KubeconfigMerger.UserFile);
        }

        if (manifests.Count > 0)
        {
            using var api = ClusterConnection.Open(paths);
            await ManifestApplier.ApplyAsync(api.Client, manifests, Console.WriteLine, cancel);
            await RolloutWaiter.WaitAsync(api.Client, manifests, timeout, Console.WriteLine, cancel);
        }

        Console.WriteLine(merge
            ? $"Next: kubectl --context {paths.ContextName} get pods -A"
            : $"Next: kubectl --kubeconfig {paths.Kubeconfig} get pods -A");
        return ExitCodes.Ok;
    }
}
