using Kaji.Bots.Api;
using Kaji.Bots.Operator;

namespace Kaji.Bots.Advice;

/// <summary>What has become of a version that a person brought to a bot (<c>kaji deploy</c>, <c>kaji rollback</c>).</summary>
/// <param name="Failed">The version does not act and won't by itself.</param>
public sealed record DeployOutcome(bool Failed, string Message)
{
    /// <summary>Pure: from the bot before and now, and its fleet; null while there is something to wait for.</summary>
    /// <param name="fleet">The fleet through which the change comes; null for a bot of its own.</param>
    /// <param name="fleetGeneration">The generation of the fleet that has the change.</param>
    public static DeployOutcome? Of(Bot before, Bot? bot, BotFleet? fleet, long fleetGeneration)
    {
        if (bot is null)
        {
            return new DeployOutcome(true, $"bot {before.Metadata.Name} was deleted meanwhile.");
        }

        var wanted = BotPodMaker.RevisionOf(bot.Spec);
        var seen = HasChanged(before, bot) && bot.Status?.ObservedGeneration == bot.Metadata.Generation;
        if (seen && wanted != BotPodMaker.RevisionOf(before.Spec))
        {
            return OfVersion(bot, bot.Status!, wanted);
        }

        if (fleet is not null && (fleet.Metadata.Generation < fleetGeneration || fleet.Status?.ObservedGeneration != fleet.Metadata.Generation))
        {
            return null;
        }

        // A fleet that can't bring the change ends the wait; one that is held up by another bot only does not.
        var held = fleet?.Status?.Phase switch
        {
            "RolloutFailed" => true,
            "Invalid" or "Paused" => !HasChanged(before, bot),
            "Refused" => !HasChanged(before, bot) && fleet.Status.Message?.Contains($"bot {bot.Metadata.Name}: ", StringComparison.Ordinal) == true,
            _ => false,
        };
        return held ? new DeployOutcome(true, $"fleet {fleet!.Metadata.Name} is {fleet.Status!.Phase}: {fleet.Status.Message}") : seen && fleet?.Status?.Phase != "RollingOut" ? new DeployOutcome(false, "nothing that runs has changed") : null;
    }

    /// <summary>What is to be said while there is something to wait for: what the bot does with the version or, until it has it, its fleet.</summary>
    public static string? Word(Bot before, Bot bot, BotFleet? fleet, long fleetGeneration) =>
        HasChanged(before, bot) ? (bot.Status is { Message: { } message } status && status.ObservedGeneration == bot.Metadata.Generation ? $"{status.Phase}: {message}" : null)
        : fleet?.Status is { Message: { } said } its && fleet.Metadata.Generation >= fleetGeneration && its.ObservedGeneration == fleet.Metadata.Generation ? $"fleet {fleet.Metadata.Name}: {said}" : null;

    private static bool HasChanged(Bot before, Bot bot) => bot.Metadata.Generation != before.Metadata.Generation;

    private static DeployOutcome? OfVersion(Bot bot, BotStatus status, string wanted) => status switch
    {
        { FailedRevision: { } failed } when failed == wanted => new DeployOutcome(true, $"the new version was taken back: {status.Conditions?.FirstOrDefault(c => c.Type == "Reverted")?.Message ?? status.Message}"),
        { Phase: BotPhase.Active } when status.Revision == wanted => new DeployOutcome(false, status.Epoch is null ? $"{status.Message}."
            : $"epoch {status.Epoch} acts{(status.LastGapMilliseconds is { } gap ? $"; {gap} ms passed between the two" : "")}. It is taken back by itself if it fails within {bot.Spec.Handover?.RevertWindowSeconds ?? 30} s."),
        { Phase: BotPhase.Stopped or BotPhase.Halted } => new DeployOutcome(false, $"the bot is {status.Phase}: the new version comes with its next start"),
        _ => null,
    };
}
