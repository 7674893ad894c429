using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Requests;

/// <summary>Objects that name a field twice: the last one counts, and each is told as <c>duplicate field "spec.paused"</c> to what decides by fieldValidation.</summary>
internal static class DuplicateFields
{
    private const int MaxDepth = 128;
    private const int MaxFindings = 100;
    private const string Item = "kaji.duplicate-fields";

    /// <summary>Those of the request's body.</summary>
    public static IReadOnlyList<string> Of(HttpContext context) => context.Items.TryGetValue(Item, out var found) ? (IReadOnlyList<string>)found! : [];

    /// <summary>Parses JSON in which names may repeat, and notes with the request which do.</summary>
    /// <exception cref="JsonException">It is not JSON either way.</exception>
    public static JsonNode? Parse(ReadOnlySpan<byte> utf8, HttpContext context)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = MaxDepth });
        reader.Read();
        var found = new List<string>();
        var node = Value(ref reader, "", found);
        if (reader.Read())
        {
            throw new JsonException("there is more than one value");
        }

        context.Items[Item] = found;
        return node;
    }

    private static JsonNode? Value(ref Utf8JsonReader reader, string path, List<string> found)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                var obj = new JsonObject();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    var name = reader.GetString()!;
                    var at = path.Length == 0 ? name : $"{path}.{name}";
                    if (obj.ContainsKey(name) && found.Count < MaxFindings)
                    {
                        found.Add($"duplicate field \"{at}\"");
                    }

                    reader.Read();
                    obj[name] = Value(ref reader, at, found);
                }

                return obj;
            case JsonTokenType.StartArray:
                var list = new JsonArray();
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    list.Add(Value(ref reader, $"{path}[{list.Count}]", found));
                }

                return list;
            case JsonTokenType.String:
                return reader.GetString();
            case JsonTokenType.True or JsonTokenType.False:
                return reader.GetBoolean();
            case JsonTokenType.Number:
                return JsonNode.Parse(reader.ValueSpan);
            default:
                return null;
        }
    }
}
