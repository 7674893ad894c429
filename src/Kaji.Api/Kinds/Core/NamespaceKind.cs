using System.Text.Json.Nodes;

namespace Kaji.Api.Kinds.Core;

/// <summary>Namespace: deleted in steps through spec.finalizers and <c>/finalize</c>.</summary>
internal sealed class NamespaceKind : StatusKind
{
    public override bool HasGeneration => false;

    public override IReadOnlyList<string> SelectableFields => ["name", "status.phase"];

    public override void Default(JsonObject obj) => obj.Ensure("metadata").Ensure("labels")["kubernetes.io/metadata.name"] = obj.Obj("metadata").Str("name");

    public override void PrepareForCreate(JsonObject obj)
    {
        obj["spec"] = new JsonObject { ["finalizers"] = new JsonArray("kubernetes") };
        obj["status"] = new JsonObject { ["phase"] = "Active" };
    }

    public override void PrepareForUpdate(JsonObject obj, JsonObject old)
    {
        base.PrepareForUpdate(obj, old);
        obj.CarryOver(old, "spec");
    }

    public override void PrepareForSubresource(string subresource, JsonObject obj, JsonObject old)
    {
        if (subresource == "finalize")
        {
            obj.CarryOver(old, "status");
        }
    }

    public override void ValidateStatusUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        var status = new Fields(obj.Obj("status") ?? [], "status", errors);
        if (obj.Obj("metadata")?["deletionTimestamp"] is null)
        {
            if (status.Str("phase") != "Active")
            {
                status.Invalid("phase", status.Str("phase"), "may only be 'Active' if `deletionTimestamp` is empty");
            }
        }
        else if (status.Str("phase") != "Terminating")
        {
            status.Invalid("phase", status.Str("phase"), "may only be 'Terminating' if `deletionTimestamp` is not empty");
        }
    }

    public override string SelectableField(JsonObject obj, string field) => field == "name" ? obj.Obj("metadata").Str("name") : obj.Obj("status").Str("phase");
}
