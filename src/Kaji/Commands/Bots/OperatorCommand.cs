using System.CommandLine;
using Kaji.Bots.Install;
using Kaji.Bots.Operator;
using Kaji.Client;
using Kaji.Client.LeaderElection;
using Kaji.Cluster;
using Kaji.Linux.Processes;
using Kaji.Startup;
using Microsoft.Extensions.Logging;

namespace Kaji.Commands.Bots;

/// <summary><c>kaji operator</c>: the bot layer on any Kubernetes; each bot's Pod gets a sidecar that is its warden.</summary>
internal static class OperatorCommand
{
    private static readonly Option<string> WardenImage = new("--warden-image") { Description = "Image that holds this executable, for the sidecar in each bot's Pod", DefaultValueFactory = _ => "kaji.local/kaji:latest" };
    private static readonly Option<bool> NoInstall = new("--no-install") { Description = "The kinds and rights are there already" };

    public static Command Build()
    {
        var command = new Command("operator", "Run the bot layer against another Kubernetes, in the foreground.") { BotTarget.Kubeconfig, WardenImage, NoInstall };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancel)
    {
        if (parsed.GetValue(BotTarget.Kubeconfig) is null)
        {
            throw new UserError("--kubeconfig FILE is missing: Kaji's own cluster runs the operator itself.", ExitCodes.Usage);
        }

        using var connection = BotTarget.Connect(parsed);
        using var logging = LoggerFactory.Create(b => b.SetMinimumLevel(LogLevel.Information).AddProvider(new ServerLogging(LogLevel.Information, TimeProvider.System)));
        var server = connection.Server;
        try
        {
            if (!parsed.GetValue(NoInstall))
            {
                await BotInstaller.InstallAsync(connection.Client, agents: false, TimeProvider.System, cancel);
            }

            var sidecar = new WardenSidecar(parsed.GetValue(WardenImage)!);
            using var bots = new BotOperator(connection.Client, new OperatorOptions { Clock = () => SuspendedClock.Now, Sidecar = sidecar }, TimeProvider.System, logging);
            var election = new LeaderElectionOptions { Namespace = "kube-system", Name = "kaji-bot-operator", Identity = $"{System.Net.Dns.GetHostName()}-{Environment.ProcessId}" };
            Console.WriteLine($"The bot operator works on {server}.");
            await new LeaderElector(connection.Client, election, TimeProvider.System, logging.CreateLogger<LeaderElector>()).RunAsync(bots.RunAsync, cancel);

            // The lease was lost: another operator leads now. Whoever runs this one starts it again as a candidate.
            return cancel.IsCancellationRequested ? ExitCodes.Ok : ExitCodes.Failed;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return ExitCodes.Ok;
        }
        catch (Exception e) when (e is InvalidOperationException or ApiException)
        {
            throw new UserError($"{server}: {e.Message}");
        }
        catch (HttpRequestException e)
        {
            throw new UserError($"{server} can't be reached: {e.Message}");
        }
    }
}
