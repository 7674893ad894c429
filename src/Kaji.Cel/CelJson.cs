using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Cel.Json;
using Kaji.Cel.Values;

namespace Kaji.Cel;

/// <summary>JSON as values and values as JSON. Reading copies nothing: objects and arrays are views, which see the tree as it is when they are asked.</summary>
public static class CelJson
{
    /// <summary>A JSON value as the value that its type says; JSON that is not of the type becomes what it looks like.</summary>
    public static object? FromJson(JsonNode? node, CelType? type = null)
    {
        type ??= CelType.Dyn;
        switch (node)
        {
            case null:
                return null;
            case JsonObject json:
                return type.Kind == CelTypeKind.Object ? new JsonRecord(json, type) : new JsonMap(json, type);
            case JsonArray array:
                return new JsonList(array, type);
        }

        var value = node.AsValue();
        switch (value.GetValueKind())
        {
            case JsonValueKind.True:
                return true;
            case JsonValueKind.False:
                return false;
            case JsonValueKind.Null:
                return null;
            case JsonValueKind.Number:
                var number = Number(value);
                return type.Kind switch
                {
                    CelTypeKind.Double when number is long whole => (double)whole,
                    CelTypeKind.Int when number is double real && real == Math.Floor(real) && Math.Abs(real) < 9e18 => (long)real,
                    CelTypeKind.Uint when number is long whole and >= 0 => (ulong)whole,
                    _ => number,
                };
        }

        var text = value.TryGetValue<string>(out var direct) ? direct : value.ToString();
        switch (type.Kind)
        {
            case CelTypeKind.Timestamp:
                return CelTimestamp.TryParse(type.IsDate ? text + "T00:00:00Z" : text, out var time) ? time : new CelError($"value is not a timestamp: {text}");
            case CelTypeKind.Duration:
                return (CelDuration.TryParse(text, out var span) || CelDuration.TryParseWords(text, out span)) ? span : new CelError($"value is not a duration: {text}");
            case CelTypeKind.Bytes:
                var bytes = new byte[text.Length];
                return Convert.TryFromBase64String(text, bytes, out var length) ? bytes[..length] : new CelError("value is not base64");
            default:
                return text;
        }
    }

    /// <summary>A value as JSON, detached from what it came from; false for what JSON can't say.</summary>
    public static bool TryToJson(object? value, out JsonNode? node)
    {
        node = null;
        switch (value)
        {
            case null:
                return true;
            case bool b:
                node = JsonValue.Create(b);
                return true;
            case long n:
                node = JsonValue.Create(n);
                return true;
            case ulong n:
                node = JsonValue.Create(n);
                return true;
            case double d when double.IsFinite(d):
                node = JsonValue.Create(d);
                return true;
            case double d:
                node = JsonValue.Create(double.IsNaN(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
                return true;
            case string s:
                node = JsonValue.Create(s);
                return true;
            case byte[] bytes:
                node = JsonValue.Create(Convert.ToBase64String(bytes));
                return true;
            case CelTimestamp or CelDuration:
                node = JsonValue.Create(value.ToString());
                return true;
            case CelType type:
                node = JsonValue.Create(type.Name);
                return true;
            case CelOptional optional:
                return TryToJson(optional.HasValue ? optional.Value : null, out node);
            case JsonList list:
                node = list.Node.DeepClone();
                return true;
            case JsonMap map:
                node = map.Node.DeepClone();
                return true;
            case JsonRecord record:
                node = record.Node.DeepClone();
                return true;
            case CelList list:
                var array = new JsonArray();
                foreach (var item in list)
                {
                    if (!TryToJson(item, out var element))
                    {
                        return false;
                    }

                    array.Add(element);
                }

                node = array;
                return true;
            case CelMap map:
                return Fields(map.Keys.Select(key => (CelText.Show(key), map.TryGet(key, out var item) ? item : null)), out node);
            case CelObject o:
                return Fields(o.FieldNames.Select(name => (name, o.TryGetByName(name, out var field) ? field : null)), out node);
            default:
                return false;
        }
    }

    /// <summary>A value as JSON.</summary>
    /// <exception cref="ArgumentException">The value is of a type that JSON has no words for, as a host's own.</exception>
    public static JsonNode? ToJson(object? value) => TryToJson(value, out var node) ? node : throw new ArgumentException($"A value of type {CelValues.TypeOf(value)} has no JSON.", nameof(value));

    private static bool Fields(IEnumerable<(string Name, object? Value)> fields, out JsonNode? node)
    {
        var json = new JsonObject();
        node = json;
        foreach (var (name, value) in fields)
        {
            if (!TryToJson(value, out var field))
            {
                return false;
            }

            json[name] = field;
        }

        return true;
    }

    private static object Number(JsonValue value)
    {
        if (value.TryGetValue<long>(out var whole))
        {
            return whole;
        }

        if (value.TryGetValue<int>(out var small))
        {
            return (long)small;
        }

        if (value.TryGetValue<double>(out var real))
        {
            return real;
        }

        var text = value.ToJsonString();
        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out whole) ? whole : double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
    }
}
