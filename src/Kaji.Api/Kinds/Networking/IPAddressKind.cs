using System.Net;
using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Networking;

/// <summary>IPAddress: an address of a Service, by name; what it belongs to can't change.</summary>
internal sealed class IPAddressKind : KindBehavior
{
    public override bool HasGeneration => true;

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var name = obj.Obj("metadata").Str("name");
        if (Names.AddressErrors(name) is { Count: > 0 } || !IPAddress.TryParse(name, out var ip) || ip.ToString() != name)
        {
            errors.Invalid("metadata.name", name, "not a valid IP address in canonical form");
        }

        if (obj.Obj("spec").Obj("parentRef") is not { } reference)
        {
            errors.Required("spec.parentRef");
            return;
        }

        var parent = new Fields(reference, "spec.parentRef", errors);
        parent.Rule("group", Names.Dns1123SubdomainErrors);
        parent.RequiredRule("resource", Names.PathSegmentErrors);
        parent.RequiredRule("name", Names.PathSegmentErrors);
        parent.Rule("namespace", Names.PathSegmentErrors);
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) =>
        new Fields(obj.Obj("spec") ?? [], "spec", errors).Same("parentRef", old.Obj("spec"));

}
