using System.CommandLine;
using System.Globalization;
using Kaji.Bots.Advice;
using Kaji.Bots.Api;
using Kaji.Client;

namespace Kaji.Commands.Bots;

/// <summary><c>kaji why BOT</c>: one screen that says what a bot waits for or what last went wrong, and what to type next.</summary>
internal static class WhyCommand
{
    public static Command Build()
    {
        var command = new Command("why", "Say in plain words what a bot is doing, what it waits for, what last went wrong, and what to do.") { BotTarget.Bot }.WithCluster();
        command.SetAction((parsed, cancel) => BotTarget.RunAsync(parsed, async client => await RunAsync(client, await BotTarget.FindAsync(client, parsed, cancel), cancel)));
        return command;
    }

    private static async Task<int> RunAsync(IApiClient client, Bot bot, CancellationToken cancel)
    {
        var (ns, name) = (bot.Metadata.NamespaceProperty, bot.Metadata.Name);
        var status = bot.Status ?? new BotStatus();
        var lease = await client.FindAsync(Client.Kinds.Lease, ns, BotNames.LeaseOf(name), cancel);
        var report = BotTable.ReportOf(lease);
        Console.WriteLine($"{ns}/{name} is {(status.Phase ?? "not seen by the operator yet")}: {status.Message ?? "no word of it"}");
        if (status.Epoch is { } epoch)
        {
            Console.WriteLine($"  epoch {epoch}{(status.ActivePod is { } pod ? $" in Pod {pod}" : "")}{(status.Node is { } node ? $" on {node}" : "")}{(report?.ActingSince is { } since ? $", acting for {BotTable.Since(since)}" : "")}");
        }

        if (report?.Fault is { } fault)
        {
            Console.WriteLine($"  its warden says: {fault}");
        }

        if (report?.Age is { } age)
        {
            Console.WriteLine(age >= 1e8 ? "  it has had no market data yet" : string.Create(CultureInfo.InvariantCulture, $"  its newest market data is {age:0.0} s old"));
        }

        if (NextStep.FleetOf(bot) is { } fleet && NextStep.Trouble(await client.FindAsync(BotKinds.BotFleet, ns, fleet, cancel)) is { } trouble)
        {
            Console.WriteLine($"  its fleet {fleet} says: {trouble}");
        }

        foreach (var condition in status.Conditions?.Where(c => (c.Type is "Reverted" or "Alert" && c.Status == "True") || (c.Type == "Fresh" && c.Status != "True")) ?? [])
        {
            Console.WriteLine($"  {condition.Type.ToLowerInvariant()}: {condition.Message}");
        }

        if (status.LastStop is { } stop)
        {
            Console.WriteLine($"  last stop: {stop.Outcome.ToLowerInvariant()}, epoch {stop.Epoch}{(stop.At is { } at ? $", {BotTable.Since(at)} ago" : "")}: {stop.Why}{(stop.Fault is { } bad ? $"; {bad}" : "")}{(stop.OpenOrders is { } open ? $"; {open} orders left open" : "")}");
        }

        var all = (await client.ListAsync(Client.Kinds.Event, ns, new ListOptions { FieldSelector = $"involvedObject.name={name},involvedObject.kind=Bot" }, cancel)).Items
            .Concat(status.ActivePod is { } active ? (await client.ListAsync(Client.Kinds.Event, ns, new ListOptions { FieldSelector = $"involvedObject.name={active},type=Warning" }, cancel)).Items : []);
        var events = NextStep.Lately(all, 6);
        if (events.Count > 0)
        {
            Console.WriteLine("  lately:");
            foreach (var e in events)
            {
                Console.WriteLine($"    {BotTable.Since(NextStep.TimeOf(e)),7} ago  {e.Message}");
            }
        }

        var over = status.Phase == BotPhase.Halted ? HaltWords.Over(bot, (await client.ListAsync(BotKinds.Halt, null, cancellationToken: cancel)).Items) : [];
        Console.WriteLine($"Next: {NextStep.For(bot, report, over)}");
        return ExitCodes.Ok;
    }
}
