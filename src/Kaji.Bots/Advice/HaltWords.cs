using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Fence;
using Kaji.Bots.Operator;
using Kaji.Bots.Warden;

namespace Kaji.Bots.Advice;

/// <summary>Halts as a person is told of them: whom one selects, and what to type to release it.</summary>
public static class HaltWords
{
    public static string Whom(HaltSpec halt) =>
        halt.All == true ? "all" : halt.Account is { } account ? $"account {account}" : halt.Namespace is { } ns ? $"namespace {ns}" : halt.Bots is { } bots ? $"bots {string.Join(", ", bots)}" : "by labels";

    /// <summary>The command that releases exactly this halt.</summary>
    public static string Release(Halt halt) => halt.Spec switch
    {
        { All: true } => "kaji resume --all",
        { Account: { } account } => $"kaji resume --account {account}",
        { Namespace: { } ns } => $"kaji resume -n {ns}",
        { Bots: { } bots } => $"kaji resume {string.Join(' ', bots.Select(b => $"--bot {b}"))}",
        _ => $"kubectl patch halt {halt.Metadata.Name} --type=merge -p '" + """{"spec":{"released":{"why":"TEXT"}}}'""",
    };

    /// <summary>The halts in force that are about a bot, in the order in which the operator looks at them.</summary>
    public static IReadOnlyList<Halt> Over(Bot bot, IEnumerable<Halt> halts) =>
        [.. halts.Where(h => h.Spec.Released is null && Selects(h.Spec, bot)).OrderByDescending(h => h.Spec.Flatten == true).ThenBy(h => h.Metadata.Name, StringComparer.Ordinal)];

    /// <summary>What to type so that a bot may act again; a halt that no object tells of was made on the bot's machine.</summary>
    public static string Release(IReadOnlyList<Halt> over) => over.Count == 0 ? "kaji resume --all" : string.Join("; ", over.Select(Release).Distinct(StringComparer.Ordinal));

    /// <summary>Whether a bot is halted by <c>kaji halt --local</c>, of which the API server has not been told yet.</summary>
    public static bool IsLocal(Bot bot) => bot.Status is { Phase: BotPhase.Halted, Message: { } message } && (message == "halt local" || message.StartsWith("halt local:", StringComparison.Ordinal));

    /// <summary>How many bots of a selection hold no epoch: a halt that flattens finds nobody there whom it could tell to close positions.</summary>
    public static int AtRest(HaltSpec halt, IEnumerable<Bot> bots, IEnumerable<V1Lease> leases)
    {
        var held = leases.Where(l => LeaseRecord.Of(l) is { Released: false, Epoch: > 0 }).Select(l => (l.Metadata.NamespaceProperty, l.Metadata.Name)).ToHashSet();
        return bots.Count(b => b.Spec.Activation?.Mode != BotSpec.Shared && Selects(halt, b) && !held.Contains((b.Metadata.NamespaceProperty, BotNames.LeaseOf(b.Metadata.Name))));
    }

    private static bool Selects(HaltSpec halt, Bot bot) => HaltBook.Selects(halt, bot.Metadata.NamespaceProperty, bot.Metadata.Name, BotPodMaker.AccountOf(bot, bot.Spec), bot.Metadata.Labels);
}
