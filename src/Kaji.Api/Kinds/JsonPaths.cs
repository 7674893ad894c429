using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kaji.Api.Kinds;

/// <summary>Short ways to read and default fields of JSON objects.</summary>
public static class JsonPaths
{
    /// <summary>A nested object, or null.</summary>
    public static JsonObject? Obj(this JsonObject? obj, string name) => obj?[name] as JsonObject;

    /// <summary>A nested object, made when missing.</summary>
    public static JsonObject Ensure(this JsonObject obj, string name)
    {
        if (obj[name] is JsonObject present)
        {
            return present;
        }

        var made = new JsonObject();
        obj[name] = made;
        return made;
    }

    /// <summary>The objects of a list, empty when there is none.</summary>
    public static IEnumerable<JsonObject> Items(this JsonObject? obj, string name) => (obj?[name] as JsonArray)?.OfType<JsonObject>() ?? [];

    /// <summary>A string, empty when missing or of another type.</summary>
    public static string Str(this JsonObject? obj, string name) => obj?[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text : "";

    /// <summary>A whole number, or null.</summary>
    public static long? Int(this JsonObject? obj, string name) => obj?[name] is not JsonValue value ? null
        : value.TryGetValue<long>(out var number) ? number
        : value.TryGetValue<int>(out var small) ? small
        : null;

    public static bool? Bool(this JsonObject? obj, string name) => obj?[name] is JsonValue value && value.TryGetValue<bool>(out var flag) ? flag : null;

    public static void Default(this JsonObject obj, string name, string value)
    {
        if (obj[name] is null || (obj[name] is JsonValue v && v.GetValueKind() == JsonValueKind.String && v.GetValue<string>().Length == 0))
        {
            obj[name] = value;
        }
    }

    public static void Default(this JsonObject obj, string name, long value)
    {
        if (obj[name] is null)
        {
            obj[name] = value;
        }
    }

    public static void Default(this JsonObject obj, string name, bool value)
    {
        if (obj[name] is null)
        {
            obj[name] = value;
        }
    }

    /// <summary>A string or number as text (IntOrString, Quantity).</summary>
    public static string Text(this JsonNode? node) => node switch
    {
        null => "",
        JsonValue value when value.TryGetValue<string>(out var text) => text,
        JsonValue value when value.TryGetValue<long>(out var number) => number.ToString(CultureInfo.InvariantCulture),
        _ => node.ToJsonString(),
    };

    /// <summary>Carries a field over from the old object, or removes it.</summary>
    public static void CarryOver(this JsonObject obj, JsonObject old, string name)
    {
        obj.Remove(name);
        if (old[name] is { } value)
        {
            obj[name] = value.DeepClone();
        }
    }
}
