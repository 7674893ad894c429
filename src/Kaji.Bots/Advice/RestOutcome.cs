using Kaji.Bots.Api;

namespace Kaji.Bots.Advice;

/// <summary>What has become of a bot that a person stopped or started (<c>kaji stop</c>, <c>kaji start</c>).</summary>
/// <param name="Failed">It does not act, though it was started.</param>
public sealed record RestOutcome(bool Failed, string Message)
{
    /// <summary>Pure: from the bot; null while there is something to wait for.</summary>
    /// <param name="generation">The bot's generation that has the person's wish.</param>
    public static RestOutcome? Of(Bot bot, bool stopped, long generation)
    {
        if (bot.Status is not { } status || bot.Metadata.Generation < generation || status.ObservedGeneration != bot.Metadata.Generation)
        {
            return null;
        }

        var key = $"{bot.Metadata.NamespaceProperty}/{bot.Metadata.Name}";
        var shared = bot.Spec.Activation?.Mode == BotSpec.Shared;
        return (status.Phase, stopped) switch
        {
            (BotPhase.Stopped or BotPhase.Halted, true) when shared => status.Replicas is null or 0 ? new RestOutcome(false, $"{key} is at rest: none of its Pods runs") : null,
            (BotPhase.Stopped or BotPhase.Halted or BotPhase.Waiting, true) => new RestOutcome(false, $"{key} is at rest{(status.LastStop is { } stop ? $": {stop.Outcome.ToLowerInvariant()}{(stop.Fault is { } fault ? ", " + fault : "")}{(stop.OpenOrders is { } open ? $", {open} orders open" : "")}" : "")}"),
            (BotPhase.Active, false) => new RestOutcome(false, shared ? $"{key}: {status.Message}" : $"{key} acts, epoch {status.Epoch}"),
            (BotPhase.Halted, false) => new RestOutcome(true, $"{key} is halted ({status.Message})"),
            (BotPhase.Stopped, false) => new RestOutcome(true, $"{key} may act, but {status.Message}. Next: {NextStep.For(bot, null, [])}"),
            _ => null,
        };
    }
}
