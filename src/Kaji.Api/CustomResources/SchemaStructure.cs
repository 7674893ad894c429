using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;

namespace Kaji.Api.CustomResources;

/// <summary>
/// Whether an <c>openAPIV3Schema</c> is structural: each part has a type, value validation (allOf, anyOf, oneOf, not) only restricts what is named outside it, and nothing
/// is there that Kubernetes does not support.
/// </summary>
public static class SchemaStructure
{
    private static readonly string[] Unsupported = ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"];
    private static readonly string[] Types = ["array", "boolean", "integer", "number", "object", "string"];
    private static readonly string[] OnlyOutside = ["type", "default", "title", "description", "nullable", "externalDocs", "additionalProperties", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string", "x-kubernetes-list-map-keys", "x-kubernetes-list-type", "x-kubernetes-map-type", "x-kubernetes-validations"];

    private enum Level
    {
        Root,
        Item,
        Field,
    }

    /// <param name="schema">The whole schema.</param>
    /// <param name="path">Of it, in errors.</param>
    /// <param name="patterns">To see whether patterns can be understood.</param>
    /// <param name="errors">Gets what is wrong.</param>
    public static void Validate(JsonObject schema, string path, PatternCompiler patterns, ICollection<FieldError> errors) => Walk(schema, path, Level.Root, patterns, errors);

    private static void Walk(JsonObject schema, string path, Level level, PatternCompiler patterns, ICollection<FieldError> errors)
    {
        var (type, intOrString, preserves, embedded) =
            (schema.Str("type"), schema.Bool("x-kubernetes-int-or-string") == true, schema.Bool("x-kubernetes-preserve-unknown-fields") == true, schema.Bool("x-kubernetes-embedded-resource") == true);
        OfType(schema, type, intOrString, preserves, embedded, path, level, errors);
        OfWords(schema, path, patterns, errors);
        if (schema.Bool("uniqueItems") == true)
        {
            errors.Forbidden(path + ".uniqueItems", "uniqueItems cannot be set to true since the runtime complexity becomes quadratic");
        }

        if (schema["additionalProperties"] is { } additional)
        {
            if (schema.Obj("properties") is { Count: > 0 } && schema.Bool("additionalProperties") != true)
            {
                errors.Forbidden(path + ".additionalProperties", "additionalProperties and properties are mutual exclusive");
            }

            if (level == Level.Root)
            {
                errors.Forbidden(path + ".additionalProperties", "must not be used at the root");
            }
            else if (embedded)
            {
                errors.Forbidden(path + ".additionalProperties", "must not be used if x-kubernetes-embedded-resource is set");
            }

            if (schema.Bool("additionalProperties") == false)
            {
                errors.Forbidden(path + ".additionalProperties", "additionalProperties cannot be set to false");
            }

            if (additional is JsonObject values)
            {
                Walk(values, path + ".additionalProperties", Level.Field, patterns, errors);
            }
        }

        foreach (var (name, property) in schema.Obj("properties") ?? [])
        {
            if (property is not JsonObject below)
            {
                continue;
            }

            if (name == "metadata" && (level == Level.Root || embedded))
            {
                Metadata(below, $"{path}.properties[metadata]", level, errors);
                continue;
            }

            if (name is "kind" or "apiVersion" && (level == Level.Root || embedded) && below.Str("type") != "string")
            {
                errors.Invalid($"{path}.properties[{name}].type", below.Str("type"), "must be string");
            }

            Walk(below, $"{path}.properties[{name}]", Level.Field, patterns, errors);
        }

        if (schema.Obj("items") is { } items)
        {
            Walk(items, path + ".items", Level.Item, patterns, errors);
        }
        else if (schema["items"] is JsonArray)
        {
            errors.Forbidden(path + ".items", "items must be a schema object and not an array");
        }

        OfLists(schema, type, path, errors);
        foreach (var (nested, at) in Nested(schema, path))
        {
            OfNested(nested, at, schema, path, intOrString, patterns, errors);
        }

        if (schema["default"] is { } value)
        {
            OfDefault(value, schema, path, patterns, errors);
        }
    }

    private static void OfType(JsonObject schema, string type, bool intOrString, bool preserves, bool embedded, string path, Level level, ICollection<FieldError> errors)
    {
        if (embedded && type != "object")
        {
            if (type.Length == 0)
            {
                errors.Required(path + ".type", "must be object if x-kubernetes-embedded-resource is true");
            }
            else
            {
                errors.Invalid(path + ".type", type, "must be object if x-kubernetes-embedded-resource is true");
            }
        }
        else if (type.Length == 0 && !intOrString && !preserves)
        {
            errors.Required(path + ".type", level switch { Level.Root => "must not be empty at the root", Level.Item => "must not be empty for specified array items", _ => "must not be empty for specified object fields" });
        }
        else if (type == "null")
        {
            errors.Forbidden(path + ".type", "type cannot be set to null, use nullable as an alternative");
        }
        else if (type.Length > 0 && !Types.Contains(type, StringComparer.Ordinal))
        {
            errors.NotSupported(path + ".type", type, Types);
        }

        if (level == Level.Root && type.Length > 0 && type != "object")
        {
            errors.Invalid(path + ".type", type, "must be object at the root");
        }

        if (level == Level.Root && schema.Bool("nullable") == true)
        {
            errors.Forbidden(path + ".nullable", "nullable cannot be true at the root");
        }

        if (type == "array" && schema["items"] is null)
        {
            errors.Required(path + ".items", "must be specified");
        }

        if (intOrString && preserves)
        {
            errors.Add(new FieldError("FieldValueInvalid", path + ".x-kubernetes-preserve-unknown-fields", "Invalid value: true: must be false if x-kubernetes-int-or-string is true"));
        }

        if (intOrString && embedded)
        {
            errors.Add(new FieldError("FieldValueInvalid", path + ".x-kubernetes-embedded-resource", "Invalid value: true: must be false if x-kubernetes-int-or-string is true"));
        }

        if (embedded && !preserves && schema.Obj("properties") is null or { Count: 0 })
        {
            if (embedded && !preserves)
            {
                errors.Required(path + ".properties", "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields");
            }
        }
    }

    private static void OfWords(JsonObject schema, string path, PatternCompiler patterns, ICollection<FieldError> errors)
    {
        foreach (var word in Unsupported.Where(w => schema[w] is not null))
        {
            errors.Forbidden($"{path}.{word}", $"{word} is not supported");
        }

        if (schema.Str("pattern") is { Length: > 0 } pattern && patterns(pattern) is null)
        {
            errors.Invalid(path + ".pattern", pattern, "must be a valid regular expression, but isn't: error parsing regexp");
        }
    }

    private static void Metadata(JsonObject schema, string path, Level level, ICollection<FieldError> errors)
    {
        if (schema.Str("type") != "object")
        {
            errors.Invalid(path + ".type", schema.Str("type"), "must be object");
        }

        if (level == Level.Root && ((schema.Obj("properties") ?? []).Any(p => p.Key is not ("name" or "generateName")) || schema.Any(p => p.Key is not ("type" or "properties" or "description"))))
        {
            errors.Forbidden(path, "must not specify anything other than name and generateName, but metadata is implicitly specified");
        }
    }

    private static void OfLists(JsonObject schema, string type, string path, ICollection<FieldError> errors)
    {
        var listType = schema.Str("x-kubernetes-list-type");
        var keys = (schema["x-kubernetes-list-map-keys"] as JsonArray ?? []).Select(k => k.Text()).ToArray();
        if (listType.Length > 0)
        {
            if (type != "array")
            {
                errors.Invalid(path + ".type", type, "must be array if x-kubernetes-list-type is specified");
            }

            if (listType is not ("atomic" or "set" or "map"))
            {
                errors.NotSupported(path + ".x-kubernetes-list-type", listType, ["atomic", "map", "set"]);
            }
        }

        if (schema.Str("x-kubernetes-map-type") is { Length: > 0 } mapType && mapType is not ("atomic" or "granular"))
        {
            errors.NotSupported(path + ".x-kubernetes-map-type", mapType, ["atomic", "granular"]);
        }

        if (keys.Length > 0 && listType != "map")
        {
            errors.Invalid(path + ".x-kubernetes-list-type", listType, "must be map if x-kubernetes-list-map-keys is non-empty");
        }

        if (listType != "map")
        {
            return;
        }

        if (keys.Length == 0)
        {
            errors.Required(path + ".x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map");
        }

        var items = schema.Obj("items");
        if (items is not null && items.Str("type") != "object")
        {
            errors.Invalid(path + ".items.type", items.Str("type"), "must be object if parent array's x-kubernetes-list-type is map");
            return;
        }

        var required = (items?["required"] as JsonArray ?? []).Select(r => r.Text()).ToHashSet(StringComparer.Ordinal);
        for (var i = 0; i < keys.Length; i++)
        {
            if (items.Obj("properties").Obj(keys[i]) is not { } property)
            {
                errors.Invalid($"{path}.x-kubernetes-list-map-keys[{i}]", keys[i], "entries must all be names of item properties");
                continue;
            }

            if (property.Str("type") is "array" or "object")
            {
                errors.Invalid($"{path}.items.properties[{keys[i]}].type", property.Str("type"), "must be a scalar type if parent array's x-kubernetes-list-type is map");
            }

            if (!required.Contains(keys[i]) && property["default"] is null)
            {
                errors.Required($"{path}.items.properties[{keys[i]}].default", "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property");
            }
        }
    }

    private static IEnumerable<(JsonObject Schema, string Path)> Nested(JsonObject schema, string path)
    {
        foreach (var word in (string[])["allOf", "anyOf", "oneOf"])
        {
            var index = 0;
            foreach (var one in schema.Items(word))
            {
                yield return (one, $"{path}.{word}[{index++}]");
            }
        }

        if (schema.Obj("not") is { } not)
        {
            yield return (not, path + ".not");
        }
    }

    /// <param name="nested">A schema within allOf, anyOf, oneOf or not.</param>
    /// <param name="path">Of it.</param>
    /// <param name="outer">What is known outside of it of the same value; null when nothing is.</param>
    /// <param name="outerPath">Of that.</param>
    private static void OfNested(JsonObject nested, string path, JsonObject? outer, string outerPath, bool intOrString, PatternCompiler patterns, ICollection<FieldError> errors)
    {
        foreach (var word in OnlyOutside.Where(w => nested[w] is { } value && !(value is JsonValue flag && flag.TryGetValue<bool>(out var on) && !on) && !(value is JsonArray { Count: 0 })))
        {
            if (word == "type" && intOrString && nested.Str("type") is "integer" or "string")
            {
                continue;
            }

            var what = word switch
            {
                "default" or "externalDocs" or "additionalProperties" or "x-kubernetes-list-type" or "x-kubernetes-map-type" => "must be undefined to be structural",
                "nullable" or "x-kubernetes-preserve-unknown-fields" or "x-kubernetes-embedded-resource" or "x-kubernetes-int-or-string" => "must be false to be structural",
                _ => "must be empty to be structural",
            };
            errors.Forbidden($"{path}.{word}", what);
        }

        OfWords(nested, path, patterns, errors);
        foreach (var (name, property) in nested.Obj("properties") ?? [])
        {
            if (name == "metadata")
            {
                errors.Forbidden($"{path}.properties[metadata]", "must not be specified in a nested context");
            }

            var known = outer.Obj("properties").Obj(name);
            if (known is null && outer is not null && outer["additionalProperties"] is null)
            {
                errors.Required($"{outerPath}.properties[{name}]", $"because it is defined in {path}.properties[{name}]");
            }

            if (property is JsonObject below)
            {
                OfNested(below, $"{path}.properties[{name}]", known, $"{outerPath}.properties[{name}]", known.Bool("x-kubernetes-int-or-string") == true, patterns, errors);
            }
        }

        if (nested.Obj("items") is { } items)
        {
            var known = outer.Obj("items");
            if (known is null && outer is not null)
            {
                errors.Required(outerPath + ".items", $"because it is defined in {path}.items");
            }

            OfNested(items, path + ".items", known, outerPath + ".items", known.Bool("x-kubernetes-int-or-string") == true, patterns, errors);
        }

        foreach (var (below, at) in Nested(nested, path))
        {
            OfNested(below, at, outer, outerPath, intOrString, patterns, errors);
        }
    }

    private static void OfDefault(JsonNode value, JsonObject schema, string path, PatternCompiler patterns, ICollection<FieldError> errors)
    {
        var structural = StructuralSchema.Parse(schema, patterns);
        var found = new List<FieldError>();
        SchemaValidation.Validate(value, null, structural, "", found);
        foreach (var error in found)
        {
            errors.Add(error with { Field = error.Field == "<nil>" ? path + ".default" : $"{path}.default.{error.Field}" });
        }

        if (value is JsonObject obj)
        {
            var unknown = new List<string>();
            var copy = new JsonObject { ["value"] = obj.DeepClone() };
            Pruning.Prune(copy, StructuralSchema.Parse(new JsonObject { ["type"] = "object", ["properties"] = new JsonObject { ["value"] = schema.DeepClone() } }, patterns), unknown);
            if (unknown.Count > 0)
            {
                errors.Add(new FieldError("FieldValueInvalid", path + ".default", $"Invalid value: {value.ToJsonString()}: must not have unknown fields"));
            }
        }
    }
}
