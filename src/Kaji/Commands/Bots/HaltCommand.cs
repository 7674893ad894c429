using System.CommandLine;
using k8s.Models;
using Kaji.Bots;
using Kaji.Bots.Advice;
using Kaji.Bots.Api;
using Kaji.Client;
using Kaji.Startup;

namespace Kaji.Commands.Bots;

/// <summary><c>kaji halt</c> and <c>kaji resume</c>: the kill switch.</summary>
internal static class HaltCommand
{
    private static readonly Option<string?> Account = new("--account") { Description = "All bots of an account (NAME, or NAMESPACE/NAME)" };
    private static readonly Option<string[]> Bot = new("--bot") { Description = "A bot (may be repeated)", DefaultValueFactory = _ => [] };
    private static readonly Option<bool> All = new("--all") { Description = "Every bot" };
    private static readonly Option<bool> Flatten = new("--flatten") { Description = "Close positions too" };
    private static readonly Option<bool> Local = new("--local") { Description = "All bots on this machine, though the API server is gone" };
    private static readonly Option<string> Why = new("--why") { Description = "Kept with the halt", DefaultValueFactory = _ => "" };
    private static readonly Option<int> Timeout = new("--timeout") { Description = "Seconds to wait until all are at rest", DefaultValueFactory = _ => 60 };

    public static Command BuildHalt()
    {
        var command = new Command("halt", "Bring bots to rest, now, until they are resumed: --all, --account, --bot, or -n NAMESPACE.") { All, Account, Bot, Flatten, Local, Why, Timeout }.WithCluster();
        command.SetAction((parsed, cancel) => parsed.GetValue(Local) ? Task.FromResult(HaltHere(parsed)) : BotTarget.RunAsync(parsed, client => HaltAsync(client, parsed, cancel)));
        return command;
    }

    public static Command BuildResume()
    {
        var command = new Command("resume", "Let halted bots act again: releases the halts that select exactly this (--all releases every halt).") { All, Account, Bot, Why }.WithCluster();
        command.SetAction((parsed, cancel) => BotTarget.RunAsync(parsed, client => ResumeAsync(client, parsed, cancel)));
        return command;
    }

    private static async Task<HaltSpec> SelectAsync(IApiClient client, ParseResult parsed, CancellationToken cancel)
    {
        var (all, account, bots, ns) = (parsed.GetValue(All), parsed.GetValue(Account), parsed.GetValue(Bot)!, parsed.GetValue(BotTarget.Namespace));
        if ((all ? 1 : 0) + (account is null ? 0 : 1) + (bots.Length > 0 ? 1 : 0) + (ns is not null && account is null && bots.Length == 0 ? 1 : 0) != 1)
        {
            throw new UserError("say whom: one of --all, --account NAME, --bot NAME, -n NAMESPACE.", ExitCodes.Usage);
        }

        return all ? new HaltSpec { All = true }
            : account is not null ? new HaltSpec { Account = await AccountAsync(client, account, ns, cancel) }
            : bots.Length > 0 ? new HaltSpec { Bots = [.. await Task.WhenAll(bots.Select(b => BotAsync(client, b, ns, cancel)))] }
            : new HaltSpec { Namespace = ns };
    }

    private static async Task<string> AccountAsync(IApiClient client, string name, string? ns, CancellationToken cancel)
    {
        var found = (await client.ListAsync(BotKinds.Account, ns, cancellationToken: cancel)).Items.Select(a => $"{a.Metadata.NamespaceProperty}/{a.Metadata.Name}").Where(a => a == name || a.EndsWith("/" + name, StringComparison.Ordinal)).ToArray();
        return found.Length == 1 ? found[0] : throw new UserError(found.Length == 0 ? $"there is no account {name}." : $"there are several accounts {name}: {string.Join(", ", found)}. Say which.");
    }

    private static async Task<string> BotAsync(IApiClient client, string name, string? ns, CancellationToken cancel)
    {
        var found = (await client.ListAsync(BotKinds.Bot, ns, cancellationToken: cancel)).Items.Select(a => $"{a.Metadata.NamespaceProperty}/{a.Metadata.Name}").Where(a => a == name || a.EndsWith("/" + name, StringComparison.Ordinal)).ToArray();
        return found.Length == 1 ? found[0] : throw new UserError(found.Length == 0 ? $"there is no bot {name}." : $"there are several bots {name}: {string.Join(", ", found)}. Say which.");
    }

