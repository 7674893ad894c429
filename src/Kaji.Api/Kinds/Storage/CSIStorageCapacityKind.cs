using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Storage;

/// <summary>CSIStorageCapacity: how much a class has left on some nodes.</summary>
internal sealed class CSIStorageCapacityKind : KindBehavior
{
    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var capacity = new Fields(obj, "", errors);
        capacity.RequiredRule("storageClassName", Names.Dns1123SubdomainErrors);
        capacity.Selector("nodeTopology");
        foreach (var field in (ReadOnlySpan<string>)["capacity", "maximumVolumeSize"])
        {
            if (Quantity.TryParse(capacity.Text(field), out var amount) && amount.Sign < 0)
            {
                capacity.Invalid(field, capacity.Text(field), Fields.NotNegative);
            }
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        var capacity = new Fields(obj, "", errors);
        capacity.Same("nodeTopology", old);
        capacity.Same("storageClassName", old);
    }
}
