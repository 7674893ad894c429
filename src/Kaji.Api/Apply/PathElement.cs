using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kaji.Api.Apply;

/// <summary>
/// The steps of a path through an object, in the text form that FieldsV1 uses as property names: <c>f:NAME</c> (a field or a map's key), <c>k:{"name":"a"}</c> (an item of a
/// list that is a map, by its keys), <c>v:"a"</c> (an item of a set), <c>i:0</c> (an item by place).
/// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/
/// </summary>
public static class PathElement
{
    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>Kubernetes' order: fields, then keys, values and places, each by what it holds.</summary>
    public static IComparer<string> Order { get; } = Comparer<string>.Create(Compare);

    public static string Field(string name) => string.Concat("f:", name);

    public static string Value(JsonNode? value) => "v:" + Text(value);

    /// <summary>An item's element by its list's keys, or null when it lacks a key that has no default.</summary>
    public static string? Key(JsonObject item, Atom list)
    {
        if (list.Keys is [var only])
        {
            return (item[only] ?? list.KeyDefault(only)) is { } value ? $"k:{{{JsonText(only)}:{Text(value)}}}" : null;
        }

        var parts = new string[list.Keys.Count];
        for (var i = 0; i < parts.Length; i++)
        {
            if ((item[list.SortedKeys[i]] ?? list.KeyDefault(list.SortedKeys[i])) is not { } value)
            {
                return null;
            }

            parts[i] = $"{JsonText(list.SortedKeys[i])}:{Text(value)}";
        }

        return $"k:{{{string.Join(',', parts)}}}";
    }

    /// <summary>The element of a list's item, or null when there is none for it.</summary>
    public static string? OfItem(JsonNode? item, Atom list) =>
        list.IsSet ? Value(item) : item is JsonObject obj ? Key(obj, list) : null;

    /// <summary>As error messages show it: <c>.name</c>, <c>[name="a"]</c>, <c>[="a"]</c>, <c>[0]</c>.</summary>
    public static string Show(string element) => element switch
    {
        ['f', ':', .. var name] => "." + name,
        ['v', ':', .. var value] => $"[={value}]",
        ['k', ':', .. var keys] when JsonNode.Parse(keys) is JsonObject parsed => $"[{string.Join(',', parsed.Select(p => $"{p.Key}={Text(p.Value)}"))}]",
        ['i', ':', .. var index] => $"[{index}]",
        _ => element,
    };

    /// <summary>Whether a property name of FieldsV1 is well-formed.</summary>
    public static bool IsValid(string element)
    {
        if (element.Length < 2 || element[1] != ':')
        {
            return false;
        }

        try
        {
            return element[0] switch
            {
                'f' => true,
                'v' => JsonNode.Parse(element[2..]) is not null || element == "v:null",
                'k' => JsonNode.Parse(element[2..]) is JsonObject { Count: > 0 },
                'i' => int.TryParse(element.AsSpan(2), NumberStyles.None, CultureInfo.InvariantCulture, out _),
                _ => false,
            };
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static string Text(JsonNode? node)
    {
        if (node is null)
        {
            return "null";
        }

        var buffer = new ArrayBufferWriter<byte>(64);
        using (var writer = new Utf8JsonWriter(buffer, Compact))
        {
            node.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static string JsonText(string text) => Text(JsonValue.Create(text));

    private static int Compare(string? a, string? b)
    {
        if (a is null || b is null || a.Length < 2 || b.Length < 2)
        {
            return string.CompareOrdinal(a, b);
        }

        var rank = Rank(a[0]).CompareTo(Rank(b[0]));
        if (rank != 0 || a[0] == 'f')
        {
            return rank != 0 ? rank : string.CompareOrdinal(a, b);
        }

        return a == b ? 0 : CompareValues(JsonNode.Parse(a.AsSpan(2).ToString()), JsonNode.Parse(b.AsSpan(2).ToString()));
    }

    private static int Rank(char kind) => kind switch { 'f' => 0, 'k' => 1, 'v' => 2, _ => 3 };

    private static int CompareValues(JsonNode? a, JsonNode? b)
    {
        if (a is JsonObject x && b is JsonObject y)
        {
            foreach (var (p, q) in x.OrderBy(p => p.Key, StringComparer.Ordinal).Zip(y.OrderBy(p => p.Key, StringComparer.Ordinal)))
            {
                var order = string.CompareOrdinal(p.Key, q.Key) is not 0 and var names ? names : CompareValues(p.Value, q.Value);
                if (order != 0)
                {
                    return order;
                }
            }

            return x.Count.CompareTo(y.Count);
        }

        return a is JsonValue u && b is JsonValue v && u.TryGetValue<double>(out var i) && v.TryGetValue<double>(out var j)
            ? i.CompareTo(j)
            : string.CompareOrdinal(Text(a), Text(b));
    }
}
