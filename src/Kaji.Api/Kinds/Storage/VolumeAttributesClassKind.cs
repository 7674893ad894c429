using System.Text.Json.Nodes;
using Kaji.Api.Errors;

namespace Kaji.Api.Kinds.Storage;

/// <summary>VolumeAttributesClass: what of a volume may change while it is in use; the class itself can't.</summary>
internal sealed class VolumeAttributesClassKind : KindBehavior
{
    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var attributes = new Fields(obj, "", errors);
        StorageClassKind.Provisioner(attributes, "driverName");
        StorageClassKind.Parameters(attributes, required: true);
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        if (obj.Str("driverName") != old.Str("driverName"))
        {
            errors.Forbidden("driverName", "updates to driverName are forbidden.");
        }

        if (!JsonNode.DeepEquals(obj["parameters"], old["parameters"]))
        {
            errors.Forbidden("parameters", "updates to parameters are forbidden.");
        }
    }
}
