using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds.Core;
using Kaji.Api.Selectors;

namespace Kaji.Api.Kinds.Batch;

/// <summary>
/// Job: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/. Its selector and the template's labels are generated from its uid unless manualSelector is set.
/// </summary>
internal sealed class JobKind : StatusKind
{
    public override IReadOnlyList<string> SelectableFields => ["status.successful"];

    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        JobRules.Default(spec);
        if (obj.Obj("metadata").Obj("labels") is not { Count: > 0 } && spec.Obj("template").Obj("metadata").Obj("labels") is { Count: > 0 } labels)
        {
            obj.Ensure("metadata")["labels"] = labels.DeepClone();
        }
    }

    public override void PrepareForCreate(JsonObject obj)
    {
        base.PrepareForCreate(obj);
        var spec = obj.Ensure("spec");
        if (spec.Bool("manualSelector") == true || obj.Obj("metadata").Str("uid") is not { Length: > 0 } uid)
        {
            return;
        }

        var labels = spec.Ensure("template").Ensure("metadata").Ensure("labels");
        foreach (var prefix in (ReadOnlySpan<string>)["batch.kubernetes.io/", ""])
        {
            labels[prefix + "controller-uid"] = uid;
            labels[prefix + "job-name"] = obj.Obj("metadata").Str("name");
        }

        spec["selector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["batch.kubernetes.io/controller-uid"] = uid } };
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        JobRules.Spec(spec);
        if (spec.Sub("selector") is not { } selector)
        {
            spec.Required("selector");
            return;
        }

        spec.Selector("selector");
        if (!LabelSelector.FromObject(selector.Object).Matches(spec.Object.Obj("template").Obj("metadata").Obj("labels")))
        {
            spec.Of("template").Of("metadata").Invalid("labels", spec.Object.Obj("template").Obj("metadata").Obj("labels") ?? [], "`selector` does not match template `labels`");
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => JobRules.Update(new Fields(obj.Obj("spec") ?? [], "spec", errors), old);

    public override void ValidateStatusUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => JobRules.Status(obj, old, errors);

    public override void Warn(JsonObject obj, JsonObject? old, Action<string> warn)
    {
        if (old is null)
        {
            if (obj.Obj("spec").Obj("template").Obj("spec") is not null)
            {
                JobRules.Warn(new Fields(obj.Obj("spec")!, "spec", []), warn);
            }

            if (Metadata.Names.Dns1123LabelErrors(obj.Obj("metadata").Str("name")) is { Count: > 0 } problems)
            {
                warn($"metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [{string.Join(' ', problems)}]");
            }
        }
    }

    public override string SelectableField(JsonObject obj, string field) => obj.Obj("status")?["succeeded"].Text() is { Length: > 0 } n ? n : "0";
}
