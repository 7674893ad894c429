using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Storage;

/// <summary>CSINode: the drivers that a node has; what one has said of itself stays.</summary>
internal sealed class CSINodeKind : KindBehavior
{
    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var driver in new Fields(obj.Obj("spec") ?? [], "spec", errors).Items("drivers"))
        {
            driver.Unique("name", Names.DriverNameErrors, names);
            if (driver.Present("nodeID") && driver.Str("nodeID").Length > 256)
            {
                driver.Invalid("nodeID", driver.Str("nodeID"), "must be 256 characters or less");
            }

            driver.Of("allocatable").NonNegative("count");
            var keys = new HashSet<string>(StringComparer.Ordinal);
            foreach (var key in driver.Strings("topologyKeys"))
            {
                if (!keys.Add(key))
                {
                    driver.Duplicate("topologyKeys", key);
                }

                foreach (var problem in Names.QualifiedNameErrors(key))
                {
                    driver.Invalid("topologyKeys", key, problem);
                }
            }
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        foreach (var before in old.Obj("spec").Items("drivers"))
        {
            var now = obj.Obj("spec").Items("drivers").FirstOrDefault(d => d.Str("name") == before.Str("name"));
            if (now is not null && (now.Str("nodeID") != before.Str("nodeID") || !JsonNode.DeepEquals(now["topologyKeys"], before["topologyKeys"])))
            {
                errors.Invalid("spec.drivers", now, Fields.Immutable);
            }
        }
    }
}
