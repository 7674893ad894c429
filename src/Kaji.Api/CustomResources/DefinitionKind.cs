using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.Api.CustomResources;

/// <summary>The kind CustomResourceDefinition itself.</summary>
public sealed class DefinitionKind : StatusKind
{
    public override void Default(JsonObject obj)
    {
        if (obj.Obj("spec") is not { } spec)
        {
            return;
        }

        if (spec.Obj("names") is { } names && names.Str("kind") is { Length: > 0 } kind)
        {
            names.Default("listKind", kind + "List");
            names.Default("singular", kind.ToLowerInvariant());
        }

        var conversion = spec.Ensure("conversion");
        conversion.Default("strategy", "None");
        if (conversion.Obj("webhook").Obj("clientConfig").Obj("service") is { } service)
        {
            service.Default("port", 443);
        }

        if (spec.Bool("preserveUnknownFields") == false)
        {
            spec.Remove("preserveUnknownFields");
        }
    }

    public override void PrepareForCreate(JsonObject obj)
    {
        base.PrepareForCreate(obj);
        obj["status"] = new JsonObject
        {
            ["conditions"] = null, ["acceptedNames"] = new JsonObject { ["plural"] = "", ["kind"] = "" },
            ["storedVersions"] = new JsonArray([.. obj.Obj("spec").Items("versions").Where(v => v.Bool("storage") == true).Select(v => (JsonNode)v.Str("name"))]),
        };
    }

    public override void PrepareForUpdate(JsonObject obj, JsonObject old)
    {
        base.PrepareForUpdate(obj, old);
        var status = obj.Ensure("status");
        if (status["storedVersions"] is not JsonArray stored)
        {
            status["storedVersions"] = stored = [];
        }

        foreach (var version in obj.Obj("spec").Items("versions").Where(v => v.Bool("storage") == true).Select(v => v.Str("name")))
        {
            if (stored.All(s => s.Text() != version))
            {
                stored.Add((JsonNode)version);
            }
        }
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors) => DefinitionValidation.Validate(obj, errors);

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => DefinitionValidation.ValidateUpdate(obj, old, errors);
}
