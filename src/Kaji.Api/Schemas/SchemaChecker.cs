using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kaji.Api.Schemas;

/// <summary>What decoding an object into its Go type would have said: wrong types are errors, unknown fields are warnings or errors by fieldValidation.</summary>
/// <param name="UnknownFields">As <c>unknown field "spec.foo"</c>.</param>
/// <param name="TypeError">The first wrong type, or null.</param>
public sealed record SchemaFindings(IReadOnlyList<string> UnknownFields, string? TypeError);

/// <summary>Checks an object against its definition.</summary>
public static class SchemaChecker
{
    private const int MaxUnknown = 100;

    /// <summary>Walks the object; a kind without a definition has nothing to say.</summary>
    public static SchemaFindings Check(JsonObject obj, string definition)
    {
        var unknown = new List<string>();
        string? wrong = null;
        if (BuiltInSchemas.Find(definition) is { } root)
        {
            Walk(obj, root, "", unknown, ref wrong);
        }

        return new SchemaFindings(unknown, wrong);
    }

    private static void Walk(JsonObject obj, Definition definition, string path, List<string> unknown, ref string? wrong)
    {
        foreach (var (name, value) in obj)
        {
            if (definition.Field(name) is not { } field)
            {
                if (path.Length == 0 && name is "apiVersion" or "kind")
                {
                    continue;
                }

                if (definition.Fields.Count > 0 && unknown.Count < MaxUnknown)
                {
                    unknown.Add($"unknown field \"{path}{name}\"");
                }

                continue;
            }

            if (value is not null)
            {
                Value(value, field, field.Shape, definition, path + name, unknown, ref wrong);
            }
        }
    }

    private static void Value(JsonNode value, FieldSchema field, FieldShape shape, Definition owner, string path, List<string> unknown, ref string? wrong)
    {
        switch (shape)
        {
            case FieldShape.List:
                if (value is not JsonArray list)
                {
                    wrong ??= Mismatch(value, owner, field, "[]" + GoType(field));
                    return;
                }

                for (var i = 0; i < list.Count; i++)
                {
                    if (list[i] is { } item)
                    {
                        Value(item, field, FieldShape.One, owner, $"{path}[{i}]", unknown, ref wrong);
                    }
                }

                return;
            case FieldShape.Map:
                if (value is not JsonObject map)
                {
                    wrong ??= Mismatch(value, owner, field, "map[string]" + GoType(field));
                    return;
                }

                foreach (var (key, entry) in map)
                {
                    if (entry is not null)
                    {
                        Value(entry, field, field.ListInMap ? FieldShape.List : FieldShape.One, owner, $"{path}.{key}", unknown, ref wrong);
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
                wrong ??= Mismatch(value, owner, field, GoType(field));
                return;
            case FieldType.Integer:
                if (kind != JsonValueKind.Number || !value.AsValue().TryGetValue<long>(out var number) || (field.Format == "int32" && number is > int.MaxValue or < int.MinValue))
                {
                    wrong ??= Mismatch(value, owner, field, GoType(field));
                }

                return;
            case FieldType.Object when BuiltInSchemas.IsScalar(field.Reference!):
                Scalar(value, kind, owner, field, ref wrong);
                return;
            case FieldType.Object when BuiltInSchemas.Resolve(owner, field.Reference!) is { } definition:
                if (value is JsonObject obj)
                {
                    Walk(obj, definition, path + ".", unknown, ref wrong);
                }
                else
                {
                    wrong ??= Mismatch(value, owner, field, "v1." + field.Reference);
                }

                return;
        }
    }

    private static void Scalar(JsonNode value, JsonValueKind kind, Definition owner, FieldSchema field, ref string? wrong)
    {
        switch (field.Reference)
        {
            case "Quantity" when kind is not (JsonValueKind.String or JsonValueKind.Number) || !Metadata.Quantity.TryParse(value.ToString(), out _):
                wrong ??= "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
                return;
            case "IntOrString" when kind is not (JsonValueKind.String or JsonValueKind.Number):
                wrong ??= Mismatch(value, owner, field, "intstr.IntOrString");
                return;
            case "Time" or "MicroTime" when kind != JsonValueKind.String || !Metadata.Timestamps.TryParse(value.GetValue<string>(), out _):
                wrong ??= $"parsing time {value.ToJsonString()} as \"2006-01-02T15:04:05Z07:00\": cannot parse";
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
