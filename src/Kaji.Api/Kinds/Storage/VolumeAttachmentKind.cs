using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Storage;

/// <summary>VolumeAttachment: the wish that a volume be attached to a node; it can't change.</summary>
internal sealed class VolumeAttachmentKind : StatusKind
{
    public override bool HasGeneration => false;

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["attached"] = false };

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        StorageClassKind.Provisioner(spec, "attacher");
        spec.Rule("attacher", Names.DriverNameErrors);
        var source = spec.Of("source");
        var (inline, name) = (source.Has("inlineVolumeSpec"), source.Has("persistentVolumeName"));
        if (inline && name)
        {
            source.Errors.Forbidden(source.Path, "must specify exactly one of inlineVolumeSpec and persistentVolumeName");
        }
        else if (!inline && source.Str("persistentVolumeName").Length == 0)
        {
            source.Errors.Required(name ? source.At("persistentVolumeName") : source.Path, name ? "must specify non empty persistentVolumeName" : "must specify exactly one of inlineVolumeSpec and persistentVolumeName");
        }

        foreach (var problem in Names.Dns1123SubdomainErrors(spec.Str("nodeName")))
        {
            spec.Invalid("nodeName", spec.Str("nodeName"), problem);
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        if (!JsonNode.DeepEquals(obj["spec"], old["spec"]))
        {
            errors.Invalid("spec", obj["spec"], Fields.Immutable);
        }
    }
}
