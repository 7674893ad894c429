using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using k8s.Models;
using Kaji.Client;
using Kaji.Cluster;
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
                var bots = await ObserveAsync(api.Client, cancel);
                live.UpdateTarget(Render(bots));
                if (bots.Count > 0 && bots.All(b => b.Trades))
                {
                    return ExitCodes.Ok;
                }

                if (clock.Elapsed > Patience)
                {
                    throw new UserError($"after {Patience.TotalSeconds:0} s these bots do not trade: {string.Join(", ", bots.Where(b => !b.Trades).Select(b => b.Name))}. Look with: kubectl -n {Namespace} logs BOT");
                }

                await tick.WaitForNextTickAsync(cancel);
            }
        }) is var code && code == ExitCodes.Ok ? Farewell(paths) : code;
    }

    private static int Farewell(ClusterPaths paths)
    {
        Console.WriteLine($"""
            Every bot trades. Try:
              kubectl --context {paths.ContextName} -n {Namespace} get pods -o wide
              kubectl --context {paths.ContextName} -n {Namespace} logs -f deploy/exchange
              kaji down --purge     to give everything back
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

    private static async Task<IReadOnlyList<BotRow>> ObserveAsync(IApiClient client, CancellationToken cancel)
    {
        var pods = await client.ListAsync(Client.Kinds.Pod, Namespace, cancellationToken: cancel);
        var rows = await Task.WhenAll(pods.Items.Where(p => p.Metadata.DeletionTimestamp is null).Select(p => ObserveAsync(client, p, cancel)));
        return [.. rows.OrderBy(r => r.Name, StringComparer.Ordinal)];
    }

    private static async Task<BotRow> ObserveAsync(IApiClient client, V1Pod pod, CancellationToken cancel)
    {
        var role = pod.Metadata.Labels?.TryGetValue("kaji.dev/role", out var r) == true ? r : "";
        var metrics = new Dictionary<string, double>(StringComparer.Ordinal);
        if (pod.Status?.Phase == "Running" && pod.Spec.Containers[0].Ports is [{ ContainerPort: var port }, ..])
        {
            using var response = await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, $"/api/v1/namespaces/{Namespace}/pods/{pod.Metadata.Name}:{port}/proxy/metrics"), cancel);
            if (response.IsSuccessStatusCode)
            {
                Parse(await response.Content.ReadAsStringAsync(cancel), metrics);
            }
        }

        return new BotRow(
            pod.Metadata.Name,
            role,
            pod.Metadata.Labels?.TryGetValue("kaji.dev/pair", out var pair) == true ? pair : "",
            pod.Status?.ContainerStatuses?.FirstOrDefault()?.State?.Waiting?.Reason ?? pod.Status?.Phase ?? "Pending",
            pod.Status?.ContainerStatuses?.Sum(s => s.RestartCount) ?? 0,
            metrics);
    }

    /// <summary>Sums the samples of a Prometheus text page by metric name.</summary>
    private static void Parse(string text, Dictionary<string, double> into)
    {
        foreach (var line in text.Split('\n'))
        {
            if (line.Length == 0 || line[0] == '#' || line.LastIndexOf(' ') is not (> 0 and var space))
            {
                continue;
            }

            var name = line[..space].Split('{')[0];
            if (double.TryParse(line[(space + 1)..], NumberStyles.Float, CultureInfo.InvariantCulture, out var value))
            {
                into[name] = into.GetValueOrDefault(name) + value;
            }
        }
    }

    private static Table Render(IReadOnlyList<BotRow> bots)
    {
        var table = new Table().Border(TableBorder.None);
        foreach (var column in (ReadOnlySpan<string>)["BOT", "ROLE", "PAIR", "STATE", "RESTARTS", "DATA AGE", "ORDERS", "FILLS", "PNL"])
        {
            table.AddColumn(new TableColumn(column).NoWrap());
        }

        foreach (var bot in bots)
        {
            table.AddRow([
                Markup.Escape(bot.Name), bot.Role, bot.Pair, bot.State, bot.Restarts.ToString(CultureInfo.InvariantCulture),
                bot.Show("bot_market_data_age_seconds", "0.00 s"), bot.Show("bot_orders_total", "0"), bot.Show("bot_fills_total", "0"), bot.Show("bot_pnl", "0.00"),
            ]);
        }

        return table;
    }

    private sealed record BotRow(string Name, string Role, string Pair, string State, int Restarts, IReadOnlyDictionary<string, double> Metrics)
    {
        /// <summary>Executors trade when they had fills; the others do their part when they run and answer.</summary>
        public bool Trades => State == "Running" && Metrics.Count > 0 && (Role != "executor" || Metrics.GetValueOrDefault("bot_fills_total") > 0);

        public string Show(string metric, string format) =>
            Metrics.TryGetValue(metric, out var value) ? value.ToString(format.Replace(" s", "' s'", StringComparison.Ordinal), CultureInfo.InvariantCulture) : "";
    }
}
