using System.Text.Json.Nodes;

namespace Kaji.Api.Kinds.Apps;

/// <summary>DaemonSet: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/daemon-set-v1/</summary>
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

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = WorkloadRules.Spec(obj, errors);
        WorkloadRules.Selector(spec, "empty selector is invalid for daemonset");
        WorkloadRules.Template(spec, "DaemonSet");
        spec.NonNegative("minReadySeconds", "revisionHistoryLimit");
        var strategy = spec.Of("updateStrategy");
        if (strategy.Str("type") is not ("RollingUpdate" or "OnDelete"))
        {
            spec.NotSupported("updateStrategy", strategy.Str("type"), "RollingUpdate", "OnDelete");
        }
        else if (strategy.Str("type") == "RollingUpdate")
        {
            Rolling(strategy);
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => WorkloadRules.SelectorImmutable(obj, old, errors);

    public override void ValidateStatusUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        new Fields(obj.Obj("status") ?? [], "status", errors).NonNegative(
            "currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady", "observedGeneration", "updatedNumberScheduled", "numberAvailable", "numberUnavailable", "collisionCount");
        WorkloadRules.Collisions(obj, old, errors);
    }

    public override void Warn(JsonObject obj, JsonObject? old, Action<string> warn) => WorkloadRules.Warn(obj, old, warn);

    private static void Rolling(Fields strategy)
    {
        if (strategy.Sub("rollingUpdate") is not { } rolling)
        {
            strategy.Required("rollingUpdate");
            return;
        }

        rolling.Share("maxUnavailable", atMostAll: true);
        rolling.Share("maxSurge", atMostAll: true);
        var (unavailable, surge) = (rolling.Text("maxUnavailable") is not ("0" or "0%"), rolling.Text("maxSurge") is not ("" or "0" or "0%"));
        if (unavailable && surge)
        {
            rolling.Invalid("maxSurge", rolling.Object["maxSurge"], "may not be set when maxUnavailable is non-zero");
        }
        else if (!unavailable && !surge)
        {
            rolling.Required("maxUnavailable", "cannot be 0 when maxSurge is 0");
        }
    }
}
