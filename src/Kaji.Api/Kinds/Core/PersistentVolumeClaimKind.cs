using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds.Core.Pods;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core;

/// <summary>PersistentVolumeClaim: https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/persistent-volume-claim-v1/</summary>
internal sealed class PersistentVolumeClaimKind : StatusKind
{
    public override bool HasGeneration => false;

    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        spec.Default("volumeMode", "Filesystem");

        // Two names of one thing: what is said by one is said by the other.
        if (spec.Obj("dataSource") is { } source && spec["dataSourceRef"] is null)
        {
            spec["dataSourceRef"] = source.DeepClone();
        }
        else if (spec["dataSource"] is null && spec.Obj("dataSourceRef") is { } reference && reference.Str("namespace").Length == 0)
        {
            spec["dataSource"] = reference.DeepClone();
        }
    }

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["phase"] = "Pending" };

    public override void Validate(JsonObject obj, ICollection<FieldError> errors) => ClaimRules.Spec(new Fields(obj.Obj("spec") ?? [], "spec", errors));

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        var (spec, before) = ((JsonObject)(obj.Obj("spec") ?? []).DeepClone(), (JsonObject)(old.Obj("spec") ?? []).DeepClone());
        if (before.Str("volumeName").Length == 0)
        {
            // Binding is a change of the claim.
            before.CarryOver(spec, "volumeName");
        }

        // A class may be given once, retroactively, to a claim that was made without.
        if (before["storageClassName"] is null)
        {
            before.CarryOver(spec, "storageClassName");
        }

        var (size, was) = (Size(spec), Size(before));
        if (size is { } now && was is { } then && now < then && Quantity.TryParse(old.Obj("status").Obj("capacity")?["storage"].Text(), out var has) && now <= has)
        {
            errors.Forbidden("spec.resources.requests.storage", "field can not be less than status.capacity");
        }

        if (old.Obj("status").Str("phase") == "Bound")
        {
            before.Ensure("resources").Ensure("requests").CarryOver(spec.Ensure("resources").Ensure("requests"), "storage");
        }

        before.CarryOver(spec, "volumeAttributesClassName");
        if (!JsonNode.DeepEquals(spec, before))
        {
            errors.Forbidden("spec", "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims");
        }
    }

    public override void Warn(JsonObject obj, JsonObject? old, Action<string> warn)
    {
        if (obj.Obj("metadata").Obj("annotations")?.ContainsKey("volume.beta.kubernetes.io/storage-class") == true)
        {
            warn("metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use \"storageClassName\" attribute instead");
        }

        PodWarnings.Claim(new Fields(obj.Obj("spec") ?? [], "spec", []), warn);
    }

    private static Quantity? Size(JsonObject spec) => Quantity.TryParse(spec.Obj("resources").Obj("requests")?["storage"].Text(), out var size) ? size : null;
}
