using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kaji.Api.Schemas;

/// <summary>What decoding an object into its Go type would have said: wrong types are errors, unknown fields are warnings or errors by fieldValidation.</summary>
/// <param name="UnknownFields">As <c>unknown field "spec.foo"</c>.</param>
/// <param name="TypeError">The first wrong type, or null.</param>
public sealed record SchemaFindings(IReadOnlyList<string> UnknownFields, string? TypeError)
{
    /// <summary>Fields that hold null, or an empty list or map where that is the same as nothing: a Go type would not write them again.</summary>
    internal IReadOnlyList<(JsonObject Owner, string Field)> Unset { get; init; } = [];

    /// <summary>Where the unknown fields stand: all of them, also those that are too many to name.</summary>
    internal IReadOnlyList<(JsonObject Owner, string Field)> Unknown { get; init; } = [];

    /// <summary>Takes the unknown fields out, as decoding into a Go type would.</summary>
    public void RemoveUnknown()
    {
        foreach (var (owner, field) in Unknown)
        {
            owner.Remove(field);
        }
    }

    /// <summary>Takes those fields out.</summary>
    public void RemoveUnset()
    {
        foreach (var (owner, field) in Unset)
        {
            owner.Remove(field);
        }
    }
}

/// <summary>Checks an object against its definition.</summary>
public static class SchemaChecker
{
    /// <summary>Walks the object; a kind without a definition has nothing to say.</summary>
    public static SchemaFindings Check(JsonObject obj, string definition)
    {
        var walk = new SchemaWalk();
        if (BuiltInSchemas.Find(definition) is { } root)
        {
            walk.Object(obj, root, "");
        }

        return new SchemaFindings(walk.Names, walk.Wrong) { Unset = walk.Unset, Unknown = walk.Unknown };
    }
}

/// <summary>One walk over an object: what it has found so far.</summary>
internal sealed class SchemaWalk
{
    private const int MaxUnknown = 100;

    public List<string> Names { get; } = [];

    public List<(JsonObject Owner, string Field)> Unknown { get; } = [];

    public List<(JsonObject Owner, string Field)> Unset { get; } = [];

    public string? Wrong { get; private set; }

    public void Object(JsonObject obj, Definition definition, string path)
    {
        foreach (var (name, value) in obj)
        {
            if (definition.Field(name) is not { } field)
            {
                if (path.Length == 0 && name is "apiVersion" or "kind")
                {
                    continue;
                }

                if (definition.Fields.Count > 0)
                {
                    Unknown.Add((obj, name));
                    if (Names.Count < MaxUnknown)
                    {
                        Names.Add($"unknown field \"{path}{name}\"");
                    }
                }

                continue;
            }

            if (value is null || (!field.Required && (value, field.Shape) is (JsonArray { Count: 0 }, FieldShape.List) or (JsonObject { Count: 0 }, FieldShape.Map)))
            {
                Unset.Add((obj, name));
            }
            else
            {
                Value(value, field, field.Shape, definition, path + name);
            }
        }
    }

    private void Value(JsonNode value, FieldSchema field, FieldShape shape, Definition owner, string path)
    {
        switch (shape)
        {
            case FieldShape.List:
                if (value is not JsonArray list)
                {
                    Wrong ??= Mismatch(value, owner, field, "[]" + GoType(field));
                    return;
                }

                for (var i = 0; i < list.Count; i++)
                {
                    if (list[i] is { } item)
                    {
                        Value(item, field, FieldShape.One, owner, $"{path}[{i}]");
                    }
                }

                return;
            case FieldShape.Map:
                if (value is not JsonObject map)
                {
                    Wrong ??= Mismatch(value, owner, field, "map[string]" + GoType(field));
                    return;
                }

                foreach (var (key, entry) in map)
                {
                    if (entry is not null)
                    {
                        Value(entry, field, field.ListInMap ? FieldShape.List : FieldShape.One, owner, $"{path}.{key}");
                    }
                }

                return;
        }

        var kind = value.GetValueKind();
        switch (field.Type)
        {
            case FieldType.String when kind != JsonValueKind.String:
            case FieldType.Boolean when kind is not (JsonValueKind.True or JsonValueKind.False):
            case FieldType.Number when kind != JsonValueKind.Number:
                Wrong ??= Mismatch(value, owner, field, GoType(field));
                return;
            case FieldType.Integer:
                if (kind != JsonValueKind.Number || !value.AsValue().TryGetValue<long>(out var number) || (field.Format == "int32" && number is > int.MaxValue or < int.MinValue))
                {
                    Wrong ??= Mismatch(value, owner, field, GoType(field));
                }

                return;
            case FieldType.Object when BuiltInSchemas.IsScalar(field.Reference!):
                Scalar(value, kind, owner, field);
                return;
            case FieldType.Object when BuiltInSchemas.Resolve(owner, field.Reference!) is { } definition:
                if (value is JsonObject obj)
                {
                    Object(obj, definition, path + ".");
                }
                else
                {
                    Wrong ??= Mismatch(value, owner, field, "v1." + field.Reference);
                }

                return;
        }
    }

    private void Scalar(JsonNode value, JsonValueKind kind, Definition owner, FieldSchema field)
    {
        switch (field.Reference)
        {
            case "Quantity" when kind is not (JsonValueKind.String or JsonValueKind.Number) || !Metadata.Quantity.TryParse(value.ToString(), out _):
                Wrong ??= "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
                return;
            case "IntOrString" when kind is not (JsonValueKind.String or JsonValueKind.Number):
                Wrong ??= Mismatch(value, owner, field, "intstr.IntOrString");
                return;
            case "Time" or "MicroTime" when kind != JsonValueKind.String || !Metadata.Timestamps.TryParse(value.GetValue<string>(), out _):
                Wrong ??= $"parsing time {value.ToJsonString()} as \"2006-01-02T15:04:05Z07:00\": cannot parse";
                return;
        }
    }

    private static string Mismatch(JsonNode value, Definition owner, FieldSchema field, string goType)
    {
        var what = value.GetValueKind() switch
        {
            JsonValueKind.Object => "object",
            JsonValueKind.Array => "array",
            JsonValueKind.String => "string",
            JsonValueKind.Number when field.Type is FieldType.Integer => $"number {value.ToJsonString()}",
            JsonValueKind.Number => "number",
            _ => "bool",
        };
        return $"json: cannot unmarshal {what} into Go struct field {owner.Name[(owner.Name.LastIndexOf('.') + 1)..]}.{field.Name} of type {goType}";
    }

    private static string GoType(FieldSchema field) => field.Type switch
    {
        FieldType.Integer => field.Format ?? "int64",
        FieldType.Number => "float64",
        FieldType.Boolean => "bool",
        FieldType.Object => "v1." + field.Reference,
        _ => "string",
    };
}
