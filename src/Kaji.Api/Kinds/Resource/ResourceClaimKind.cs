using System.Text.Json.Nodes;
using Kaji.Api.Errors;

namespace Kaji.Api.Kinds.Resource;

/// <summary>ResourceClaim: the wish for devices; it can't change.</summary>
internal sealed class ResourceClaimKind : StatusKind
{
    public override bool HasGeneration => false;

    public override void Default(JsonObject obj) => DeviceRules.Default(obj.Ensure("spec"));

    public override void ValidateCreate(JsonObject obj, ICollection<FieldError> errors) => DeviceRules.Claim(new Fields(obj.Obj("spec") ?? [], "spec", errors));

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        if (!JsonNode.DeepEquals(obj["spec"], old["spec"]))
        {
            errors.Invalid("spec", obj["spec"], Fields.Immutable);
        }
    }

    public override void ValidateStatusUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        var status = new Fields(obj.Obj("status") ?? [], "status", errors);
        status.AtMost("reservedFor", 256);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var user in status.Items("reservedFor"))
        {
            user.Present("resource");
            user.Present("name");
            if (user.Present("uid") && !seen.Add(user.Str("uid")))
            {
                user.Duplicate("uid", user.Str("uid"));
            }
        }

        if (status.HasAny("reservedFor") && !status.Has("allocation"))
        {
            status.Forbidden("reservedFor", "may not be specified when `allocated` is not set");
        }

        if (old.Obj("status")?["allocation"] is { } before && status.Object["allocation"] is { } now && !JsonNode.DeepEquals(before, now))
        {
            status.Invalid("allocation", now, Fields.Immutable);
        }
    }
}
