using k8s.Models;
using Kaji.Controllers.Pods;

namespace Kaji.Controllers.Deployments;

/// <summary>A Deployment's status and conditions from its ReplicaSets, with Kubernetes' reasons. Pure.</summary>
internal static class DeploymentStatusPlan
{
    private const string Done = "NewReplicaSetAvailable";
    private const string Paused = "DeploymentPaused";
    private const string Late = "ProgressDeadlineExceeded";

    /// <param name="newest">The set of the present template; null while it has not been made.</param>
    /// <param name="created">Whether it was made just now.</param>
    /// <param name="all">Every set of the Deployment.</param>
    public static V1DeploymentStatus Of(V1Deployment deployment, V1ReplicaSet? newest, bool created, IReadOnlyList<V1ReplicaSet> all, DateTimeOffset now)
    {
        var available = all.Sum(s => s.Status?.AvailableReplicas ?? 0);
        var status = new V1DeploymentStatus
        {
            ObservedGeneration = deployment.Metadata.Generation,
            Replicas = all.Sum(s => s.Status?.Replicas ?? 0),
            UpdatedReplicas = newest?.Status?.Replicas ?? 0,
            ReadyReplicas = all.Sum(s => s.Status?.ReadyReplicas ?? 0),
            AvailableReplicas = available,
            UnavailableReplicas = Math.Max(0, all.Sum(s => s.Spec.Replicas ?? 0) - available),
            TerminatingReplicas = all.Sum(s => s.Status?.TerminatingReplicas ?? 0),
            CollisionCount = deployment.Status?.CollisionCount,
        };
        status.Conditions = [Available(deployment, available, now)];
        foreach (var condition in (ReadOnlySpan<V1DeploymentCondition?>)[Progressing(deployment, newest, created, status, now), Failure(newest, all, deployment, now)])
        {
            if (condition is not null)
            {
                status.Conditions.Add(condition);
            }
        }

        return status;
    }

    /// <summary>Whether the rollout is through: all replicas wanted are of the present template and available, and there are no others.</summary>
    public static bool IsComplete(V1Deployment deployment, V1DeploymentStatus status)
    {
        var wanted = deployment.Spec.Replicas ?? 1;
        return status.UpdatedReplicas == wanted && status.Replicas == wanted && status.AvailableReplicas == wanted;
    }

    /// <summary>When a rollout under way must have moved; null when there is none, or no deadline.</summary>
    public static DateTimeOffset? Deadline(V1Deployment deployment, V1DeploymentStatus status) =>
        HasDeadline(deployment) && status.Conditions?.FirstOrDefault(c => c.Type == "Progressing") is { Reason: not (Done or Paused or Late), LastUpdateTime: { } since }
            ? PodFacts.Utc(since).AddSeconds(deployment.Spec.ProgressDeadlineSeconds ?? 600) : null;

    /// <summary>The largest number stands for "none".</summary>
    private static bool HasDeadline(V1Deployment deployment) => deployment.Spec.ProgressDeadlineSeconds is not int.MaxValue;

    private static V1DeploymentCondition Available(V1Deployment deployment, int available, DateTimeOffset now)
    {
        var enough = available >= (deployment.Spec.Replicas ?? 1) - RollingMath.Limits(deployment).Unavailable;
        return enough
            ? Condition(deployment, "Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", now)
            : Condition(deployment, "Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.", now);
    }

    private static V1DeploymentCondition? Progressing(V1Deployment deployment, V1ReplicaSet? newest, bool created, V1DeploymentStatus status, DateTimeOffset now)
    {
        if (!HasDeadline(deployment))
        {
            return null;
        }

        var old = deployment.Status?.Conditions?.FirstOrDefault(c => c.Type == "Progressing");
        V1DeploymentCondition Say(string value, string reason, string message, bool moved = false) => Condition(deployment, "Progressing", value, reason, message, now, moved);
        if (deployment.Spec.Paused == true)
        {
            return old?.Reason == Late ? old : Say("Unknown", Paused, "Deployment is paused");
        }

        if (created)
        {
            return Say("True", "NewReplicaSetCreated", $"Created new replica set \"{newest!.Metadata.Name}\"", moved: true);
        }

        // Once through, a rollout is through: Pods that fail later, or a change of size, do not bring its deadline back.
        if (newest is null || (old?.Reason == Done && status.Replicas == status.UpdatedReplicas))
        {
            return old;
        }

        if (IsComplete(deployment, status))
        {
            return Say("True", Done, $"ReplicaSet \"{newest.Metadata.Name}\" has successfully progressed.");
        }

        if (old is null)
        {
            return Say("True", "FoundNewReplicaSet", $"Found new replica set \"{newest.Metadata.Name}\"");
        }

        if (HasMoved(deployment.Status!, status) || old.Reason == Done)
        {
            return Say("True", "ReplicaSetUpdated", $"ReplicaSet \"{newest.Metadata.Name}\" is progressing.", moved: true);
        }

        if (old.Reason == Paused)
        {
            return Say("Unknown", "DeploymentResumed", "Deployment is resumed");
        }

        var late = old.LastUpdateTime is { } since && PodFacts.Utc(since).AddSeconds(deployment.Spec.ProgressDeadlineSeconds ?? 600) <= now;
        return old.Reason != Late && late ? Say("False", Late, $"ReplicaSet \"{newest.Metadata.Name}\" has timed out progressing.") : old;
    }

    private static bool HasMoved(V1DeploymentStatus before, V1DeploymentStatus after) =>
        after.UpdatedReplicas > (before.UpdatedReplicas ?? 0)
        || after.Replicas - after.UpdatedReplicas < (before.Replicas ?? 0) - (before.UpdatedReplicas ?? 0)
        || after.ReadyReplicas > (before.ReadyReplicas ?? 0)
        || after.AvailableReplicas > (before.AvailableReplicas ?? 0);

    private static V1DeploymentCondition? Failure(V1ReplicaSet? newest, IEnumerable<V1ReplicaSet> all, V1Deployment deployment, DateTimeOffset now) => all
        .OrderBy(s => s.Metadata.Uid == newest?.Metadata.Uid ? 0 : 1)
        .SelectMany(s => s.Status?.Conditions ?? []).Where(c => c is { Type: "ReplicaFailure", Status: "True" })
        .Select(c => Condition(deployment, "ReplicaFailure", "True", c.Reason, c.Message, now)).FirstOrDefault();

    /// <param name="moved">Whether the condition's clock starts again though its words are the same.</param>
    private static V1DeploymentCondition Condition(V1Deployment deployment, string type, string status, string reason, string message, DateTimeOffset now, bool moved = false)
    {
        var old = deployment.Status?.Conditions?.FirstOrDefault(c => c.Type == type);
        if (old is not null && old.Status == status && old.Reason == reason && old.Message == message && !moved)
        {
            return old;
        }

        return new V1DeploymentCondition
        {
            Type = type, Status = status, Reason = reason, Message = message, LastUpdateTime = now.UtcDateTime,
            LastTransitionTime = old?.Status == status ? old.LastTransitionTime : now.UtcDateTime,
        };
    }
}
