using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Api.Errors;

namespace Kaji.Api.CustomResources;

/// <summary>
/// Checks a custom object against its schema, with the sentences of Kubernetes' validator. What an update does not change is not checked again: a schema may have become
/// stricter than objects that are there. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation-ratcheting
/// </summary>
public static class SchemaValidation
{
    /// <param name="obj">The object, or a part of it.</param>
    /// <param name="old">What it was before; null for a create.</param>
    /// <param name="schema">Of the object.</param>
    /// <param name="path">Of the object within what errors name; empty for the whole.</param>
    /// <param name="errors">Gets what is wrong.</param>
    public static void Validate(JsonNode? obj, JsonNode? old, StructuralSchema schema, string path, ICollection<FieldError> errors)
    {
        if (old is not null && obj is not null && JsonNode.DeepEquals(obj, old))
        {
            return;
        }

        if (obj is null)
        {
            if (!schema.Nullable && Types(schema) is { Length: > 0 } types)
            {
                WrongType(path, types, "null", errors);
            }

            return;
        }

        CheckType(obj, schema, path, errors);
        Combinations(obj, old, schema, path, errors);
        switch (obj)
        {
            case JsonObject map:
                Fields(map, old as JsonObject, schema, path, errors);
                break;
            case JsonArray list:
                Items(list, old as JsonArray, schema, path, errors);
                break;
            case JsonValue value:
                Scalar(value, schema, path, errors);
                break;
        }

        if (schema.Enum.Count > 0 && !schema.Enum.Any(e => JsonNode.DeepEquals(e, obj)))
        {
            errors.Add(new FieldError("FieldValueNotSupported", At(path), $"Unsupported value: {Show(obj)}: supported values: {string.Join(", ", schema.Enum.Select(e => $"\"{(e is JsonValue v && v.TryGetValue<string>(out var text) ? text : e?.ToJsonString() ?? "null")}\""))}"));
        }
    }

    /// <summary>The old item that an item of a list is a change of; null when there is none, or it can't be told.</summary>
    public static JsonNode? OldItem(JsonArray? old, JsonNode? item, StructuralSchema schema) =>
        old is null ? null
        : schema.ListType == "map" && item is JsonObject one ? old.FirstOrDefault(o => o is JsonObject other && schema.ListMapKeys.All(k => JsonNode.DeepEquals(Key(one, k, schema), Key(other, k, schema))))
        : null;

    /// <summary>A value as messages show it.</summary>
    public static string Show(JsonNode? value) => value switch
    {
        null => "\"null\"",
        JsonValue text when text.TryGetValue<string>(out var said) => JsonSerializer.Serialize(said, PlainText.Default.String),
        _ => value.ToJsonString(),
    };

    internal static string TypeOf(JsonNode value) => value.GetValueKind() switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.Number => JsonNumbers.IsWhole(value.AsValue()) ? "integer" : "number",
        JsonValueKind.Null => "null",
        _ => "boolean",
    };

    private static string Types(StructuralSchema schema) => schema.IntOrString ? "integer,string" : schema.Type;

    private static void CheckType(JsonNode obj, StructuralSchema schema, string path, ICollection<FieldError> errors)
    {
        var wanted = Types(schema);
        var actual = TypeOf(obj);
        if (wanted.Length > 0 && actual != wanted && !(wanted == "number" && actual == "integer") && !(wanted == "integer,string" && actual is "integer" or "string"))
        {
            WrongType(path, wanted, actual, errors);
        }
    }

    private static void WrongType(string path, string wanted, string actual, ICollection<FieldError> errors) =>
        errors.Add(new FieldError("FieldValueTypeInvalid", At(path), $"Invalid value: \"{actual}\": {path} in body must be of type {wanted}: \"{actual}\""));

    private static void Combinations(JsonNode obj, JsonNode? old, StructuralSchema schema, string path, ICollection<FieldError> errors)
    {
        if (schema.AnyOf.Count > 0 && Best(obj, old, schema.AnyOf, path, out var failures) == 0)
        {
            NotOne(path, "must validate at least one schema (anyOf)", errors);
            AddAll(errors, failures);
        }

        if (schema.OneOf.Count > 0)
        {
            var valid = Best(obj, old, schema.OneOf, path, out failures);
            if (valid != 1)
            {
                NotOne(path, $"must validate one and only one schema (oneOf). {(valid == 0 ? "Found none valid" : $"Found {valid} valid alternatives")}", errors);
                AddAll(errors, valid == 0 ? failures : []);
            }
        }

        if (schema.AllOf.Count > 0)
        {
            var valid = 0;
            foreach (var each in schema.AllOf)
            {
                var found = new List<FieldError>();
                Validate(obj, old, each, path, found);
                valid += found.Count == 0 ? 1 : 0;
                AddAll(errors, found);
            }

            if (valid < schema.AllOf.Count)
            {
                NotOne(path, $"must validate all the schemas (allOf){(valid == 0 ? ". None validated" : "")}", errors);
            }
        }

        if (schema.Not is { } not)
        {
            var found = new List<FieldError>();
            Validate(obj, null, not, path, found);
            if (found.Count == 0)
            {
                NotOne(path, "must not validate the schema (not)", errors);
            }
        }
    }

    /// <summary>How many of the schemas hold, and the complaints of the one that came closest.</summary>
    private static int Best(JsonNode obj, JsonNode? old, IReadOnlyList<StructuralSchema> schemas, string path, out List<FieldError> failures)
    {
        var valid = 0;
        List<FieldError>? best = null;
        foreach (var schema in schemas)
        {
            var found = new List<FieldError>();
            Validate(obj, old, schema, path, found);
            if (found.Count == 0)
            {
                valid++;
            }
            else if (best is null || found.Count < best.Count)
            {
                best = found;
            }
        }

        failures = best ?? [];
        return valid;
    }

    private static void NotOne(string path, string sentence, ICollection<FieldError> errors) =>
        errors.Add(new FieldError("FieldValueInvalid", "<nil>", $"Invalid value: \"\": \"{path}\" {sentence}"));

    private static void AddAll(ICollection<FieldError> errors, List<FieldError> found)
    {
        foreach (var error in found)
        {
            errors.Add(error);
        }
    }

    private static void Fields(JsonObject map, JsonObject? old, StructuralSchema schema, string path, ICollection<FieldError> errors)
    {
        if (schema.MaxProperties is { } most && map.Count > most)
        {
            errors.Add(new FieldError("FieldValueTooMany", At(path), $"Too many: {map.Count}: must have at most {most} items"));
        }

        if (schema.MinProperties is { } least && map.Count < least)
        {
            Invalid(path, JsonValue.Create(map.Count), $"should have at least {least} properties", errors);
        }

        foreach (var name in schema.Required.Where(r => !map.ContainsKey(r)))
        {
            errors.Required(Join(path, name));
        }

        foreach (var (name, value) in map)
        {
            if (schema.Properties.TryGetValue(name, out var property))
            {
                Validate(value, old?[name], property, Join(path, name), errors);
            }
            else if (schema.AdditionalProperties is { } values && !(schema.Embedded && name is "apiVersion" or "kind" or "metadata"))
            {
                Validate(value, old?[name], values, Join(path, name), errors);
            }
        }

        if (schema.Embedded)
        {
            Embedded(map, path, errors);
        }
    }

    private static void Embedded(JsonObject map, string path, ICollection<FieldError> errors)
    {
        foreach (var field in (ReadOnlySpan<string>)["apiVersion", "kind"])
        {
            if (map[field] is not JsonValue value || !value.TryGetValue<string>(out var text))
            {
                errors.Required(Join(path, field), "must not be empty");
            }
            else if (text.Length == 0)
            {
                errors.Required(Join(path, field), "must not be empty");
            }
        }

        if (map["metadata"] is not (null or JsonObject))
        {
            errors.Add(new FieldError("FieldValueInvalid", Join(path, "metadata"), $"Invalid value: {Show(map["metadata"])}: must be an object"));
        }
        else if (map["metadata"] is JsonObject metadata && Schemas.SchemaChecker.Check(metadata, Schemas.BuiltInSchemas.NameOf("meta.k8s.io", "v1", "ObjectMeta")).TypeError is { } wrong)
        {
            errors.Invalid(Join(path, "metadata"), "object", wrong);
        }
    }

    private static void Items(JsonArray list, JsonArray? old, StructuralSchema schema, string path, ICollection<FieldError> errors)
    {
        if (schema.MaxItems is { } most && list.Count > most)
        {
            errors.Add(new FieldError("FieldValueTooMany", At(path), $"Too many: {list.Count}: must have at most {most} items"));
        }

        if (schema.MinItems is { } least && list.Count < least)
        {
            Invalid(path, JsonValue.Create(list.Count), $"should have at least {least} items", errors);
        }

        if (schema.UniqueItems && HasDuplicate(list, item => item?.ToJsonString() ?? "null", out _))
        {
            Invalid(path, null, "shouldn't contain duplicates", errors);
        }

        if (schema.Items is { } items)
        {
            for (var i = 0; i < list.Count; i++)
            {
                Validate(list[i], OldItem(old, list[i], schema), items, $"{path}[{i}]", errors);
            }
        }

        Duplicates(list, schema, path, errors);
    }

    private static void Duplicates(JsonArray list, StructuralSchema schema, string path, ICollection<FieldError> errors)
    {
        switch (schema.ListType)
        {
            case "set" when HasDuplicate(list, Canonical, out var at):
                foreach (var i in at)
                {
                    errors.Add(new FieldError("FieldValueDuplicate", $"{path}[{i}]", $"Duplicate value: {Show(list[i])}"));
                }

                break;
            case "map" when HasDuplicate(list, item => Canonical(Keys(item)), out var at):
                foreach (var i in at)
                {
                    errors.Add(new FieldError("FieldValueDuplicate", $"{path}[{i}]", $"Duplicate value: {Keys(list[i]).ToJsonString()}"));
                }

                break;
        }

        JsonObject Keys(JsonNode? item) => new(schema.ListMapKeys.Order(StringComparer.Ordinal).Select(k => KeyValuePair.Create(k, Key(item as JsonObject, k, schema)?.DeepClone())).Where(p => p.Value is not null));
    }

    private static JsonNode? Key(JsonObject? item, string key, StructuralSchema list) => item?[key] ?? (list.Items?.Properties.TryGetValue(key, out var property) == true ? property.Default : null);

    private static bool HasDuplicate(JsonArray list, Func<JsonNode?, string> of, out List<int> at)
    {
        at = [];
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < list.Count; i++)
        {
            if (!seen.Add(of(list[i])))
            {
                at.Add(i);
            }
        }

        return at.Count > 0;
    }

    /// <summary>Equal values have equal texts, whatever the order of their fields.</summary>
    private static string Canonical(JsonNode? node) => node switch
    {
        null => "null",
        JsonObject obj => $"{{{string.Join(',', obj.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => $"{JsonSerializer.Serialize(p.Key, PlainText.Default.String)}:{Canonical(p.Value)}"))}}}",
        JsonArray list => $"[{string.Join(',', list.Select(Canonical))}]",
        JsonValue value when value.GetValueKind() == JsonValueKind.Number => JsonNumbers.Show(JsonNumbers.Of(value)),
        _ => node.ToJsonString(),
    };

    private static void Scalar(JsonValue value, StructuralSchema schema, string path, ICollection<FieldError> errors)
    {
        switch (value.GetValueKind())
        {
            case JsonValueKind.String:
                Text(value.GetValue<string>(), value, schema, path, errors);
                break;
            case JsonValueKind.Number:
                Number(JsonNumbers.Of(value), value, schema, path, errors);
                break;
        }
    }

    private static void Text(string text, JsonValue value, StructuralSchema schema, string path, ICollection<FieldError> errors)
    {
        if (schema.MaxLength is not null || schema.MinLength is not null)
        {
            var length = text.EnumerateRunes().Count();
            if (schema.MaxLength is { } most && length > most)
            {
                errors.TooLong(At(path), (int)most);
            }

            if (schema.MinLength is { } least && length < least)
            {
                Invalid(path, value, $"should be at least {least} chars long", errors);
            }
        }

        if (schema.Pattern.Length > 0 && schema.PatternRegex?.IsMatch(text) == false)
        {
            Invalid(path, value, $"should match '{schema.Pattern}'", errors);
        }

        if (schema.Format.Length > 0 && !Formats.Fits(schema.Format, text))
        {
            errors.Add(new FieldError("FieldValueTypeInvalid", At(path), $"Invalid value: {Show(value)}: {path} in body must be of type {schema.Format}: {Show(value)}"));
        }
    }

    private static void Number(double number, JsonValue value, StructuralSchema schema, string path, ICollection<FieldError> errors)
    {
        if (schema.MultipleOf is { } factor && !double.IsInteger(Math.Round(number / factor, 9)))
        {
            Invalid(path, value, $"should be a multiple of {JsonNumbers.Show(factor)}", errors);
        }

        if (schema.Maximum is { } most && (schema.ExclusiveMaximum ? number >= most : number > most))
        {
            Invalid(path, value, $"should be less than {(schema.ExclusiveMaximum ? "" : "or equal to ")}{JsonNumbers.Show(most)}", errors);
        }

        if (schema.Minimum is { } least && (schema.ExclusiveMinimum ? number <= least : number < least))
        {
            Invalid(path, value, $"should be greater than {(schema.ExclusiveMinimum ? "" : "or equal to ")}{JsonNumbers.Show(least)}", errors);
        }

        var fits = schema.Format switch
        {
            "int32" => number is >= int.MinValue and <= int.MaxValue,
            "int64" => number is >= long.MinValue and <= long.MaxValue,
            "uint32" => number is >= 0 and <= uint.MaxValue,
            "float" => Math.Abs(number) <= float.MaxValue,
            _ => true,
        };
        if (!fits)
        {
            errors.Add(new FieldError("FieldValueInvalid", At(path), $"Invalid value: {value.ToJsonString()}: Checked value must be of type {schema.Type} with format {schema.Format} in {path}"));
        }
    }

    private static void Invalid(string path, JsonNode? value, string sentence, ICollection<FieldError> errors) =>
        errors.Add(new FieldError("FieldValueInvalid", At(path), $"Invalid value: {(value is null ? "\"\"" : Show(value))}: {path} in body {sentence}"));

    private static string At(string path) => path.Length == 0 ? "<nil>" : path;

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";
}
