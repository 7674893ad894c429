using System.CommandLine;
using System.Text.Json.Nodes;
using Kaji.Bots.Advice;
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
        var key = $"{bot.Metadata.NamespaceProperty}/{bot.Metadata.Name}";
        if (!stopped)
        {
            await RefuseHaltedAsync(client, bot, key, cancel);
        }

        var changed = await BotTarget.PatchAsync(client, bot, new JsonObject { ["stopped"] = stopped ? true : null }, cancel);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var seconds = parsed.GetResult(Timeout) is null ? 120 : parsed.GetValue(Timeout);
        limit.CancelAfter(TimeSpan.FromSeconds(seconds));
        try
        {
            await foreach (var now in client.FollowAsync(BotKinds.Bot, changed, TimeProvider.System, limit.Token))
            {
                if (now is null)
                {
                    throw new UserError($"bot {key} was deleted meanwhile.");
                }

                if (RestOutcome.Of(now, stopped, changed.Metadata.Generation ?? 0) is not { } outcome)
                {
                    continue;
                }

                if (!outcome.Failed)
                {
                    Console.WriteLine(outcome.Message);
                    return ExitCodes.Ok;
                }

                if (now.Status?.Phase != BotPhase.Halted)
                {
                    throw new UserError(outcome.Message);
                }

                // Its halt may have been released just now.
                await RefuseHaltedAsync(client, now, key, cancel);
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new UserError($"after {seconds} s it is not {(stopped ? "at rest" : "acting")} yet. `kaji why {key}` tells what it waits for.");
        }

        return ExitCodes.Ok;
    });

    /// <summary>A halt outweighs a start: who wants the bot to act must release it first.</summary>
    private static async Task RefuseHaltedAsync(IApiClient client, Bot bot, string key, CancellationToken cancel)
    {
        var over = HaltWords.Over(bot, (await client.ListAsync(BotKinds.Halt, null, cancellationToken: cancel)).Items);
        if (over.Count > 0 || HaltWords.IsLocal(bot))
        {
            var halt = over.Count == 0 ? bot.Status!.Message : string.Join(", ", over.Select(h => $"halt {h.Metadata.Name} of {HaltWords.Whom(h.Spec)}{(h.Spec.Why is { Length: > 0 } why ? $": {why}" : "")}"));
            throw new UserError($"{key} is halted ({halt}). When the cause is gone: {HaltWords.Release(over)}{(bot.Spec.Stopped == true ? $"; then kaji start {key}" : "")}");
        }
    }
}
