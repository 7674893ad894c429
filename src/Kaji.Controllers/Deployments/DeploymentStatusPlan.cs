using k8s.Models;

namespace Kaji.Controllers.Deployments;

/// <summary>A Deployment's status and conditions from its ReplicaSets, with Kubernetes' reasons. Pure.</summary>
internal static class DeploymentStatusPlan
{
    public static V1DeploymentStatus Of(V1Deployment deployment, V1ReplicaSet? newest, bool created, IReadOnlyList<V1ReplicaSet> all, DateTimeOffset now)
    {
        var wanted = deployment.Spec.Replicas ?? 1;
        var total = all.Sum(s => s.Status?.Replicas ?? 0);
        var available = all.Sum(s => s.Status?.AvailableReplicas ?? 0);
        var status = new V1DeploymentStatus
        {
            ObservedGeneration = deployment.Metadata.Generation,
            Replicas = total,
            UpdatedReplicas = newest?.Status?.Replicas ?? 0,
            ReadyReplicas = all.Sum(s => s.Status?.ReadyReplicas ?? 0),
            AvailableReplicas = available,
            UnavailableReplicas = Math.Max(0, Math.Max(total, wanted) - available),
            TerminatingReplicas = all.Sum(s => s.Status?.TerminatingReplicas ?? 0),
            CollisionCount = deployment.Status?.CollisionCount,
        };
        status.Conditions = [Available(deployment, wanted, available, now), .. Progressing(deployment, newest, created, status, now), .. Failure(all, deployment, now)];
        return status;
    }

    /// <summary>Whether the rollout is through.</summary>
    public static bool Complete(V1Deployment deployment, V1DeploymentStatus status)
    {
        var wanted = deployment.Spec.Replicas ?? 1;
        return status.UpdatedReplicas == wanted && status.Replicas == wanted && status.AvailableReplicas == wanted;
    }

    private static V1DeploymentCondition Available(V1Deployment deployment, int wanted, int available, DateTimeOffset now)
    {
        var enough = available >= wanted - RollingMath.Limits(deployment).Unavailable;
        return Condition(deployment, "Available", enough ? "True" : "False", enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable", enough ? "Deployment has minimum availability." : "Deployment does not have minimum availability.", now, progressed: false);
    }

    private static IEnumerable<V1DeploymentCondition> Progressing(V1Deployment deployment, V1ReplicaSet? newest, bool created, V1DeploymentStatus status, DateTimeOffset now)
    {
        var old = deployment.Status?.Conditions?.FirstOrDefault(c => c.Type == "Progressing");
        var name = newest?.Metadata.Name ?? "";
        if (deployment.Spec.Paused == true)
        {
            yield return Condition(deployment, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", now, progressed: false);
            yield break;
        }

        if (newest is null)
        {
            if (old is not null)
            {
                yield return old;
            }

            yield break;
        }

        if (Complete(deployment, status))
        {
            yield return Condition(deployment, "Progressing", "True", "NewReplicaSetAvailable", $"ReplicaSet \"{name}\" has successfully progressed.", now, progressed: old?.Reason != "NewReplicaSetAvailable");
            yield break;
        }

        var before = deployment.Status;
        var moved = created || before is null
            || status.UpdatedReplicas > (before.UpdatedReplicas ?? 0)
            || status.Replicas - status.UpdatedReplicas < (before.Replicas ?? 0) - (before.UpdatedReplicas ?? 0)
            || status.ReadyReplicas > (before.ReadyReplicas ?? 0)
            || status.AvailableReplicas > (before.AvailableReplicas ?? 0);
        if (created)
        {
            yield return Condition(deployment, "Progressing", "True", "NewReplicaSetCreated", $"Created new replica set \"{name}\"", now, progressed: true);
        }
        else if (moved || old is null || old.Reason is "DeploymentPaused" or "NewReplicaSetAvailable")
        {
            yield return Condition(deployment, "Progressing", "True", "ReplicaSetUpdated", $"ReplicaSet \"{name}\" is progressing.", now, progressed: true);
        }
        else if (old.LastUpdateTime is { } since && Pods.PodFacts.Utc(since).AddSeconds(deployment.Spec.ProgressDeadlineSeconds ?? 600) <= now)
        {
            yield return Condition(deployment, "Progressing", "False", "ProgressDeadlineExceeded", $"ReplicaSet \"{name}\" has timed out progressing.", now, progressed: false);
        }
        else
        {
            yield return old;
        }
    }

    private static IEnumerable<V1DeploymentCondition> Failure(IReadOnlyList<V1ReplicaSet> all, V1Deployment deployment, DateTimeOffset now) => all
        .SelectMany(s => s.Status?.Conditions ?? []).Where(c => c is { Type: "ReplicaFailure", Status: "True" }).Take(1)
        .Select(c => Condition(deployment, "ReplicaFailure", "True", c.Reason, c.Message, now, progressed: false));

    private static V1DeploymentCondition Condition(V1Deployment deployment, string type, string status, string reason, string message, DateTimeOffset now, bool progressed)
    {
        var old = deployment.Status?.Conditions?.FirstOrDefault(c => c.Type == type);
        var same = old is not null && old.Status == status && old.Reason == reason && old.Message == message && !progressed;
        return same ? old! : new V1DeploymentCondition
        {
            Type = type, Status = status, Reason = reason, Message = message, LastUpdateTime = now.UtcDateTime,
            LastTransitionTime = old?.Status == status ? old.LastTransitionTime : now.UtcDateTime,
        };
    }
}
