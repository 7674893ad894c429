using System.Text.Json.Nodes;

namespace Kaji.Api.CustomResources;

/// <summary>
/// Fills a custom object with its schema's defaults: in requests, and in what the store holds, since the schema may have got defaults later.
/// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting
/// </summary>
public static class Defaulting
{
    /// <summary>In place.</summary>
    public static void Apply(JsonNode? node, StructuralSchema? schema)
    {
        if (schema?.HasDefaults != true)
        {
            return;
        }

        switch (node)
        {
            case JsonObject obj:
                foreach (var (name, property) in schema.Properties)
                {
                    if (property.Default is { } value && (!obj.TryGetPropertyValue(name, out var present) || (present is null && !property.Nullable)))
                    {
                        obj[name] = value.DeepClone();
                    }
                }

                foreach (var (name, value) in obj.ToArray())
                {
                    if (schema.Properties.TryGetValue(name, out var property))
                    {
                        Apply(value, property);
                    }
                    else if (schema.AdditionalProperties is { } values)
                    {
                        if (value is null && !values.Nullable && values.Default is { } missing)
                        {
                            obj[name] = missing.DeepClone();
                        }

                        Apply(obj[name], values);
                    }
                }

                break;
            case JsonArray list when schema.Items is { } items:
                for (var i = 0; i < list.Count; i++)
                {
                    if (list[i] is null && !items.Nullable && items.Default is { } missing)
                    {
                        list[i] = missing.DeepClone();
                    }

                    Apply(list[i], items);
                }

                break;
        }
    }
}
