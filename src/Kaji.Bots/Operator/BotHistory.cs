using Kaji.Bots.Api;

namespace Kaji.Bots.Operator;

/// <summary>The versions that a bot has had.</summary>
public static class BotHistory
{
    /// <summary>The version that the bot had before the one that its spec asks for: the one that runs in its stead when that failed, else the newest of the others that did not fail. Null when there is none.</summary>
    public static BotRevision? Before(IEnumerable<BotRevision> revisions, Bot bot)
    {
        var now = BotPodMaker.RevisionOf(bot.Spec);
        var taken = bot.Status?.Revision != now ? bot.Status?.GoodRevision : null;
        return revisions.Where(r => NameOf(r) != now && NameOf(r) != bot.Status?.FailedRevision && r.Data is not null).OrderByDescending(r => NameOf(r) == taken).ThenByDescending(r => r.Revision).FirstOrDefault();
    }

    /// <summary>The bot with a version it had; what makes no version stays as it is.</summary>
    public static Bot Restored(Bot bot, BotRevision version) => bot with
    {
        Spec = version.Data! with { Stopped = bot.Spec.Stopped, Handover = bot.Spec.Handover, Guards = bot.Spec.Guards, Freshness = bot.Spec.Freshness, Schedule = bot.Spec.Schedule, Activation = bot.Spec.Activation },
    };

    private static string? NameOf(BotRevision revision) => revision.Metadata.Labels?.TryGetValue(BotNames.RevisionLabel, out var name) == true ? name : null;
}
