using Kaji.Bots.Api;

namespace Kaji.Bots.Operator;

/// <summary>A bot's claim on its account: what the account's claims become, or why it can't have it.</summary>
/// <param name="Claims">The account's new claims; null when they stay as they are.</param>
/// <param name="Refused">Why not; null when the bot has its claim.</param>
public sealed record ClaimPlan(IList<AccountClaim>? Claims, string? Refused)
{
    /// <summary>Takes the markets that a bot is to act on, and lets go of those that no version of it needs any more.</summary>
    /// <param name="bot">NAMESPACE/NAME.</param>
    /// <param name="markets">Of the version that is to act.</param>
    /// <param name="kept">Of versions that still act, or may be gone back to: what it has of these it keeps.</param>
    public static ClaimPlan Take(Account account, string bot, IList<string>? markets, long epoch, params IEnumerable<IList<string>?> kept)
    {
        string[] wanted = Names(markets);
        var keeps = kept.SelectMany(Names).ToHashSet(StringComparer.Ordinal);
        var claims = account.Status?.Claims ?? [];
        if (Allowed(account, bot) is { } not)
        {
            return new ClaimPlan(null, not);
        }

        var other = claims.FirstOrDefault(c => c.Bot != bot && (c.Market == AccountClaim.All || wanted.Contains(AccountClaim.All, StringComparer.Ordinal) || wanted.Contains(c.Market, StringComparer.Ordinal)));
        if (other is not null)
        {
            return new ClaimPlan(null, $"account {account.Metadata.Name}: {(other.Market == AccountClaim.All ? "all markets are" : $"market {other.Market} is")} claimed by bot {other.Bot}; it gets the claim when that one is stopped and gives it up");
        }

        var rest = claims.Where(c => c.Bot == bot && keeps.Contains(c.Market) && !wanted.Contains(c.Market, StringComparer.Ordinal));
        IList<AccountClaim> next = [.. claims.Where(c => c.Bot != bot).Concat(rest).Concat(wanted.Select(m => new AccountClaim { Market = m, Bot = bot, Epoch = epoch == 0 ? null : epoch })).OrderBy(c => c.Market, StringComparer.Ordinal)];
        return new ClaimPlan(Same(claims, next) ? null : next, null);
    }

    /// <summary>Lets go of all that a bot has.</summary>
    public static ClaimPlan Release(Account account, string bot)
    {
        var claims = account.Status?.Claims ?? [];
        return new ClaimPlan(claims.Any(c => c.Bot == bot) ? [.. claims.Where(c => c.Bot != bot)] : null, null);
    }

    private static string[] Names(IList<string>? markets) => markets is { Count: > 0 } ? [.. markets] : [AccountClaim.All];

    private static string? Allowed(Account account, string bot)
    {
        var (ns, name) = (bot.Split('/')[0], bot.Split('/')[1]);
        var who = account.Spec.Claimants;
        if (ns != account.Metadata.NamespaceProperty && who?.Namespaces?.Contains(ns, StringComparer.Ordinal) != true)
        {
            return $"account {account.Metadata.NamespaceProperty}/{account.Metadata.Name} may not be claimed from namespace {ns} (spec.claimants.namespaces)";
        }

        return who?.Bots is { Count: > 0 } bots && !bots.Contains(bot, StringComparer.Ordinal) && !(ns == account.Metadata.NamespaceProperty && bots.Contains(name, StringComparer.Ordinal))
            ? $"account {account.Metadata.Name} may not be claimed by bot {bot} (spec.claimants.bots)"
            : null;
    }

    private static bool Same(IList<AccountClaim> a, IList<AccountClaim> b) => a.Count == b.Count && a.OrderBy(c => c.Market, StringComparer.Ordinal).SequenceEqual(b);
}
