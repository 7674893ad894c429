using System.Text.Json.Nodes;
using Kaji.Api.Errors;

namespace Kaji.Api.Kinds.Resource;

/// <summary>ResourceClaimTemplate: a claim for each Pod that names it; it can't change.</summary>
internal sealed class ResourceClaimTemplateKind : KindBehavior
{
    public override void Default(JsonObject obj) => DeviceRules.Default(obj.Ensure("spec").Ensure("spec"));

    public override void ValidateCreate(JsonObject obj, ICollection<FieldError> errors) => DeviceRules.Claim(new Fields(obj.Obj("spec").Obj("spec") ?? [], "spec.spec", errors));

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        if (!JsonNode.DeepEquals(obj["spec"], old["spec"]))
        {
            errors.Invalid("spec", obj["spec"], Fields.Immutable);
        }
    }
}
