using System.Text.Json.Nodes;

namespace Kaji.Api.Kinds.Apps;

/// <summary>ReplicaSet: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/replica-set-v1/</summary>
internal sealed class ReplicaSetKind : StatusKind
{
    public override IReadOnlyList<string> SelectableFields => ["status.replicas"];

    public override void Default(JsonObject obj)
    {
        obj.Ensure("spec").Default("replicas", 1);
        WorkloadRules.Default(obj.Ensure("spec"));
    }

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["replicas"] = 0 };

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = WorkloadRules.Spec(obj, errors);
        spec.NonNegative("replicas", "minReadySeconds");
        WorkloadRules.Selector(spec, "empty selector is invalid for deployment");
        WorkloadRules.Template(spec, "ReplicaSet");
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => WorkloadRules.SelectorImmutable(obj, old, errors);

    public override void ValidateStatusUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) =>
        WorkloadRules.Status(obj, errors, "fullyLabeledReplicas", "readyReplicas", "availableReplicas");

    public override void Warn(JsonObject obj, JsonObject? old, Action<string> warn) => WorkloadRules.Warn(obj, old, warn);

    public override string SelectableField(JsonObject obj, string field) => obj.Obj("status")?["replicas"].Text() ?? "0";
}
