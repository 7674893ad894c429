using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Warden;

namespace Kaji.Bots.Advice;

/// <summary>What a person types next about a bot: the last line of <c>kaji why</c>.</summary>
public static class NextStep
{
    /// <summary>Pure: from the bot, what its warden says and the halts that hold for it.</summary>
    /// <param name="over">The halts in force that are about the bot (<see cref="HaltWords.Over"/>).</param>
    public static string For(Bot bot, BotReport? report, IReadOnlyList<Halt> over)
    {
        var (ns, name) = (bot.Metadata.NamespaceProperty, bot.Metadata.Name);
        var status = bot.Status ?? new BotStatus();
        var reason = status.Conditions?.FirstOrDefault(c => c.Type == "Ready")?.Reason;
        return (status.Phase, reason) switch
        {
            (null, _) => "kaji status    (the operator has not seen it yet: does it run?)",
            (BotPhase.Halted, _) => $"when the cause is gone: {HaltWords.Release(over)}",
            (BotPhase.Stopped, "Stopped") when bot.Spec.Stopped == true => $"kaji start {ns}/{name}",
            (BotPhase.Stopped, "Stopped") when FleetOf(bot) is null => $"kubectl -n {ns} scale bot {name} --replicas=1",
            (BotPhase.Stopped, "Stopped") => $"{Edit(bot)}    (spec.activation.replicas)",
            (BotPhase.Stopped, "Schedule") => $"nothing needs to be done; to change its hours: {Edit(bot)}",
            (_, "BadSchedule") => $"{Edit(bot)}    (mend spec.schedule)",
            (_, "Forbidden") => $"kubectl describe clusterrole {BotNames.OperatorRole}    (the operator puts its rights right when it starts: kaji up, or kaji operator)",
            (_, "UnknownAccount") => $"kubectl -n {ns} get accounts    (then make the account, or mend spec.account: {Edit(bot)})",
            (_, "AccountDeleted") => $"kubectl -n {ns} get accounts    (make the account again when it is gone, or name another in spec.account: {Edit(bot)})",
            (_, "CreateContainerConfigError") => $"kubectl -n {ns} get secrets,configmaps    (then make what is missing: the credentials of its account, or what its template names)",
            (_, "ErrImagePull" or "ImagePullBackOff" or "InvalidImageName") => $"kaji deploy {ns}/{name} --image NAME    (or make the image available)",
            (_, "VersionGone" or "PodRefused") => Edit(bot),
            (_, "ClaimRefused") => $"kaji bots    (stop the bot that holds the claim, or take the market from this one: {Edit(bot)})",
            (_, "NameTaken") => $"delete what has that name, when nobody needs it; else give the bot another name{(FleetOf(bot) is null ? "" : $": {Edit(bot)}")}",
            (_, "BadTemplate") => Edit(bot),
            (BotPhase.CrashLoop, _) => $"kaji logs {ns}/{name}    (then kaji rollback {ns}/{name}, or kaji deploy {ns}/{name} --image NAME)",
            _ when status.Conditions?.Any(c => c is { Type: "Reverted", Status: "True", Reason: "BadTemplate" }) == true => $"{Edit(bot)}    (mend spec.template)",
            _ when status.Conditions?.Any(c => c.Type == "Reverted" && c.Status == "True") == true => $"kaji logs {ns}/{name} --previous    (then mend the new version and kaji deploy it)",
            (BotPhase.Starting or BotPhase.HandingOver, _) when report?.Fault is not null => $"kaji logs {ns}/{name}",
            (BotPhase.Active, _) => $"nothing needs to be done; kaji logs {ns}/{name} -f shows what it says",
            _ when status is { ActivePod: null, StandbyPod: null, Replicas: null or 0 } => $"nothing but to look again in a moment: kaji why {ns}/{name}",
            _ => $"kubectl -n {ns} describe pods -l {BotNames.BotLabel}={name}",
        };
    }

    /// <summary>Name of the fleet that a bot is of; null for one of its own.</summary>
    public static string? FleetOf(Bot bot) => bot.Metadata.Labels?.TryGetValue(BotNames.FleetLabel, out var fleet) == true ? fleet : null;

    /// <summary>What its fleet says when the fleet needs a person; null when it doesn't.</summary>
    public static string? Trouble(BotFleet? fleet) =>
        fleet?.Status is { Phase: "Invalid" or "Refused" or "RolloutFailed" or "Paused" } status && status.ObservedGeneration == fleet.Metadata.Generation ? $"{status.Phase}: {status.Message}" : null;

    /// <summary>The messages of events, oldest first, each once: as it was last said.</summary>
    public static IReadOnlyList<Corev1Event> Lately(IEnumerable<Corev1Event> events, int most) =>
        [.. events.OrderByDescending(TimeOf).DistinctBy(e => e.Message, StringComparer.Ordinal).Take(most).Reverse()];

    public static DateTime TimeOf(Corev1Event e) => e.LastTimestamp ?? e.Metadata.CreationTimestamp ?? default;

    /// <summary>A fleet would undo what is changed in one of its bots.</summary>
    private static string Edit(Bot bot) => FleetOf(bot) is { } fleet ? $"kubectl -n {bot.Metadata.NamespaceProperty} edit botfleet {fleet}" : $"kubectl -n {bot.Metadata.NamespaceProperty} edit bot {bot.Metadata.Name}";
}
