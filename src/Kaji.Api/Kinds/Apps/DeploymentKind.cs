using System.Text.Json.Nodes;
using Kaji.Api.Errors;

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
        WorkloadRules.Validate(obj, errors);
        var strategy = obj.Obj("spec").Obj("strategy");
        if (strategy.Str("type") is not ("RollingUpdate" or "Recreate"))
        {
            errors.NotSupported("spec.strategy.type", strategy.Str("type"), ["Recreate", "RollingUpdate"]);
        }

        if (strategy.Str("type") == "Recreate" && strategy?["rollingUpdate"] is not null)
        {
            errors.Forbidden("spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'");
        }

        if (strategy.Obj("rollingUpdate") is { } rolling)
        {
            WorkloadRules.Share(rolling["maxSurge"], "spec.strategy.rollingUpdate.maxSurge", errors);
            WorkloadRules.Share(rolling["maxUnavailable"], "spec.strategy.rollingUpdate.maxUnavailable", errors);
            if (rolling["maxSurge"].Text() is "0" or "0%" && rolling["maxUnavailable"].Text() is "0" or "0%")
            {
                errors.Invalid("spec.strategy.rollingUpdate.maxUnavailable", rolling["maxUnavailable"].Text(), "may not be 0 when `maxSurge` is 0");
            }
        }

        if (obj.Obj("spec").Int("progressDeadlineSeconds") is { } deadline && deadline <= (obj.Obj("spec").Int("minReadySeconds") ?? 0))
        {
            errors.Invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds");
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => WorkloadRules.SelectorImmutable(obj, old, errors);
}

/// <summary>ReplicaSet.</summary>
internal sealed class ReplicaSetKind : StatusKind
{
    public override IReadOnlyList<string> SelectableFields => ["status.replicas"];

    public override void Default(JsonObject obj)
    {
        obj.Ensure("spec").Default("replicas", 1);
        WorkloadRules.Default(obj.Ensure("spec"));
    }

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["replicas"] = 0 };

    public override void Validate(JsonObject obj, ICollection<FieldError> errors) => WorkloadRules.Validate(obj, errors);

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => WorkloadRules.SelectorImmutable(obj, old, errors);

    public override string SelectableField(JsonObject obj, string field) => obj.Obj("status")?["replicas"].Text() ?? "0";
}

/// <summary>ReplicationController, ReplicaSet's predecessor: its selector is a plain map and defaults to the template's labels.</summary>
internal sealed class ReplicationControllerKind : StatusKind
{
    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        spec.Default("replicas", 1);
        WorkloadRules.Default(spec);
        if (spec["selector"] is null && spec.Obj("template").Obj("metadata").Obj("labels") is { } labels)
        {
            spec["selector"] = labels.DeepClone();
        }
    }

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["replicas"] = 0 };
}

/// <summary>StatefulSet.</summary>
internal sealed class StatefulSetKind : StatusKind
{
    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        spec.Default("replicas", 1);
        spec.Default("revisionHistoryLimit", 10);
        spec.Default("podManagementPolicy", "OrderedReady");
        var strategy = spec.Ensure("updateStrategy");
        strategy.Default("type", "RollingUpdate");
        if (strategy.Str("type") == "RollingUpdate")
        {
            strategy.Ensure("rollingUpdate").Default("partition", 0);
        }

        var retention = spec.Ensure("persistentVolumeClaimRetentionPolicy");
        retention.Default("whenDeleted", "Retain");
        retention.Default("whenScaled", "Retain");
        WorkloadRules.Default(spec);
    }

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["replicas"] = 0 };

    public override void Validate(JsonObject obj, ICollection<FieldError> errors) => WorkloadRules.Validate(obj, errors);

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => WorkloadRules.SelectorImmutable(obj, old, errors);
}

/// <summary>DaemonSet.</summary>
internal sealed class DaemonSetKind : StatusKind
{
    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        spec.Default("revisionHistoryLimit", 10);
        var strategy = spec.Ensure("updateStrategy");
        strategy.Default("type", "RollingUpdate");
        if (strategy.Str("type") == "RollingUpdate")
        {
            strategy.Ensure("rollingUpdate").Default("maxUnavailable", 1);
            strategy.Ensure("rollingUpdate").Default("maxSurge", 0);
        }

        WorkloadRules.Default(spec);
    }

    public override void PrepareForCreate(JsonObject obj) =>
        obj["status"] = new JsonObject { ["currentNumberScheduled"] = 0, ["numberMisscheduled"] = 0, ["desiredNumberScheduled"] = 0, ["numberReady"] = 0 };

    public override void Validate(JsonObject obj, ICollection<FieldError> errors) => WorkloadRules.Validate(obj, errors);

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => WorkloadRules.SelectorImmutable(obj, old, errors);
}
