using System.Text.Json;
using Kaji.Api.Kinds;
using Kaji.Api.Schemas;

namespace Kaji.Api.OpenApi;

/// <summary>The OpenAPI v3 document of a group version: what kubectl reads for <c>explain</c>, for merge keys, and to see that the server validates fields.</summary>
public static class OpenApiV3
{
    /// <summary>The path of a group version's document below <c>/openapi/v3/</c>.</summary>
    public static string PathOf(string group, string version) => group.Length == 0 ? $"api/{version}" : $"apis/{group}/{version}";

    /// <summary>Writes the document of a group version that has these resources.</summary>
    public static void Write(Utf8JsonWriter w, IReadOnlyList<ResourceInfo> resources)
    {
        w.WriteStartObject();
        w.WriteString("openapi", "3.0.0");
        w.WriteStartObject("info");
        w.WriteString("title", "Kubernetes");
        w.WriteString("version", "v1.36.2+kaji");
        w.WriteEndObject();
        w.WriteStartObject("paths");
        foreach (var resource in resources)
        {
            Paths(w, resource);
        }

        w.WriteEndObject();
        w.WriteStartObject("components");
        w.WriteStartObject("schemas");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var resource in resources.Where(r => r.Custom is null))
        {
            Component(w, NameOf(resource), resource, seen);
        }

        CustomOpenApi.WriteV3(w, resources.Where(r => r.Custom is not null), seen);

