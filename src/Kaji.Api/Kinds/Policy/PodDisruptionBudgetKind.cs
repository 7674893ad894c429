using System.Text.Json.Nodes;
using Kaji.Api.Errors;

namespace Kaji.Api.Kinds.Policy;

/// <summary>PodDisruptionBudget: https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/pod-disruption-budget-v1/</summary>
internal sealed class PodDisruptionBudgetKind : StatusKind
{
    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["disruptionsAllowed"] = 0, ["currentHealthy"] = 0, ["desiredHealthy"] = 0, ["expectedPods"] = 0 };

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        if (spec.Has("minAvailable") && spec.Has("maxUnavailable"))
        {
            errors.Invalid("spec", spec.Object, "minAvailable and maxUnavailable cannot be both set");
        }

        spec.Share("minAvailable", atMostAll: true);
        spec.Share("maxUnavailable", atMostAll: true);
        spec.Selector("selector");
        spec.OneOf("unhealthyPodEvictionPolicy", "AlwaysAllow", "IfHealthyBudget");
    }

    public override void ValidateStatusUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        var status = new Fields(obj.Obj("status") ?? [], "status", errors);
        status.NonNegative("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods");
        foreach (var condition in status.Items("conditions"))
        {
            condition.Present("type");
            condition.RequiredOneOf("status", "False", "True", "Unknown");
            condition.Present("reason");
        }
    }
}
