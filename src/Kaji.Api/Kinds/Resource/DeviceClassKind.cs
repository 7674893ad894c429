using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Resource;

/// <summary>DeviceClass: a category of devices that claims name.</summary>
internal sealed class DeviceClassKind : KindBehavior
{
    public override bool HasGeneration => true;

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        DeviceRules.Selectors(spec);
        spec.AtMost("config", 32);
        foreach (var config in spec.Items("config"))
        {
            DeviceRules.Opaque(config);
        }

        foreach (var problem in Names.QualifiedNameErrors(spec.Str("extendedResourceName")).Where(_ => spec.Has("extendedResourceName")))
        {
            spec.Invalid("extendedResourceName", spec.Str("extendedResourceName"), problem);
        }
    }
}
