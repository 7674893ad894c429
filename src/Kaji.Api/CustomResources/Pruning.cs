using System.Text.Json.Nodes;
using Kaji.Api.Schemas;

namespace Kaji.Api.CustomResources;

/// <summary>
/// Takes out of a custom object what its schema does not name.
/// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-pruning
/// </summary>
public static class Pruning
{
    private const int MaxReported = 100;

    /// <summary>Prunes a whole object in place.</summary>
    /// <param name="obj">The custom object.</param>
    /// <param name="schema">Of its version.</param>
    /// <param name="unknown">Gets the paths of what was dropped, as <c>spec.foo</c>; null when nobody asks.</param>
    public static void Prune(JsonObject obj, StructuralSchema schema, ICollection<string>? unknown = null) => Walk(obj, schema, "", root: true, unknown);

    /// <summary>Nulls of fields that are not nullable and have no default are as good as absent.</summary>
    public static void DropNulls(JsonNode? node, StructuralSchema? schema)
    {
        switch (node)
        {
            case JsonObject obj:
                List<string>? gone = null;
                foreach (var (name, value) in obj)
                {
                    if (Child(schema, name) is not { } child)
                    {
                        continue;
                    }

                    if (value is null)
                    {
                        if (!child.Nullable && child.Default is null && !child.IntOrStringOrAnything())
                        {
                            (gone ??= []).Add(name);
                        }

                        continue;
                    }

                    DropNulls(value, child);
                }

                foreach (var name in gone ?? [])
                {
                    obj.Remove(name);
                }

                break;
            case JsonArray list when schema?.Items is { } items:
                foreach (var item in list)
                {
                    DropNulls(item, items);
                }

                break;
        }
    }

    private static bool IntOrStringOrAnything(this StructuralSchema schema) => schema is { Type: "", PreservesUnknown: true };

    private static void Walk(JsonNode? node, StructuralSchema? schema, string path, bool root, ICollection<string>? unknown)
    {
        switch (node)
        {
            case JsonObject obj:
                List<string>? gone = null;
                foreach (var (name, value) in obj)
                {
                    if ((root || schema?.Embedded == true) && name is "apiVersion" or "kind" or "metadata")
                    {
                        if (!root && value is JsonObject metadata)
                        {
                            PruneMetadata(metadata, Join(path, name), unknown);
                        }

                        continue;
                    }

                    if (schema?.Properties.TryGetValue(name, out var property) == true)
                    {
                        Walk(value, property, Join(path, name), root: false, unknown);
                    }
                    else if (schema?.AllowsAdditional == true)
                    {
                        if (schema.AdditionalProperties is not null || !schema.PreservesUnknown)
                        {
                            Walk(value, schema.AdditionalProperties, Join(path, name), root: false, unknown);
                        }
                    }
                    else if (schema?.PreservesUnknown != true)
                    {
                        (gone ??= []).Add(name);
                        if (unknown is not null && unknown.Count < MaxReported)
                        {
                            unknown.Add(Join(path, name));
                        }
                    }
                }

                foreach (var name in gone ?? [])
                {
                    obj.Remove(name);
                }

                break;
            case JsonArray list when schema?.Items is not null || schema?.PreservesUnknown != true:
                for (var i = 0; i < list.Count; i++)
                {
                    if (list[i] is JsonObject or JsonArray)
                    {
                        Walk(list[i], schema?.Items, $"{path}[{i}]", root: false, unknown);
                    }
                }

                break;
        }
    }

    /// <summary>Metadata of an embedded object; the outer object's own is looked at where that of every kind is.</summary>
    private static void PruneMetadata(JsonObject metadata, string path, ICollection<string>? unknown)
    {
        var known = BuiltInSchemas.Find(BuiltInSchemas.NameOf("meta.k8s.io", "v1", "ObjectMeta"))!;
        foreach (var name in metadata.Select(p => p.Key).Where(n => known.Field(n) is null).ToArray())
        {
            metadata.Remove(name);
            if (unknown is not null && unknown.Count < MaxReported)
            {
                unknown.Add(Join(path, name));
            }
        }
    }

    private static StructuralSchema? Child(StructuralSchema? schema, string name) =>
        schema is null ? null : schema.Properties.TryGetValue(name, out var property) ? property : schema.AdditionalProperties;

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
