using System.Text.Json;
using Kaji.Api.Kinds;
using Kaji.Api.Schemas;

namespace Kaji.Api.OpenApi;

/// <summary>The schemas of a document: every definition that its resources reach, in OpenAPI v2's or v3's words.</summary>
internal sealed class OpenApiSchemas(Utf8JsonWriter w, bool v3, Descriptions texts, IReadOnlyList<ResourceInfo> resources)
{
    private const string Meta = "io.k8s.apimachinery.pkg.apis.meta.v1.";
    private readonly Dictionary<string, List<(string Group, string Version, string Kind)>> _kinds = KindsOf(resources);
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);

    /// <summary>Where schemas stand in the document.</summary>
    public string Prefix { get; } = v3 ? "#/components/schemas/" : "#/definitions/";

    /// <summary>Full name of the definition of a resource's kind.</summary>
    public static string NameOf(ResourceInfo resource, string? kind = null) =>
        resource.Custom is null ? BuiltInSchemas.NameOf(resource.Group, resource.Version, kind ?? resource.Kind) : CustomOpenApi.NameOf(resource, kind);

    /// <summary>Full name of what a subresource takes; null when it takes nothing that is defined.</summary>
    public static string? NameOf(ResourceInfo resource, SubresourceInfo sub)
    {
        var (group, version) = sub.KindApiVersion is { } other ? other.Split('/') is [var g, var v] ? (g, v) : ("", other) : (resource.Group, resource.Version);
        var name = resource.Custom is not null && sub.KindApiVersion is null ? NameOf(resource) : BuiltInSchemas.NameOf(group, version, sub.Kind);
        return resource.Custom is not null && sub.KindApiVersion is null || BuiltInSchemas.Find(name) is not null ? name : null;
    }

    public void WriteAll()
    {
        foreach (var resource in resources.Where(r => r.Custom is null))
        {
            Definition(NameOf(resource));
            if (resource.Verbs.Contains("list", StringComparer.Ordinal))
            {
                Definition(NameOf(resource, resource.ListKind));
            }

            foreach (var sub in resource.Subresources)
            {
                if (NameOf(resource, sub) is { } name)
                {
                    Definition(name);
                }
            }
        }

        foreach (var resource in resources.Where(r => r.Custom is not null && _seen.Add(NameOf(r))))
        {
            CustomOpenApi.Write(w, resource, v3);
            Definition(Meta + "ObjectMeta");
            Definition(Meta + "ListMeta");
            foreach (var name in resource.Subresources.Select(s => NameOf(resource, s)).OfType<string>().Where(n => BuiltInSchemas.Find(n) is not null))
            {
                Definition(name);
            }
        }

        foreach (var name in (ReadOnlySpan<string>)["DeleteOptions", "Status", "WatchEvent"])
        {
            Definition(Meta + name);
        }

        Scalar("Patch");
        if (!v3)
        {
            foreach (var name in (ReadOnlySpan<string>)["APIGroup", "APIGroupList", "APIResourceList", "APIVersions"])
            {
                Definition(Meta + name);
            }

            Definition("io.k8s.apimachinery.pkg.version.Info");
        }
    }

    /// <summary><c>$ref</c> to a definition, inside an object that has been begun; v3 wraps it where something stands beside it.</summary>
    public void Reference(string name, bool alone = true)
    {
        if (v3 && !alone)
        {
            w.WriteStartArray("allOf");
            w.WriteStartObject();
            w.WriteString("$ref", Prefix + name);
            w.WriteEndObject();
            w.WriteEndArray();
        }
        else
        {
            w.WriteString("$ref", Prefix + name);
        }
    }

    private static Dictionary<string, List<(string Group, string Version, string Kind)>> KindsOf(IReadOnlyList<ResourceInfo> resources)
    {
        var kinds = new Dictionary<string, List<(string Group, string Version, string Kind)>>(StringComparer.Ordinal);
        void Add(string? name, string group, string version, string kind)
        {
            if (name is not null && (kinds.TryGetValue(name, out var of) ? of : kinds[name] = []) is var list && !list.Contains((group, version, kind)))
            {
                list.Add((group, version, kind));
            }
        }

        foreach (var resource in resources)
        {
            Add(NameOf(resource), resource.Group, resource.Version, resource.Kind);
            Add(NameOf(resource, resource.ListKind), resource.Group, resource.Version, resource.ListKind);
            foreach (var sub in resource.Subresources)
            {
                var (group, version) = sub.KindApiVersion is { } other ? other.Split('/') is [var g, var v] ? (g, v) : ("", other) : (resource.Group, resource.Version);
                Add(NameOf(resource, sub), group, version, sub.Kind);
            }
        }

        foreach (var (group, version) in resources.Select(r => (r.Group, r.Version)).Prepend(("", "v1")).Distinct())
        {
            Add(Meta + "DeleteOptions", group, version, "DeleteOptions");
            Add(Meta + "WatchEvent", group, version, "WatchEvent");
        }

        foreach (var kind in (ReadOnlySpan<string>)["Status", "APIGroup", "APIGroupList", "APIResourceList", "APIVersions"])
        {
            Add(Meta + kind, "", "v1", kind);
        }

        return kinds;
    }

    private void Scalar(string reference)
    {
        var name = ScalarDefinitions.NameOf(reference)!;
        if (_seen.Add(name))
        {
            w.WriteStartObject(name);
            ScalarDefinitions.Write(w, reference, v3);
            w.WriteEndObject();
        }
    }

    private void Definition(string name)
    {
        if (!_seen.Add(name) || BuiltInSchemas.Find(name) is not { } definition)
        {
            return;
        }

        var (below, scalars) = (new List<string>(), new List<string>());
        w.WriteStartObject(name);
        if (texts.Of(name) is { } text)
        {
            w.WriteString("description", text);
        }

        w.WriteString("type", "object");
        if (definition.Fields.Any(f => f.Required))
        {
            w.WriteStartArray("required");
            foreach (var field in definition.Fields.Where(f => f.Required))
            {
                w.WriteStringValue(field.Name);
            }

            w.WriteEndArray();
        }

        w.WriteStartObject("properties");
        foreach (var field in definition.Fields)
        {
            w.WriteStartObject(field.Name);
            if (texts.Of(name, field.Name) is { } said)
            {
                w.WriteString("description", said);
            }

            Field(field, field.Shape, definition, below, scalars);
            w.WriteEndObject();
        }

        w.WriteEndObject();
        if (_kinds.TryGetValue(name, out var kinds))
        {
            w.WriteStartArray("x-kubernetes-group-version-kind");
            foreach (var (group, version, kind) in kinds)
            {
                w.WriteStartObject();
                w.WriteString("group", group);
                w.WriteString("version", version);
                w.WriteString("kind", kind);
                w.WriteEndObject();
            }

            w.WriteEndArray();
        }

        if (Apply.BuiltInAtoms.IsAtomic(name))
        {
            w.WriteString("x-kubernetes-map-type", "atomic");
        }

        w.WriteEndObject();
        below.ForEach(Definition);
        scalars.ForEach(Scalar);
    }

    private void Field(FieldSchema field, FieldShape shape, Definition owner, List<string> below, List<string> scalars)
    {
        switch (shape)
        {
            case FieldShape.List:
                w.WriteString("type", "array");
                w.WriteStartObject("items");
                Field(field, FieldShape.One, owner, below, scalars);
                w.WriteEndObject();
                ListRules(field);
                return;
            case FieldShape.Map:
                w.WriteString("type", "object");
                w.WriteStartObject("additionalProperties");
                Field(field, field.ListInMap ? FieldShape.List : FieldShape.One, owner, below, scalars);
                w.WriteEndObject();
                Rule("x-kubernetes-map-type", field.Shape == FieldShape.Map ? field.ListType : null);
                return;
        }

        if (field.Reference is { } reference && ScalarDefinitions.NameOf(reference) is { } scalar)
        {
            scalars.Add(reference);
            Reference(scalar, alone: false);
        }
        else if (field is { Type: FieldType.Object, Reference: { } type } && BuiltInSchemas.Resolve(owner, type) is { } target)
        {
            below.Add(target.Name);
            Reference(target.Name, alone: false);
            Rule("x-kubernetes-map-type", field.Shape == FieldShape.One ? field.ListType : null);
            Rule("x-kubernetes-patch-strategy", field.Shape == FieldShape.One ? field.PatchStrategy : null);
        }
        else
        {
            w.WriteString("type", field.Type switch { FieldType.Integer => "integer", FieldType.Number => "number", FieldType.Boolean => "boolean", FieldType.String => "string", _ => "object" });
            if (field.Format is not null)
            {
                w.WriteString("format", field.Format);
            }
        }

        if (field is { Shape: FieldShape.One, Default: { } text })
        {
            w.WritePropertyName("default");
            w.WriteRawValue(text);
        }
    }

    private void ListRules(FieldSchema field)
    {
        if (field.ListMapKeys.Count > 0)
        {
            w.WriteStartArray("x-kubernetes-list-map-keys");
            foreach (var key in field.ListMapKeys)
            {
                w.WriteStringValue(key);
            }

            w.WriteEndArray();
        }

        Rule("x-kubernetes-list-type", field.ListType);
        Rule("x-kubernetes-patch-merge-key", field.PatchMergeKey);
        Rule("x-kubernetes-patch-strategy", field.PatchStrategy);
    }

    private void Rule(string name, string? value)
    {
        if (value is not null)
        {
            w.WriteString(name, value);
        }
    }
}
