using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds.Core.Pods;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core;

/// <summary>Node: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/node-v1/</summary>
internal sealed class NodeKind : StatusKind
{
    public override bool HasGeneration => false;

    public override IReadOnlyList<string> SelectableFields => ["spec.unschedulable"];

    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        if (spec.Str("podCIDR").Length == 0 && spec["podCIDRs"] is JsonArray { Count: > 0 } list)
        {
            spec["podCIDR"] = list[0].Text();
        }
        else if (spec.Str("podCIDR").Length > 0 && spec["podCIDRs"] is not JsonArray { Count: > 0 })
        {
            spec["podCIDRs"] = new JsonArray(spec.Str("podCIDR"));
        }

        // What is there is what can be used, until the node says otherwise.
        if (obj.Obj("status") is { } status && status["allocatable"] is null && status["capacity"] is { } capacity)
        {
            status["allocatable"] = capacity.DeepClone();
        }
    }

    // A node registers itself with its status in one request.
    public override void PrepareForCreate(JsonObject obj)
    {
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var taint in spec.Items("taints"))
        {
            taint.LabelName("key");
            if (Names.LabelValueErrors(taint.Str("value")) is { Count: > 0 } problems)
            {
                taint.Invalid("value", taint.Str("value"), string.Join(';', problems));
            }

            if (taint.Present("effect"))
            {
                taint.OneOf("effect", "NoSchedule", "PreferNoSchedule", "NoExecute");
            }

            if (!seen.Add($"{taint.Str("key")}:{taint.Str("effect")}"))
            {
                taint.Errors.Add(new FieldError("FieldValueDuplicate", taint.Path, $"Duplicate value: {taint.Object.ToJsonString()}: taints must be unique by key and effect pair"));
            }
        }

        var networks = spec.Strings("podCIDRs");
        for (var i = 0; i < networks.Length; i++)
        {
            foreach (var problem in Names.NetworkErrors(networks[i]))
            {
                errors.Invalid(spec.At("podCIDRs", i), networks[i], problem);
            }
        }

        ResourceRules.Amounts(new Fields(obj.Obj("status") ?? [], "status", errors), "capacity");
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        var (spec, before) = (new Fields(obj.Obj("spec") ?? [], "spec", errors), old.Obj("spec") ?? []);
        if (before["podCIDRs"] is JsonArray { Count: > 0 } && !JsonNode.DeepEquals(spec.Object["podCIDRs"], before["podCIDRs"]))
        {
            spec.Forbidden("podCIDRs", "node updates may not change podCIDR except from \"\" to valid");
        }

        if (before.Str("providerID").Length > 0 && spec.Str("providerID") != before.Str("providerID"))
        {
            spec.Forbidden("providerID", "node updates may not change providerID except from \"\" to valid");
        }
    }

    public override void Warn(JsonObject obj, JsonObject? old, Action<string> warn)
    {
        if (obj.Obj("spec")?["configSource"] is not null)
        {
            warn("spec.configSource: the feature is removed");
        }

        if (obj.Obj("spec").Str("externalID").Length > 0)
        {
            warn("spec.externalID: this field is deprecated, and is unused by Kubernetes");
        }
    }

    public override string SelectableField(JsonObject obj, string field) => obj.Obj("spec").Bool("unschedulable") == true ? "true" : "false";
}
