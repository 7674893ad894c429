using k8s.Models;
using Kaji.Bots.Api;

namespace Kaji.Bots.Operator;

/// <summary>Where a Shared bot is in its life, from its Deployment and Pods. Pure; the operator's halts and the bot's own status count by the same.</summary>
public sealed record SharedState(string Phase, string Reason, string Message)
{
    /// <summary>It acts as it should: all replicas of this version, and none of another.</summary>
    public bool Acts => Phase == BotPhase.Active;

    /// <param name="deployment">The bot's own; null when there is none.</param>
    /// <param name="replicas">How many should act.</param>
    /// <param name="idle">Why none should; null when some should.</param>
    public static SharedState Of(V1Deployment? deployment, IReadOnlyList<BotPod> pods, int replicas, string revision, (string Phase, string Reason, string Message)? idle)
    {
        if (idle is { } rest)
        {
            return AtRest(deployment, pods) ? new SharedState(rest.Phase, rest.Reason, rest.Message) : new SharedState(BotPhase.Stopping, rest.Reason, $"stopping: {rest.Message}");
        }

        var status = deployment?.Status;
        var current = status?.ObservedGeneration is { } seen && seen >= deployment!.Metadata.Generation;
        var (updated, available) = current ? (status!.UpdatedReplicas ?? 0, status.AvailableReplicas ?? 0) : (0, 0);
        var old = pods.Count(p => !p.Ended && p.Revision != revision);
        if (current && updated >= replicas && available >= replicas && old == 0)
        {
            return new SharedState(BotPhase.Active, "Replicas", $"{available} of {replicas} act");
        }

        var trouble = pods.FirstOrDefault(p => p is { Ready: false, Deleting: false, Trouble: not null } && p.Revision == revision);
        var message = trouble is not null ? $"{trouble.Name}: {trouble.Trouble}"
            : !current ? "its Deployment is taken in"
            : updated < replicas ? $"{updated} of {replicas} have version {revision}"
            : available < replicas ? $"{available} of {replicas} are ready"
            : $"{old} of another version come to their end";
        return new SharedState(BotPhase.Starting, "Replicas", message);
    }

    /// <summary>None of it runs, and none will: its Deployment asks for none and has taken that in, and no Pod is left.</summary>
    public static bool AtRest(V1Deployment? deployment, IReadOnlyList<BotPod> pods) =>
        pods.All(p => p.Ended)
        && (deployment is null || (deployment is { Spec.Replicas: 0, Status: { Replicas: null or 0, ObservedGeneration: { } seen } } && seen >= deployment.Metadata.Generation));

    /// <summary>Whether a Deployment of the bot's name is the bot's.</summary>
    public static bool Owns(Bot bot, V1Deployment deployment) => deployment.Metadata.OwnerReferences?.Any(o => o.Controller == true && o.Uid == bot.Metadata.Uid) == true;
}
