using System.CommandLine;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Kaji.Bots.Advice;
using Kaji.Bots.Api;
using Kaji.Bots.Operator;
using Kaji.Client;

namespace Kaji.Commands.Bots;

/// <summary><c>kaji deploy</c> and <c>kaji rollback</c>: another version of a bot, and back; both wait until it acts or has been taken back.</summary>
internal static class DeployCommand
{
    private static readonly Option<string?> Image = new("--image") { Description = "Image of the new version" };
    private static readonly Option<bool> Warm = new("--warm") { Description = "Let it warm up beside the acting one, then move the epoch (from now on for this bot)" };
    private static readonly Option<string[]> Set = new("--set") { Description = "NAME=VALUE of a parameter (may be repeated)", DefaultValueFactory = _ => [] };
    private static readonly Option<int> Timeout = new("--timeout") { Description = "Seconds to wait", DefaultValueFactory = _ => 180 };
    private static readonly Option<bool> NoWait = new("--no-wait") { Description = "Don't wait" };

    public static Command BuildDeploy()
    {
        var command = new Command("deploy", "Bring a new version of a bot: another image, other parameters.") { BotTarget.Bot, Image, Set, Warm, Timeout, NoWait }.WithCluster();
        command.SetAction((parsed, cancel) => BotTarget.RunAsync(parsed, async client =>
        {
            if (parsed.GetValue(Image) is null && parsed.GetValue(Set)!.Length == 0)
            {
                throw new UserError("say what is new: --image NAME, or --set NAME=VALUE.", ExitCodes.Usage);
            }

            var bot = await BotTarget.FindAsync(client, parsed, cancel);
            var spec = new JsonObject();
            if (parsed.GetValue(Image) is { } image)
            {
                var template = (JsonObject)bot.Spec.Template!.DeepClone();
                template["spec"]!["containers"]![0]!["image"] = image;
                spec["template"] = template;
            }

            foreach (var pair in parsed.GetValue(Set)!)
            {
                var equals = pair.IndexOf('=', StringComparison.Ordinal);
                if (equals <= 0)
                {
                    throw new UserError($"--set {pair}: expected NAME=VALUE.", ExitCodes.Usage);
                }

                var values = (spec["parameters"] ??= new JsonObject { ["values"] = new JsonObject() })["values"]!;
                values[pair[..equals]] = pair[(equals + 1)..];
            }

            if (parsed.GetValue(Warm))
            {
                spec["handover"] = new JsonObject { ["strategy"] = BotHandover.Warm };
            }

            var fleet = await ChangeFleetAsync(client, bot, fleet => FleetOverrides.With(fleet.Spec, bot.Metadata.Name, spec), cancel);
            if (!(fleet?.Changed ?? (await BotTarget.PatchAsync(client, bot, spec, cancel)).Metadata.Generation != bot.Metadata.Generation))
            {
                Console.WriteLine("it is so already: nothing has changed");
                return ExitCodes.Ok;
            }

            return parsed.GetValue(NoWait) ? ExitCodes.Ok : await WaitAsync(client, bot, fleet?.Fleet, TimeSpan.FromSeconds(parsed.GetValue(Timeout)), cancel);
        }));
        return command;
    }

    public static Command BuildRollback()
    {
        var command = new Command("rollback", "Take a bot back to the version before.") { BotTarget.Bot, Timeout, NoWait }.WithCluster();
        command.SetAction((parsed, cancel) => BotTarget.RunAsync(parsed, async client =>
        {
            var bot = await BotTarget.FindAsync(client, parsed, cancel);
            var revisions = (await client.ListAsync(BotKinds.Revision, bot.Metadata.NamespaceProperty, new ListOptions { LabelSelector = $"{BotNames.BotLabel}={bot.Metadata.Name}" }, cancel)).Items;
            var before = BotHistory.Before(revisions, bot) ?? throw new UserError($"bot {bot.Metadata.Name} has had no other version.");
            var fleet = await ChangeFleetAsync(client, bot, fleet => FleetOverrides.Back(fleet, bot, before), cancel);
            if (fleet is null)
            {
                await client.UpdateAsync(BotKinds.Bot, BotHistory.Restored(bot, before), cancellationToken: cancel);
            }

            Console.WriteLine($"back to version {before.Metadata.Labels[BotNames.RevisionLabel]} (number {before.Revision})");
            return parsed.GetValue(NoWait) ? ExitCodes.Ok : await WaitAsync(client, bot, fleet?.Fleet, TimeSpan.FromSeconds(parsed.GetValue(Timeout)), cancel);
        }));
        return command;
    }

