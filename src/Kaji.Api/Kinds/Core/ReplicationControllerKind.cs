using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds.Apps;

namespace Kaji.Api.Kinds.Core;

/// <summary>ReplicationController, ReplicaSet's predecessor: its selector is a plain map and defaults to the template's labels.</summary>
internal sealed class ReplicationControllerKind : StatusKind
{
    public override IReadOnlyList<string> SelectableFields => ["status.replicas"];

    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        spec.Default("replicas", 1);
        if (spec.Obj("template") is null)
        {
            return;
        }

        WorkloadRules.Default(spec);
        if (spec.Obj("template").Obj("metadata").Obj("labels") is { Count: > 0 } labels)
        {
            if (spec.Obj("selector") is not { Count: > 0 })
            {
                spec["selector"] = labels.DeepClone();
            }

            if (obj.Obj("metadata").Obj("labels") is not { Count: > 0 })
            {
                obj.Ensure("metadata")["labels"] = labels.DeepClone();
            }
        }
    }

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["replicas"] = 0 };

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = WorkloadRules.Spec(obj, errors);
        spec.NonNegative("minReadySeconds");
        var selector = spec.Object.Obj("selector") ?? [];
        if (selector.Count == 0)
        {
            spec.Required("selector");
        }

        spec.NonNegative("replicas");
        if (spec.Sub("template") is not { } template)
        {
            spec.Required("template");
            return;
        }

        var labels = template.Object.Obj("metadata").Obj("labels") ?? [];
        if (selector.Any(p => labels[p.Key].Text() != p.Value.Text() || !labels.ContainsKey(p.Key)))
        {
            template.Of("metadata").Invalid("labels", labels, "`selector` does not match template `labels`");
        }

        WorkloadRules.Template(spec, "ReplicationController");
    }

    public override void ValidateStatusUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) =>
        WorkloadRules.Status(obj, errors, "fullyLabeledReplicas", "readyReplicas", "availableReplicas");

    public override void Warn(JsonObject obj, JsonObject? old, Action<string> warn) => WorkloadRules.Warn(obj, old, warn);

    public override string SelectableField(JsonObject obj, string field) => obj.Obj("status")?["replicas"].Text() ?? "0";
}
