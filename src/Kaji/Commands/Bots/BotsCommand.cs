using System.CommandLine;
using Kaji.Client;
using Spectre.Console;

namespace Kaji.Commands.Bots;

/// <summary><c>kaji bots</c>: every bot on a line, live on a terminal.</summary>
internal static class BotsCommand
{
    private static readonly Option<bool> Once = new("--once") { Description = "Print once, as when the output is no terminal" };

    public static Command Build()
    {
        var command = new Command("bots", "Show all bots: what they do, how fresh their data is, what they earn, how they last stopped.") { Once }.WithCluster();
        command.SetAction((parsed, cancel) => BotTarget.RunAsync(parsed, client => RunAsync(client, parsed.GetValue(BotTarget.Namespace), parsed.GetValue(Once) || Console.IsOutputRedirected, cancel)));
        return command;
    }

    private static async Task<int> RunAsync(IApiClient client, string? ns, bool once, CancellationToken cancel)
    {
        if (once)
        {
            var rows = await BotTable.ReadAsync(client, ns, cancel);
            AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 200);
            AnsiConsole.Write(BotTable.Render(rows));
            Console.WriteLine(BotTable.Summary(rows));
            return ExitCodes.Ok;
        }

        await AnsiConsole.Live(new Table()).StartAsync(async live =>
        {
            while (!cancel.IsCancellationRequested)
            {
                var rows = await BotTable.ReadAsync(client, ns, cancel);
                live.UpdateTarget(new Rows(BotTable.Render(rows), new Text(BotTable.Summary(rows) + "  (Ctrl-C ends this, not the bots)")));
                await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, cancel);
            }
        });
        return ExitCodes.Ok;
    }
}
