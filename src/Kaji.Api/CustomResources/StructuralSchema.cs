using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Kaji.Api.Kinds;

namespace Kaji.Api.CustomResources;

/// <summary>Makes a regular expression of a schema's pattern (RE2 syntax); null for one that can't be understood.</summary>
public delegate Regex? PatternCompiler(string pattern);

/// <summary>A rule of <c>x-kubernetes-validations</c>.</summary>
public sealed record ValidationRule(string Rule, string Message, string MessageExpression, string Reason, string FieldPath, bool? OptionalOldSelf);

/// <summary>
/// A structural schema, read once from <c>openAPIV3Schema</c>: what pruning, defaulting and validation of custom objects walk.
/// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
/// </summary>
public sealed class StructuralSchema
{
    private readonly Lazy<Regex?> _pattern;

    private StructuralSchema(JsonObject json, PatternCompiler patterns)
    {
        Type = json.Str("type");
        Format = json.Str("format");
        Nullable = json.Bool("nullable") == true;
        IntOrString = json.Bool("x-kubernetes-int-or-string") == true;
        PreservesUnknown = json.Bool("x-kubernetes-preserve-unknown-fields") == true;
        Embedded = json.Bool("x-kubernetes-embedded-resource") == true;
        ListType = json.Str("x-kubernetes-list-type");
        ListMapKeys = Strings(json, "x-kubernetes-list-map-keys");
        MapType = json.Str("x-kubernetes-map-type");
        Default = json["default"]?.DeepClone();
        Properties = (json.Obj("properties") ?? []).Where(p => p.Value is JsonObject).ToDictionary(p => p.Key, p => new StructuralSchema((JsonObject)p.Value!, patterns), StringComparer.Ordinal);
        AdditionalProperties = json.Obj("additionalProperties") is { } values ? new StructuralSchema(values, patterns) : null;
        AllowsAdditional = AdditionalProperties is not null || json.Bool("additionalProperties") == true;
        Items = json.Obj("items") is { } items ? new StructuralSchema(items, patterns) : null;
        AllOf = Many(json, "allOf", patterns);
        AnyOf = Many(json, "anyOf", patterns);
        OneOf = Many(json, "oneOf", patterns);
        Not = json.Obj("not") is { } not ? new StructuralSchema(not, patterns) : null;
        Required = Strings(json, "required");
        Enum = json["enum"] is JsonArray values2 ? [.. values2.Select(v => v?.DeepClone())] : [];
        Pattern = json.Str("pattern");
        (Minimum, Maximum, MultipleOf) = (Number(json, "minimum"), Number(json, "maximum"), Number(json, "multipleOf"));
        (ExclusiveMinimum, ExclusiveMaximum, UniqueItems) = (json.Bool("exclusiveMinimum") == true, json.Bool("exclusiveMaximum") == true, json.Bool("uniqueItems") == true);
        (MinLength, MaxLength, MinItems, MaxItems) = (json.Int("minLength"), json.Int("maxLength"), json.Int("minItems"), json.Int("maxItems"));
        (MinProperties, MaxProperties) = (json.Int("minProperties"), json.Int("maxProperties"));
        Rules =
        [
            .. json.Items("x-kubernetes-validations").Select(r => new ValidationRule(
                r.Str("rule"), r.Str("message"), r.Str("messageExpression"), r.Str("reason"), r.Str("fieldPath"), r.Bool("optionalOldSelf"))),
        ];
        _pattern = new Lazy<Regex?>(() => Pattern.Length == 0 ? null : patterns(Pattern));
        HasDefaults = Default is not null || Properties.Values.Any(p => p.HasDefaults) || AdditionalProperties?.HasDefaults == true || Items?.HasDefaults == true;
        HasRules = Rules.Count > 0 || Properties.Values.Any(p => p.HasRules) || AdditionalProperties?.HasRules == true || Items?.HasRules == true
            || AllOf.Concat(AnyOf).Concat(OneOf).Append(Not).Any(s => s?.HasRules == true);
    }

    /// <summary>object, array, string, integer, number, boolean; empty with int-or-string and preserve-unknown-fields.</summary>
    public string Type { get; }

    public string Format { get; }

    public bool Nullable { get; }

    public bool IntOrString { get; }

    public bool PreservesUnknown { get; }

    /// <summary>A whole object of some kind: has apiVersion, kind and metadata whatever the schema says.</summary>
    public bool Embedded { get; }

    /// <summary>atomic, set, map or empty.</summary>
    public string ListType { get; }

    public IReadOnlyList<string> ListMapKeys { get; }

    public string MapType { get; }

    /// <summary>Not to be changed: clone it.</summary>
    public JsonNode? Default { get; }

    public IReadOnlyDictionary<string, StructuralSchema> Properties { get; }

    /// <summary>Of a map's values.</summary>
    public StructuralSchema? AdditionalProperties { get; }

    /// <summary>Properties that are not named may be there.</summary>
    public bool AllowsAdditional { get; }

    public StructuralSchema? Items { get; }

    public IReadOnlyList<StructuralSchema> AllOf { get; }

    public IReadOnlyList<StructuralSchema> AnyOf { get; }

    public IReadOnlyList<StructuralSchema> OneOf { get; }

    public StructuralSchema? Not { get; }

    public IReadOnlyList<string> Required { get; }

    public IReadOnlyList<JsonNode?> Enum { get; }

    public string Pattern { get; }

    public Regex? PatternRegex => _pattern.Value;

    public double? Minimum { get; }

    public double? Maximum { get; }

    public double? MultipleOf { get; }

    public bool ExclusiveMinimum { get; }

    public bool ExclusiveMaximum { get; }

    public bool UniqueItems { get; }

    public long? MinLength { get; }

    public long? MaxLength { get; }

    public long? MinItems { get; }

    public long? MaxItems { get; }

    public long? MinProperties { get; }

    public long? MaxProperties { get; }

    public IReadOnlyList<ValidationRule> Rules { get; }

    /// <summary>It or something below it has a default.</summary>
    public bool HasDefaults { get; }

    /// <summary>It or something below it has rules.</summary>
    public bool HasRules { get; }

    /// <summary>A schema that takes anything: of a version without one.</summary>
    public static StructuralSchema Anything { get; } = new(new JsonObject { ["type"] = "object", ["x-kubernetes-preserve-unknown-fields"] = true }, static _ => null);

    /// <param name="json">A JSONSchemaProps; not kept.</param>
    /// <param name="patterns">Compiles patterns when they are first needed.</param>
    public static StructuralSchema Parse(JsonObject json, PatternCompiler patterns) => new(json, patterns);

    private static StructuralSchema[] Many(JsonObject json, string field, PatternCompiler patterns) => [.. json.Items(field).Select(s => new StructuralSchema(s, patterns))];

    private static string[] Strings(JsonObject json, string field) => [.. (json[field] as JsonArray ?? []).Select(s => s.Text())];

    private static double? Number(JsonObject json, string field) =>
        json[field] is JsonValue value && value.GetValueKind() == JsonValueKind.Number ? JsonNumbers.Of(value) : null;
}
