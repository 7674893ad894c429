using System.Globalization;
using Kaji.Bots.Api;
using Kaji.Bots.Fence;
using Kaji.Client;

namespace Kaji.Bots.Operator;

/// <content>Why a bot must not run now, and what it holds on its account.</content>
public sealed partial class BotController
{
    /// <summary>Why a bot must not run now; null when it may. Takes the claim of the version that is to run.</summary>
    private async Task<((string Phase, string Reason, string Message)? Idle, IList<string>? Claim)> ClaimAsync(Bot bot, FenceRecord? record, IReadOnlyList<BotPod> pods, CancellationToken cancellationToken)
    {
        var spec = SpecOf(bot, BotPlan.TargetOf(bot.Status, BotPodMaker.RevisionOf(bot.Spec))) ?? bot.Spec;
        if (IdleOf(bot, spec) is { } idle)
        {
            return (idle, null);
        }

        if (BotPodMaker.AccountOf(bot, spec) is not { } name)
        {
            return (null, null);
        }

        if (AccountOf(name) is not { } account)
        {
            return ((BotPhase.Waiting, "UnknownAccount", $"account {name} does not exist"), null);
        }

        if (account.Metadata.DeletionTimestamp is not null && record is null or { Released: true } or { Epoch: 0 })
        {
            return ((BotPhase.Waiting, "AccountDeleted", $"account {name} is being deleted: bots that act on it go on, but nobody begins"), null);
        }

        return await TakeAsync(bot, spec, account, record, pods, cancellationToken) is { } refused ? ((BotPhase.Waiting, "ClaimRefused", refused), null) : (null, ClaimedBy(name, spec));
    }

    private (string Phase, string Reason, string Message)? IdleOf(Bot bot, BotSpec spec)
    {
        var (ns, name) = (bot.Metadata.NamespaceProperty, bot.Metadata.Name);
        if (bot.Metadata.DeletionTimestamp is not null)
        {
            return (BotPhase.Stopped, "Deleted", "it is deleted");
        }

        if (_halts.Find(ns, name, BotPodMaker.AccountOf(bot, spec), bot.Metadata.Labels) is { } halt)
        {
            return (BotPhase.Halted, "Halted", $"halt {halt.Name}{(halt.Why.Length > 0 ? ": " + halt.Why : "")}");
        }

        if (bot.Spec.Stopped == true || bot.Spec.Activation?.Replicas == 0)
        {
            return (BotPhase.Stopped, "Stopped", bot.Spec.Stopped == true ? "it was stopped by a person (spec.stopped)" : "spec.activation.replicas is 0");
        }

        var now = Time.GetUtcNow();
        var (runs, change, fault) = ScheduleRule.At(bot.Spec.Schedule, now);
        if (change is { } wait)
        {
            EnqueueAfter(ns, name, wait + TimeSpan.FromMilliseconds(10));
        }

        return runs ? null
            : fault is not null ? (BotPhase.Waiting, "BadSchedule", fault)
            : (BotPhase.Stopped, "Schedule", change is { } rest ? string.Create(CultureInfo.InvariantCulture, $"its schedule has it rest until {now + rest:yyyy-MM-dd HH:mm} UTC") : "its schedule never has it run");
    }

    /// <summary>Takes what a version needs; what the version that acts, and the one that may be gone back to, have is kept.</summary>
    /// <returns>Why it can't have it; null when it has.</returns>
    private async Task<string?> TakeAsync(Bot bot, BotSpec spec, Account account, FenceRecord? record, IReadOnlyList<BotPod> pods, CancellationToken cancellationToken)
    {
        var name = $"{account.Metadata.NamespaceProperty}/{account.Metadata.Name}";
        var kept = KeptOf(bot, record, pods).Where(s => BotPodMaker.AccountOf(bot, s) == name).Select(s => s.Markets);
        var claim = ClaimPlan.Take(account, $"{bot.Metadata.NamespaceProperty}/{bot.Metadata.Name}", spec.Markets, record?.Epoch ?? 0, kept);
        if (claim.Claims is { } claims)
        {
            await WriteClaimsAsync(account, claims, cancellationToken);
        }

        return claim.Refused;
    }

    /// <summary>Versions that act, or may be gone back to.</summary>
    private IEnumerable<BotSpec> KeptOf(Bot bot, FenceRecord? record, IReadOnlyList<BotPod> pods)
    {
        var held = record is { Released: false, Epoch: > 0 } lease ? pods.FirstOrDefault(p => p.Name == lease.Holder)?.Revision ?? bot.Status?.Revision : null;
        return new[] { held, bot.Status?.GoodRevision }.OfType<string>().Distinct(StringComparer.Ordinal).Select(r => SpecOf(bot, r)).OfType<BotSpec>();
    }

    /// <summary>Lets go of accounts that no version of the bot acts on any more; of all, once it is at rest and is to stay so.</summary>
    private async Task ReleaseFormerClaimsAsync(Bot bot, BotView view, CancellationToken cancellationToken)
    {
        HashSet<string> named;
        if (view.Idle is not null && view.AtRest)
        {
            named = [];
        }
        else
        {
            named = [.. KeptOf(bot, view.Lease, view.Pods).Append(bot.Spec).Select(s => BotPodMaker.AccountOf(bot, s)).OfType<string>()];
            if (bot.Status?.Claim?.All(c => named.Contains(AccountIn(c))) != false)
            {
                return;
            }
        }

        foreach (var account in _informers.Accounts.List().Where(a => !named.Contains($"{a.Metadata.NamespaceProperty}/{a.Metadata.Name}")))
        {
            if (ClaimPlan.Release(account, $"{bot.Metadata.NamespaceProperty}/{bot.Metadata.Name}").Claims is { } claims)
            {
                await WriteClaimsAsync(account, claims, cancellationToken);
            }
        }
    }

    private Account? AccountOf(string name) => _informers.Accounts.Get(name.Split('/')[0], name.Split('/')[1]);

    /// <summary>As a bot's status says it: NAMESPACE/ACCOUNT/MARKET.</summary>
    private static string[] ClaimedBy(string account, BotSpec spec) => [.. (spec.Markets is { Count: > 0 } markets ? markets : [AccountClaim.All]).Select(m => $"{account}/{m}")];

    private static string AccountIn(string claim) => claim.Split('/') is [var ns, var account, ..] ? $"{ns}/{account}" : "";

    private async Task WriteClaimsAsync(Account account, IList<AccountClaim> claims, CancellationToken cancellationToken) =>
        await _client.UpdateAsync(BotKinds.Account, account with { Status = (account.Status ?? new AccountStatus()) with { Claims = claims } }, "status", cancellationToken);
}