        w.WriteEndObject();
        w.WriteEndObject();
        w.WriteEndObject();
    }

    private static string NameOf(ResourceInfo resource) => resource.Custom is null ? BuiltInSchemas.NameOf(resource.Group, resource.Version, resource.Kind) : CustomOpenApi.NameOf(resource);

    private static void Paths(Utf8JsonWriter w, ResourceInfo resource)
    {
        var root = "/" + PathOf(resource.Group, resource.Version) + (resource.Namespaced ? "/namespaces/{namespace}/" : "/") + resource.Plural;
        Path(w, root, resource, [("get", "list"), ("post", "create"), ("delete", "deletecollection")]);
        Path(w, root + "/{name}", resource, [("get", "get"), ("put", "update"), ("patch", "patch"), ("delete", "delete")]);
    }

    private static void Path(Utf8JsonWriter w, string path, ResourceInfo resource, ReadOnlySpan<(string Method, string Verb)> operations)
    {
        w.WriteStartObject(path);
        foreach (var (method, verb) in operations)
        {
            if (!resource.Verbs.Contains(verb, StringComparer.Ordinal))
            {
                continue;
            }

            w.WriteStartObject(method);
            w.WriteString("operationId", $"{verb}{resource.Kind}");
            w.WriteString("x-kubernetes-action", verb switch { "create" => "post", "update" => "put", _ => verb });
            GroupVersionKind(w, resource, list: false);
            w.WriteStartArray("parameters");
            foreach (var parameter in method is "post" or "put" or "patch" ? (ReadOnlySpan<string>)["dryRun", "fieldManager", "fieldValidation"] : method == "delete" ? ["dryRun", "propagationPolicy"] : [])
            {
                w.WriteStartObject();
                w.WriteString("name", parameter);
                w.WriteString("in", "query");
                w.WriteStartObject("schema");
                w.WriteString("type", "string");
                w.WriteEndObject();
                w.WriteEndObject();
            }

            w.WriteEndArray();
            if (method is "post" or "put" or "patch")
            {
                w.WriteStartObject("requestBody");
                w.WriteStartObject("content");
                foreach (var type in method == "patch" ? PatchTypes(resource) : ["*/*"])
                {
                    w.WriteStartObject(type);
                    w.WriteStartObject("schema");
                    if (method != "patch")
                    {
                        w.WriteString("$ref", "#/components/schemas/" + NameOf(resource));
                    }

                    w.WriteEndObject();
                    w.WriteEndObject();
                }

                w.WriteEndObject();
                w.WriteEndObject();
            }

            w.WriteStartObject("responses");
            w.WriteStartObject("200");
            w.WriteString("description", "OK");
            w.WriteEndObject();
            w.WriteEndObject();
            w.WriteEndObject();
        }

        w.WriteEndObject();
    }

    /// <summary>Custom resources know no strategic merge: kubectl takes the merge patch when it isn't offered here.</summary>
    private static string[] PatchTypes(ResourceInfo resource) => resource.Custom is null
        ? ["application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml"]
        : ["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"];

    private static void GroupVersionKind(Utf8JsonWriter w, ResourceInfo resource, bool list)
    {
        if (list)
        {
            w.WriteStartArray("x-kubernetes-group-version-kind");
            w.WriteStartObject();
        }
        else
        {
            w.WriteStartObject("x-kubernetes-group-version-kind");
        }

        w.WriteString("group", resource.Group);
        w.WriteString("version", resource.Version);
        w.WriteString("kind", resource.Kind);
        w.WriteEndObject();
        if (list)
        {
            w.WriteEndArray();
        }
    }

    internal static void Component(Utf8JsonWriter w, string name, ResourceInfo? resource, HashSet<string> seen)
    {
        if (!seen.Add(name) || BuiltInSchemas.Find(name) is not { } definition)
        {
            return;
        }

        var below = new List<string>();
        w.WriteStartObject(name);
        w.WriteString("type", "object");
        var required = definition.Fields.Where(f => f.Required).ToArray();
        if (required.Length > 0)
        {
            w.WriteStartArray("required");
            foreach (var field in required)
            {
                w.WriteStringValue(field.Name);
            }

            w.WriteEndArray();
        }

        w.WriteStartObject("properties");
        foreach (var field in definition.Fields)
        {
            w.WriteStartObject(field.Name);
            Field(w, field, field.Shape, definition, below);
            w.WriteEndObject();
        }

        w.WriteEndObject();
        if (resource is not null)
        {
            GroupVersionKind(w, resource, list: true);
        }

        w.WriteEndObject();
        foreach (var next in below)
        {
            Component(w, next, null, seen);
        }
    }

    private static void Field(Utf8JsonWriter w, FieldSchema field, FieldShape shape, Definition owner, List<string> below)
    {
        if (shape == FieldShape.List)
        {
            w.WriteString("type", "array");
            w.WriteStartObject("items");
            Field(w, field, FieldShape.One, owner, below);
            w.WriteEndObject();
            if (field.ListType is not null)
            {
                w.WriteString("x-kubernetes-list-type", field.ListType);
            }

            if (field.ListMapKeys.Count > 0)
            {
                w.WriteStartArray("x-kubernetes-list-map-keys");
                foreach (var key in field.ListMapKeys)
                {
                    w.WriteStringValue(key);
                }

                w.WriteEndArray();
            }

            if (field.PatchStrategy is not null)
            {
                w.WriteString("x-kubernetes-patch-strategy", field.PatchStrategy);
            }

            if (field.PatchMergeKey is not null)
            {
                w.WriteString("x-kubernetes-patch-merge-key", field.PatchMergeKey);
            }

            return;
        }

        if (shape == FieldShape.Map)
        {
            w.WriteString("type", "object");
            w.WriteStartObject("additionalProperties");
            Field(w, field, field.ListInMap ? FieldShape.List : FieldShape.One, owner, below);
            w.WriteEndObject();
            return;
        }

        switch (field.Type)
        {
            case FieldType.Object when field.Reference is "Time" or "MicroTime":
                w.WriteString("type", "string");
                w.WriteString("format", "date-time");
                break;
            case FieldType.Object when field.Reference is "Quantity" or "Duration":
                w.WriteString("type", "string");
                break;
            case FieldType.Object when field.Reference is "IntOrString":
                w.WriteString("format", "int-or-string");
                w.WriteBoolean("x-kubernetes-int-or-string", true);
                break;
            case FieldType.Object when BuiltInSchemas.Resolve(owner, field.Reference!) is { } target:
                below.Add(target.Name);
                w.WriteStartArray("allOf");
                w.WriteStartObject();
                w.WriteString("$ref", "#/components/schemas/" + target.Name);
                w.WriteEndObject();
                w.WriteEndArray();
                break;
            case FieldType.Object or FieldType.Any:
                w.WriteString("type", "object");
                break;
            default:
                w.WriteString("type", field.Type switch { FieldType.Integer => "integer", FieldType.Number => "number", FieldType.Boolean => "boolean", _ => "string" });
                if (field.Format is not null)
                {
                    w.WriteString("format", field.Format);
                }

                break;
        }

        if (field.Default is { } text)
        {
            w.WritePropertyName("default");
            w.WriteRawValue(text);
        }
    }
}