    /// <summary>A bot of a fleet is changed where the fleet says what its bots are: as an override for this one bot.</summary>
    /// <returns>The fleet with the change, and whether it is one; null when the bot belongs to no fleet.</returns>
    private static async Task<(BotFleet Fleet, bool Changed)?> ChangeFleetAsync(IApiClient client, Bot bot, Func<BotFleet, FleetSpec> change, CancellationToken cancel)
    {
        if (NextStep.FleetOf(bot) is not { } name)
        {
            return null;
        }

        while (true)
        {
            var fleet = await client.GetAsync(BotKinds.BotFleet, bot.Metadata.NamespaceProperty, name, cancel);
            try
            {
                var changed = await client.UpdateAsync(BotKinds.BotFleet, fleet with { Spec = change(fleet) }, cancellationToken: cancel);
                Console.WriteLine(changed.Spec.Overrides?.Any(o => o.Bot == bot.Metadata.Name) == true ? $"fleet {name}: an override for {bot.Metadata.Name}" : $"fleet {name}: no override for {bot.Metadata.Name} any more");
                return (changed, changed.Metadata.Generation != fleet.Metadata.Generation);
            }
            catch (ApiException e) when (e.IsConflict)
            {
                // Its status was written meanwhile.
                continue;
            }
        }
    }

    /// <summary>Says each step until the version acts, or was taken back, or the bot's fleet can't bring it.</summary>
    private static async Task<int> WaitAsync(IApiClient client, Bot before, BotFleet? fleet, TimeSpan limit, CancellationToken cancel)
    {
        var (ns, name) = (before.Metadata.NamespaceProperty, before.Metadata.Name);
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        bounded.CancelAfter(limit);
        var said = "";
        try
        {
            await foreach (var (bot, its) in StatesAsync(client, before, fleet, bounded.Token))
            {
                if (DeployOutcome.Of(before, bot, its, fleet?.Metadata.Generation ?? 0) is { } outcome)
                {
                    if (outcome.Failed)
                    {
                        throw new UserError(outcome.Message);
                    }

                    Console.WriteLine(outcome.Message);
                    return ExitCodes.Ok;
                }

                if (DeployOutcome.Word(before, bot!, its, fleet?.Metadata.Generation ?? 0) is { } word && word != said)
                {
                    Console.WriteLine($"  {word}");
                    said = word;
                }
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new UserError($"after {limit.TotalSeconds:0} s it does not act yet. `kaji why {ns}/{name}` tells what it waits for.");
        }

        return ExitCodes.Ok;
    }

    /// <summary>The bot and its fleet, each time that one of them has changed.</summary>
    private static async IAsyncEnumerable<(Bot? Bot, BotFleet? Fleet)> StatesAsync(IApiClient client, Bot before, BotFleet? fleet, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await using var bots = client.FollowAsync(BotKinds.Bot, before, TimeProvider.System, end.Token).GetAsyncEnumerator(end.Token);
        await using var fleets = fleet is null ? null : client.FollowAsync(BotKinds.BotFleet, fleet, TimeProvider.System, end.Token).GetAsyncEnumerator(end.Token);
        var (nextBot, nextFleet) = (bots.MoveNextAsync().AsTask(), fleets?.MoveNextAsync().AsTask() ?? Task.Delay(System.Threading.Timeout.InfiniteTimeSpan, end.Token).ContinueWith(_ => false, TaskScheduler.Default));
        try
        {
            var bot = (Bot?)before;
            while (true)
            {
                if (await Task.WhenAny(nextBot, nextFleet) == nextBot)
                {
                    await nextBot;
                    bot = bots.Current;
                    nextBot = bots.MoveNextAsync().AsTask();
                }
                else if (await nextFleet)
                {
                    fleet = fleets!.Current;
                    nextFleet = fleets.MoveNextAsync().AsTask();
                }

                cancel.ThrowIfCancellationRequested();
                yield return (bot, fleet);
            }
        }
        finally
        {
            // An enumerator is not disposed while it is being asked.
            await end.CancelAsync();
            await Task.WhenAll(nextBot, nextFleet).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }
}
