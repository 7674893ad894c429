using System.CommandLine;
using System.Net;
using Kaji.Cluster;
using Kaji.Startup;

namespace Kaji.Commands;

/// <summary><c>kaji server</c>: the cluster in the foreground, for systemd and for <c>kaji up</c>.</summary>
internal static class ServerCommand
{
    public static readonly Option<string> Listen = new("--listen")
    {
        Description = "ADDR:PORT of the Kubernetes API",
        DefaultValueFactory = _ => "127.0.0.1:6443",
    };

    public static Command Build()
    {
        var command = new Command("server", "Run the cluster in the foreground (SIGTERM stops it; containers go on).") { Listen };
        ServerFlags.AddTo(command);
        command.SetAction((parsed, cancel) => RunAsync(parsed, ParseListen(parsed.GetValue(Listen)!), cancel));
        return command;
    }

    /// <exception cref="UserError">Not an address and port.</exception>
    public static IPEndPoint ParseListen(string text) =>
        IPEndPoint.TryParse(text, out var endpoint) && endpoint.Port != 0
            ? endpoint
            : throw new UserError($"--listen {text}: expected ADDR:PORT, as 127.0.0.1:6443 or 0.0.0.0:6443.", ExitCodes.Usage);

    private static async Task<int> RunAsync(ParseResult parsed, IPEndPoint listen, CancellationToken cancel)
    {
        var paths = parsed.Paths();
        try
        {
            var settings = ServerFlags.Of(parsed);
            Preconditions.Root("kaji server");
            Preconditions.ToolsPresent();
            if (ServerProcess.Find(paths) is not null)
            {
                throw new UserError($"the data directory {paths.Data} is in use by another Kaji. Stop it with: kaji stop --data-dir {paths.Data}");
            }

            ClusterSettings.Load(paths.Settings);
            Preconditions.PortFree(listen);
            PrivateMounts.EnterOrContinue(paths);
            await ClusterHost.RunAsync(paths, listen, settings, cancel);
            return ExitCodes.Ok;
        }
        catch (UserError e)
        {
            StartupNotifier.Failed(e.Message);
            throw;
        }
    }
}
