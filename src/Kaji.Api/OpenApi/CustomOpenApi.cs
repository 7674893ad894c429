using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Api.CustomResources;
using Kaji.Api.Kinds;

namespace Kaji.Api.OpenApi;

/// <summary>
/// What is published of custom kinds: their schemas, with apiVersion, kind and metadata as every kind has them.
/// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#publish-validation-schema-in-openapi
/// </summary>
public static class CustomOpenApi
{
    private const string ObjectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    private const string ListMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";
    private const string ApiVersionText = "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources";
    private const string KindText = "Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds";
    private const string MetadataText = "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

    /// <summary>As <c>com.example.stable.v1.CronTab</c>.</summary>
    public static string NameOf(ResourceInfo resource, string? kind = null) => $"{string.Join('.', resource.Group.Split('.').Reverse())}.{resource.Version}.{kind ?? resource.Kind}";

    /// <summary>Writes the definitions of a custom kind and its list.</summary>
    internal static void Write(Utf8JsonWriter w, ResourceInfo resource, bool v3)
    {
        w.WritePropertyName(NameOf(resource));
        Object(resource, v3).WriteTo(w);
        w.WritePropertyName(NameOf(resource, resource.ListKind));
        List(resource, v3).WriteTo(w);
    }

    private static JsonObject Object(ResourceInfo resource, bool v3)
    {
        var schema = resource.Custom!.SchemaJson() ?? [];
        if (!v3)
        {
            ToV2(schema);
        }

        var properties = schema.Ensure("properties");
        properties["apiVersion"] = new JsonObject { ["type"] = "string", ["description"] = ApiVersionText };
        properties["kind"] = new JsonObject { ["type"] = "string", ["description"] = KindText };
        properties["metadata"] = Reference(ObjectMeta, v3, MetadataText);
        schema["type"] = "object";
        schema["x-kubernetes-group-version-kind"] = new JsonArray(Kind(resource, resource.Kind));
        return schema;
    }

    private static JsonObject List(ResourceInfo resource, bool v3) => new()
    {
        ["description"] = $"{resource.ListKind} is a list of {resource.Kind}", ["type"] = "object", ["required"] = new JsonArray("items"),
        ["properties"] = new JsonObject
        {
            ["apiVersion"] = new JsonObject { ["type"] = "string", ["description"] = ApiVersionText },
            ["items"] = new JsonObject { ["type"] = "array", ["description"] = $"List of {resource.Plural}. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md", ["items"] = Reference(NameOf(resource), v3, null) },
            ["kind"] = new JsonObject { ["type"] = "string", ["description"] = KindText },
            ["metadata"] = Reference(ListMeta, v3, "Standard list metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds"),
        },
        ["x-kubernetes-group-version-kind"] = new JsonArray(Kind(resource, resource.ListKind)),
    };

    private static JsonObject Reference(string name, bool v3, string? description)
    {
        var reference = v3
            ? new JsonObject { ["allOf"] = new JsonArray((JsonNode)new JsonObject { ["$ref"] = "#/components/schemas/" + name }) }
            : new JsonObject { ["$ref"] = "#/definitions/" + name };
        if (description is not null)
        {
            reference["description"] = description;
        }

        return reference;
    }

    private static JsonNode Kind(ResourceInfo resource, string kind) => new JsonObject { ["group"] = resource.Group, ["kind"] = kind, ["version"] = resource.Version };

    /// <summary>Leaves out what OpenAPI v2 has no words for, so that its clients don't refuse what the server takes.</summary>
    private static void ToV2(JsonObject schema)
    {
        var preserves = schema.Bool("x-kubernetes-preserve-unknown-fields") == true;
        if (schema.Bool("nullable") == true || schema.Bool("x-kubernetes-int-or-string") == true || preserves)
        {
            foreach (var field in (ReadOnlySpan<string>)["type", "items", "properties", "additionalProperties", "required"])
            {
                schema.Remove(field);
            }
        }

        foreach (var field in (ReadOnlySpan<string>)["nullable", "oneOf", "anyOf", "not", "allOf", "default", "x-kubernetes-validations"])
        {
            schema.Remove(field);
        }

        foreach (var below in (schema.Obj("properties") ?? []).Select(p => p.Value).Concat([schema["items"], schema["additionalProperties"]]).OfType<JsonObject>().ToArray())
        {
            ToV2(below);
        }
    }
}
