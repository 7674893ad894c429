using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Storage;

/// <summary>CSIDriver: how Kubernetes deals with a storage driver.</summary>
internal sealed class CSIDriverKind : KindBehavior
{
    public override bool HasGeneration => true;

    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        spec.Default("attachRequired", true);
        spec.Default("podInfoOnMount", false);
        spec.Default("storageCapacity", false);
        spec.Default("fsGroupPolicy", "ReadWriteOnceWithFSType");
        spec.Default("requiresRepublish", false);
        spec.Default("seLinuxMount", false);
        if (spec["volumeLifecycleModes"] is not JsonArray { Count: > 0 })
        {
            spec["volumeLifecycleModes"] = new JsonArray("Persistent");
        }
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var name = obj.Obj("metadata").Str("name");
        foreach (var problem in Names.DriverNameErrors(name).Where(_ => name.Length > 63))
        {
            errors.Invalid("metadata.name", name, problem);
        }

        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        spec.OneOf("fsGroupPolicy", "File", "None", "ReadWriteOnceWithFSType");
        var modes = spec.Strings("volumeLifecycleModes");
        foreach (var mode in modes.Where(m => m is not ("Persistent" or "Ephemeral")))
        {
            spec.NotSupported("volumeLifecycleModes", mode, "Ephemeral", "Persistent");
        }

        var audiences = new HashSet<string>(StringComparer.Ordinal);
        foreach (var token in spec.Items("tokenRequests"))
        {
            if (!audiences.Add(token.Str("audience")))
            {
                token.Duplicate("audience", token.Str("audience"));
            }

            if (token.Int("expirationSeconds") is { } seconds)
            {
                if (seconds < 600)
                {
                    token.Invalid("expirationSeconds", seconds, "may not specify a duration less than 10 minutes");
                }
                else if (seconds > 1L << 32)
                {
                    token.Invalid("expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds");
                }
            }
        }

        if (spec.Int("nodeAllocatableUpdatePeriodSeconds") is { } period and < 10)
        {
            spec.Invalid("nodeAllocatableUpdatePeriodSeconds", period, "must be greater than or equal to 10 seconds");
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        spec.Same("attachRequired", old.Obj("spec"));
        spec.Same("volumeLifecycleModes", old.Obj("spec"));
    }
}
