using System.CommandLine;
using System.Globalization;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Warden;
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

        foreach (var condition in status.Conditions?.Where(c => (c.Type is "Reverted" or "Alert" && c.Status == "True") || (c.Type == "Fresh" && c.Status != "True")) ?? [])
        {
            Console.WriteLine($"  {condition.Type.ToLowerInvariant()}: {condition.Message}");
        }

        if (status.LastStop is { } stop)
        {
            Console.WriteLine($"  last stop: {stop.Outcome.ToLowerInvariant()}, epoch {stop.Epoch}{(stop.At is { } at ? $", {BotTable.Since(at)} ago" : "")}: {stop.Why}{(stop.Fault is { } bad ? $"; {bad}" : "")}{(stop.OpenOrders is { } open ? $"; {open} orders left open" : "")}");
        }

        var events = (await client.ListAsync(Client.Kinds.Event, ns, new ListOptions { FieldSelector = $"involvedObject.name={name},involvedObject.kind=Bot" }, cancel)).Items
            .Concat(status.ActivePod is { } active ? (await client.ListAsync(Client.Kinds.Event, ns, new ListOptions { FieldSelector = $"involvedObject.name={active},type=Warning" }, cancel)).Items : [])
            .OrderByDescending(e => e.LastTimestamp ?? e.Metadata.CreationTimestamp).Take(6).Reverse().ToArray();
        if (events.Length > 0)
        {
            Console.WriteLine("  lately:");
            foreach (var e in events)
            {
                Console.WriteLine($"    {BotTable.Since(e.LastTimestamp ?? e.Metadata.CreationTimestamp ?? default),7} ago  {e.Message}");
            }
        }

        Console.WriteLine($"Next: {Next(bot, status, report)}");
        return ExitCodes.Ok;
    }

    private static string Next(Bot bot, BotStatus status, BotReport? report)
    {
        var (ns, name) = (bot.Metadata.NamespaceProperty, bot.Metadata.Name);
        var reason = status.Conditions?.FirstOrDefault(c => c.Type == "Ready")?.Reason;
        return (status.Phase, reason) switch
        {
            (BotPhase.Halted, _) => "when the cause is gone: kaji resume --why TEXT",
            (BotPhase.Stopped, "Stopped") => $"kaji start {ns}/{name}",
            (BotPhase.Stopped, "Schedule") => $"nothing needs to be done; to change its hours: kubectl -n {ns} edit bot {name}",
            (_, "Forbidden") => $"kubectl describe clusterrole {BotNames.OperatorRole}    (the operator puts its rights right when it starts: kaji up, or kaji operator)",
            (_, "UnknownAccount") => $"kubectl -n {ns} get accounts    (then make the account, or mend spec.account)",
            (_, "UnknownSecret") => $"kubectl -n {ns} get secrets    (then make the Secret that the account names)",
            (_, "ClaimRefused") => "kaji bots    (stop the bot that holds the claim, or take the market from this one)",
            (_, "BadTemplate") => $"kubectl -n {ns} edit bot {name}",
            (BotPhase.CrashLoop, _) => $"kaji logs {ns}/{name}    (then kaji rollback {ns}/{name}, or kaji deploy {ns}/{name} --image NAME)",
            _ when status.Conditions?.Any(c => c.Type == "Reverted" && c.Status == "True") == true => $"kaji logs {ns}/{name} --previous    (then mend the new version and kaji deploy it)",
            (BotPhase.Starting or BotPhase.HandingOver, _) when report?.Fault is not null => $"kaji logs {ns}/{name}",
            (BotPhase.Active, _) => $"nothing needs to be done; kaji logs {ns}/{name} -f shows what it says",
            _ => $"kubectl -n {ns} describe pods -l {BotNames.BotLabel}={name}",
        };
    }
}