    private static async Task<int> HaltAsync(IApiClient client, ParseResult parsed, CancellationToken cancel)
    {
        var began = TimeProvider.System.GetTimestamp();
        var spec = await SelectAsync(client, parsed, cancel) with { Flatten = parsed.GetValue(Flatten) ? true : null, Why = parsed.GetValue(Why), By = Environment.UserName };
        var atRest = await LookAsync(client, spec, cancel);
        var halt = await client.CreateAsync(BotKinds.Halt, new Halt { Metadata = new V1ObjectMeta { GenerateName = "halt-" }, Spec = spec }, cancel);
        var said = TimeProvider.System.GetElapsedTime(began);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(TimeSpan.FromSeconds(parsed.GetValue(Timeout)));
        HaltStatus? status = null;
        try
        {
            await foreach (var now in client.FollowAsync(BotKinds.Halt, halt, TimeProvider.System, limit.Token))
            {
                if (now is null or { Spec.Released: not null })
                {
                    throw new UserError($"{halt.Metadata.Name} was released or deleted meanwhile: its bots may act again.");
                }

                status = now.Status;
                if (status is { Selected: { } selected, Stopped: { } stopped } && stopped == selected)
                {
                    Console.WriteLine(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{halt.Metadata.Name}: {selected} bots are at rest; the halt was taken after {said.TotalMilliseconds:0} ms, the last bot was at rest after {TimeProvider.System.GetElapsedTime(began).TotalMilliseconds:0} ms. Let them go on with: {HaltWords.Release(halt)}"));
                    if (atRest > 0)
                    {
                        Console.WriteLine($"{atRest} of them were at rest before: nobody was there to close their positions, which were not touched.");
                    }

                    return ExitCodes.Ok;
                }
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new UserError($"{halt.Metadata.Name} is in force, but after {parsed.GetValue(Timeout)} s {status?.Stopped ?? 0} of {status?.Selected ?? 0} bots are proven at rest. `kaji bots` shows which are not; `kaji halt --local` on their machine ends them without the API server.");
        }

        return ExitCodes.Ok;
    }

    /// <summary>Refuses a namespace without bots, which is a slip of the pen, before anything is made.</summary>
    /// <returns>How many of the bots can't be told to close their positions, being at rest; asked only when that is what the halt is to do, as it takes time.</returns>
    private static async Task<int> LookAsync(IApiClient client, HaltSpec spec, CancellationToken cancel)
    {
        if (spec.Namespace is null && spec.Flatten != true)
        {
            return 0;
        }

        var bots = (await client.ListAsync(BotKinds.Bot, spec.Namespace, cancellationToken: cancel)).Items;
        if (spec.Namespace is { } ns && bots.Count == 0)
        {
            throw new UserError($"there is no bot in namespace {ns}.");
        }

        return spec.Flatten == true ? HaltWords.AtRest(spec, bots, (await client.ListAsync(Client.Kinds.Lease, spec.Namespace, new ListOptions { LabelSelector = BotNames.BotLabel }, cancel)).Items) : 0;
    }

    private static async Task<int> ResumeAsync(IApiClient client, ParseResult parsed, CancellationToken cancel)
    {
        var wanted = await SelectAsync(client, parsed, cancel);
        var lifted = wanted.All == true && parsed.GetValue(BotTarget.Kubeconfig) is null && LocalHalt.LiftUntold(parsed.Paths().HaltFile);
        if (lifted)
        {
            Console.WriteLine("the halt of this machine (kaji halt --local), of which the server did not know yet, is lifted");
        }

        var halts = (await client.ListAsync(BotKinds.Halt, null, cancellationToken: cancel)).Items.Where(h => h.Spec.Released is null).ToArray();
        var chosen = halts.Where(h => wanted.All == true || (h.Spec.All == wanted.All && h.Spec.Account == wanted.Account && h.Spec.Namespace == wanted.Namespace && (h.Spec.Bots ?? []).Order(StringComparer.Ordinal).SequenceEqual((wanted.Bots ?? []).Order(StringComparer.Ordinal)))).ToArray();
        if (chosen.Length == 0 && !lifted)
        {
            throw new UserError(halts.Length == 0 ? "nothing is halted." : $"no halt selects exactly that. In force: {string.Join("; ", halts.Select(h => $"{h.Metadata.Name} ({HaltWords.Whom(h.Spec)}{(h.Spec.Why is { Length: > 0 } why ? $": {why}" : "")})"))}");
        }

        foreach (var halt in chosen)
        {
            await client.UpdateAsync(BotKinds.Halt, halt with { Spec = halt.Spec with { Released = new HaltRelease { By = Environment.UserName, Why = parsed.GetValue(Why), At = TimeProvider.System.GetUtcNow().UtcDateTime } } }, cancellationToken: cancel);
            Console.WriteLine($"{halt.Metadata.Name} ({HaltWords.Whom(halt.Spec)}) is released");
        }

        return ExitCodes.Ok;
    }

    /// <summary>Without the API server: the agent is told by a file; where no agent lives, the guard kills.</summary>
    private static int HaltHere(ParseResult parsed)
    {
        if (parsed.GetValue(All) || parsed.GetValue(Account) is not null || parsed.GetValue(Bot)!.Length > 0 || parsed.GetValue(BotTarget.Namespace) is not null)
        {
            throw new UserError("--local halts all bots of this machine: leave out --all, --account, --bot and -n.", ExitCodes.Usage);
        }

        Preconditions.Root("kaji halt --local");
        var paths = parsed.Paths();
        LocalHalt.Write(paths.HaltFile, parsed.GetValue(Flatten), parsed.GetValue(Why)!);
        if (ServerProcess.Find(paths) is not null)
        {
            Console.WriteLine("All bots of this machine are being brought to rest; they stay so over restarts. `kaji resume --all` lets them go on.");
            return ExitCodes.Ok;
        }

        Console.WriteLine(GuardProcess.Halt(paths)
            ? "Kaji does not run here, so nobody could ask the bots: their processes were killed, and their orders may be open. They stay halted when Kaji is up again, until `kaji resume --all`."
            : "Neither Kaji nor a guard runs here: there was nothing to kill. Bots stay halted when Kaji is up again, until `kaji resume --all`.");
        return ExitCodes.Ok;
    }
}
