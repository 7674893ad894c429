using System.Text.Json.Nodes;

namespace Kaji.Api.Kinds.Apps;

/// <summary>Deployment: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/deployment-v1/</summary>
internal sealed class DeploymentKind : StatusKind
{
    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        spec.Default("replicas", 1);
        spec.Default("revisionHistoryLimit", 10);
        spec.Default("progressDeadlineSeconds", 600);
        var strategy = spec.Ensure("strategy");
        strategy.Default("type", "RollingUpdate");
        if (strategy.Str("type") == "RollingUpdate")
        {
            var rolling = strategy.Ensure("rollingUpdate");
            rolling.Default("maxUnavailable", "25%");
            rolling.Default("maxSurge", "25%");
        }

        WorkloadRules.Default(spec);
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = WorkloadRules.Spec(obj, errors);
        spec.NonNegative("replicas");
        WorkloadRules.Selector(spec, "empty selector is invalid for deployment");
        WorkloadRules.Template(spec, "ReplicaSet");
        Strategy(spec.Of("strategy"));
        spec.NonNegative("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds");
        if (spec.Int("progressDeadlineSeconds") is { } deadline && deadline <= (spec.Int("minReadySeconds") ?? 0))
        {
            spec.Invalid("progressDeadlineSeconds", deadline, "must be greater than minReadySeconds");
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => WorkloadRules.SelectorImmutable(obj, old, errors);

    public override void ValidateStatusUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        WorkloadRules.Status(obj, errors, "updatedReplicas", "readyReplicas", "availableReplicas");
        new Fields(obj.Obj("status") ?? [], "status", errors).NonNegative("unavailableReplicas");
        WorkloadRules.Collisions(obj, old, errors);
    }

    public override void Warn(JsonObject obj, JsonObject? old, Action<string> warn) => WorkloadRules.Warn(obj, old, warn);

    private static void Strategy(Fields strategy)
    {
        strategy.OneOf("type", "Recreate", "RollingUpdate");
        if (strategy.Str("type") == "Recreate" && strategy.Has("rollingUpdate"))
        {
            strategy.Forbidden("rollingUpdate", "may not be specified when strategy `type` is 'Recreate'");
        }
        else if (strategy.Str("type") == "RollingUpdate" && strategy.Sub("rollingUpdate") is { } rolling)
        {
            rolling.Share("maxUnavailable", atMostAll: true);
            rolling.Share("maxSurge");
            if (rolling.Text("maxSurge") is "0" or "0%" && rolling.Text("maxUnavailable") is "0" or "0%")
            {
                rolling.Invalid("maxUnavailable", rolling.Object["maxUnavailable"], "may not be 0 when `maxSurge` is 0");
            }
        }
    }
}
