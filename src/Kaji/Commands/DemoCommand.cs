using System.CommandLine;
using System.Diagnostics;
using Kaji.Client;
using Kaji.Cluster;
using Kaji.Commands.Bots;
using Kaji.Startup;
using Spectre.Console;

namespace Kaji.Commands;

/// <summary><c>kaji demo</c>: builds the example fleet's image, brings it up, and shows it until every bot trades.</summary>
internal static class DemoCommand
{
    private const string Image = "kaji.local/fleet:demo";
    private const string Namespace = "fleet";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    public static Command Build()
    {
        var command = new Command("demo", "Run the example fleet: a paper exchange and bots that trade on it.") { ServerCommand.Listen };
        command.SetAction((parsed, cancel) => RunAsync(parsed.Paths(), parsed.GetValue(ServerCommand.Listen)!, cancel));
        return command;
    }

    private static async Task<int> RunAsync(ClusterPaths paths, string listen, CancellationToken cancel)
    {
        Preconditions.Root("kaji demo");
        Preconditions.ToolsPresent();
        var example = Path.Combine(Environment.GetEnvironmentVariable("KAJI_HOME") ?? AppContext.BaseDirectory, "examples", "fleet");
        if (!File.Exists(Path.Combine(example, "build.sh")))
        {
            throw new UserError($"the example fleet is not at {example}. Run ./kaji from a checkout, or set KAJI_HOME to one.");
        }

        await BuildImageAsync(paths, example, cancel);
        await UpCommand.RunAsync(paths, listen, [example], merge: true, TimeSpan.FromMinutes(3), cancel);

        using var api = ClusterConnection.Open(paths);
        var clock = Stopwatch.StartNew();
        if (Console.IsOutputRedirected)
        {
            AnsiConsole.Profile.Width = 160;
        }

        return await AnsiConsole.Live(new Table()).StartAsync(async live =>
        {
            using var tick = new PeriodicTimer(TimeSpan.FromSeconds(1));
            while (true)
            {
                var bots = await BotTable.ReadAsync(api.Client, Namespace, cancel);
                live.UpdateTarget(BotTable.Render(bots));
                if (bots.Count > 0 && bots.All(b => b.Trades))
                {
                    return ExitCodes.Ok;
                }

                if (clock.Elapsed > Patience)
                {
                    throw new UserError($"after {Patience.TotalSeconds:0} s these bots do not trade: {string.Join(", ", bots.Where(b => !b.Trades).Select(b => b.Bot.Metadata.Name))}. Look with: kaji why BOT");
                }

                await tick.WaitForNextTickAsync(cancel);
            }
        }) is var code && code == ExitCodes.Ok ? Farewell(paths) : code;
    }

    private static int Farewell(ClusterPaths paths)
    {
        Console.WriteLine($"""
            Every bot trades. Try:
              ./kaji bots                       every bot on a line, live
              ./kaji why executor-btc           what one of them is doing
              ./kaji halt --all                 the kill switch; ./kaji resume --all
              kubectl --context {paths.ContextName} -n {Namespace} get bots,pods
              ./kaji down --purge               gives everything back
            """);
        return ExitCodes.Ok;
    }

    private static async Task BuildImageAsync(ClusterPaths paths, string example, CancellationToken cancel)
    {
        Console.WriteLine("Building the example fleet's image (the first time takes a minute or two) ...");
        var files = Path.Combine(paths.Data, "demo");
        using var build = Process.Start(new ProcessStartInfo("bash", [Path.Combine(example, "build.sh"), files]) { RedirectStandardOutput = true, UseShellExecute = false })
            ?? throw new UserError("bash could not be started.");
        var said = await build.StandardOutput.ReadToEndAsync(cancel);
        await build.WaitForExitAsync(cancel);
        if (build.ExitCode != 0)
        {
            throw new UserError($"examples/fleet/build.sh failed:\n{said}");
        }

        await Engines.OpenImages(paths).BuildAsync(new Engine.ImageBuildSpec { Name = Image, Directory = files, Entrypoint = ["/fleet"] }, cancel);
    }
}
