using System.CommandLine;
using System.Text.Json.Nodes;
using Kaji.Bots.Api;
using Kaji.Client;

namespace Kaji.Commands.Bots;

/// <summary><c>kaji stop BOT</c> and <c>kaji start BOT</c>: a bot is brought to rest in order, and let act again.</summary>
internal static class RestCommand
{
    private static readonly Option<int> Timeout = new("--timeout") { Description = "Seconds to wait", DefaultValueFactory = _ => 120 };

    public static Command BuildStart()
    {
        var command = new Command("start", "Let a bot that was stopped act again.") { BotTarget.Bot, Timeout }.WithCluster();
        command.SetAction((parsed, cancel) => SetAsync(parsed, parsed.GetValue(BotTarget.Bot)!, stopped: false, cancel));
        return command;
    }

    /// <summary>The part of <c>kaji stop</c> that is about a bot.</summary>
    public static Task<int> StopAsync(ParseResult parsed, string name, CancellationToken cancel) => SetAsync(parsed, name, stopped: true, cancel);

    private static Task<int> SetAsync(ParseResult parsed, string name, bool stopped, CancellationToken cancel) => BotTarget.RunAsync(parsed, async client =>
    {
        var bot = await BotTarget.FindAsync(client, parsed, name, cancel);
        var changed = await BotTarget.PatchAsync(client, bot, new JsonObject { ["stopped"] = stopped ? true : null }, cancel);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var seconds = parsed.GetResult(Timeout) is null ? 120 : parsed.GetValue(Timeout);
        limit.CancelAfter(TimeSpan.FromSeconds(seconds));
        try
        {
            var options = new ListOptions { FieldSelector = $"metadata.name={bot.Metadata.Name}", ResourceVersion = bot.Metadata.ResourceVersion };
            if (Done(changed, stopped))
            {
                return Say(changed, stopped);
            }

            await foreach (var change in client.WatchAsync(BotKinds.Bot, bot.Metadata.NamespaceProperty, options, limit.Token))
            {
                if (change.Type is WatchEventType.Modified && change.Object.Metadata.Generation >= changed.Metadata.Generation && Done(change.Object, stopped))
                {
                    return Say(change.Object, stopped);
                }
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new UserError($"after {seconds} s it is not {(stopped ? "at rest" : "acting")} yet. `kaji why {bot.Metadata.NamespaceProperty}/{bot.Metadata.Name}` tells what it waits for.");
        }

        return ExitCodes.Ok;
    });

    private static bool Done(Bot bot, bool stopped) => bot.Status?.ObservedGeneration == bot.Metadata.Generation && (stopped ? bot.Status?.Phase is BotPhase.Stopped or BotPhase.Halted or BotPhase.Waiting : bot.Status?.Phase == BotPhase.Active);

    private static int Say(Bot bot, bool stopped)
    {
        var stop = bot.Status?.LastStop;
        Console.WriteLine(stopped
            ? $"{bot.Metadata.NamespaceProperty}/{bot.Metadata.Name} is at rest{(stop is null ? "" : $": {stop.Outcome.ToLowerInvariant()}{(stop.Fault is { } fault ? ", " + fault : "")}{(stop.OpenOrders is { } open ? $", {open} orders open" : "")}")}"
            : $"{bot.Metadata.NamespaceProperty}/{bot.Metadata.Name} acts, epoch {bot.Status?.Epoch}");
        return ExitCodes.Ok;
    }
}
