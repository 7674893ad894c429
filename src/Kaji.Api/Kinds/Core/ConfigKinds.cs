using System.Text;
using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core;

/// <summary>ConfigMap: keys, size, immutability.</summary>
internal sealed class ConfigMapKind : KindBehavior
{
    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        ConfigRules.Keys(obj, "data", errors);
        ConfigRules.Keys(obj, "binaryData", errors);
        foreach (var (key, _) in obj.Obj("binaryData") ?? [])
        {
            if (obj.Obj("data")?.ContainsKey(key) == true)
            {
                errors.Invalid($"data[{key}]", key, "duplicate of key present in binaryData");
            }
        }

        ConfigRules.Size(obj, "", errors);
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => ConfigRules.Immutable(obj, old, ["data", "binaryData"], errors);
}

/// <summary>Secret: as ConfigMap, with a type and stringData.</summary>
internal sealed class SecretKind : KindBehavior
{
    public override IReadOnlyList<string> SelectableFields => ["type"];

    public override void Default(JsonObject obj)
    {
        obj.Default("type", "Opaque");
        if (obj.Obj("stringData") is { } plain)
        {
            var data = obj.Ensure("data");
            foreach (var (key, value) in plain)
            {
                data[key] = Convert.ToBase64String(Encoding.UTF8.GetBytes((string?)value ?? ""));
            }

            obj.Remove("stringData");
        }
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        ConfigRules.Keys(obj, "data", errors);
        foreach (var (key, value) in obj.Obj("data") ?? [])
        {
            if (!Convert.TryFromBase64String((string?)value ?? "", new byte[((string?)value ?? "").Length], out _))
            {
                errors.Invalid($"data[{key}]", "<omitted>", "must be base64");
            }
        }

        ConfigRules.Size(obj, "data", errors);
        SecretTypes.Validate(obj, errors);
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        if (obj.Str("type") != old.Str("type"))
        {
            errors.Invalid("type", obj.Str("type"), Fields.Immutable);
        }

        ConfigRules.Immutable(obj, old, ["data"], errors);
    }

    public override string SelectableField(JsonObject obj, string field) => obj.Str("type");
}

/// <summary>What ConfigMaps and Secrets share.</summary>
internal static class ConfigRules
{
    private const int MaxBytes = 1024 * 1024;

    public static void Keys(JsonObject obj, string field, ICollection<FieldError> errors)
    {
        foreach (var (key, _) in obj.Obj(field) ?? [])
        {
            foreach (var problem in Names.ConfigKeyErrors(key))
            {
                errors.Invalid($"{field}[{key}]", key, problem);
            }
        }
    }

    public static void Size(JsonObject obj, string path, ICollection<FieldError> errors)
    {
        var size = ((ReadOnlySpan<string>)["data", "binaryData"]).ToArray().Sum(f => (obj.Obj(f) ?? []).Sum(p => Encoding.UTF8.GetByteCount((string?)p.Value ?? "")));
        if (size > MaxBytes)
        {
            errors.TooLong(path, MaxBytes);
        }
    }

    public static void Immutable(JsonObject obj, JsonObject old, string[] fields, ICollection<FieldError> errors)
    {
        if (old.Bool("immutable") != true)
        {
            return;
        }

        if (obj.Bool("immutable") != true)
        {
            errors.Forbidden("immutable", "field is immutable when `immutable` is set");
        }

        foreach (var field in fields.Where(f => !JsonNode.DeepEquals(obj[f], old[f])))
        {
            errors.Forbidden(field, "field is immutable when `immutable` is set");
        }
    }
}
