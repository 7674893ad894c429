using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Api.Metadata;

namespace Kaji.Api.Apply;

/// <summary>
/// The managedFields of a new object: all that it holds is its creator's. The same as comparing it with nothing, but in one walk straight to bytes, since every create does it.
/// </summary>
internal static class CreatedFields
{
    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <returns>Null when nothing in it is anyone's.</returns>
    public static JsonNode? Of(JsonObject obj, Atom atom, FieldWrite write)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using var writer = new Utf8JsonWriter(buffer, Compact);
        writer.WriteStartArray();
        writer.WriteStartObject();
        writer.WriteString("manager", write.Manager);
        writer.WriteString("operation", "Update");
        writer.WriteString("apiVersion", write.ApiVersion);
        writer.WriteString("time", Timestamps.Format(write.Now));
        writer.WriteString("fieldsType", "FieldsV1");
        writer.WriteStartObject("fieldsV1");
        var any = false;
        foreach (var name in Sorted(obj))
        {
            if (name is "apiVersion" or "kind" || write.Reset.Drops(name) || obj[name] is not { } value)
            {
                continue;
            }

            var field = atom.Field(name);
            var type = field?.Type ?? atom.Element ?? Atom.Deduced;
            if (name == "metadata")
            {
                if (value is JsonObject metadata && metadata.Any(p => !Comparison.UntrackedMetadata(p.Key) && p.Value is not null))
                {
                    any = true;
                    writer.WritePropertyName("f:metadata");
                    Map(writer, metadata, type, isThere: true, Comparison.UntrackedMetadata);
                }
            }
            else if (IsTracked(value, type, field?.AlwaysPresent ?? false))
            {
                any = true;
                writer.WritePropertyName(PathElement.Field(name));
                Value(writer, value, type, field?.AlwaysPresent ?? false);
            }
        }

        writer.WriteEndObject();
        if (write.Subresource.Length > 0)
        {
            writer.WriteString("subresource", write.Subresource);
        }

        writer.WriteEndObject();
        writer.WriteEndArray();
        writer.Flush();
        return any ? JsonNode.Parse(buffer.WrittenSpan) : null;
    }

    /// <param name="isThere">It would be there without the JSON: only what is in it counts.</param>
    private static bool IsTracked(JsonNode? value, Atom atom, bool isThere)
    {
        if (value is null || !isThere)
        {
            return value is not null;
        }

        return atom.Walk(value, null) switch
        {
            AtomShape.Map => ((JsonObject)value).Any(p => IsTracked(p.Value, atom.Field(p.Key)?.Type ?? atom.Element ?? Atom.Deduced, atom.Field(p.Key)?.AlwaysPresent ?? false)),
            AtomShape.List => true,
            _ => value is not (JsonObject { Count: 0 } or JsonArray { Count: 0 }),
        };
    }

    private static void Value(Utf8JsonWriter writer, JsonNode value, Atom atom, bool isThere)
    {
        switch (atom.Walk(value, null))
        {
            case AtomShape.Map:
                Map(writer, (JsonObject)value, atom, isThere, null);
                break;
            case AtomShape.List when Items.Of((JsonArray)value, atom) is { } items:
                writer.WriteStartObject();
                Presence(writer, isThere);
                foreach (var element in items.Names.Order(PathElement.Order))
                {
                    writer.WritePropertyName(element);
                    if (items.All(element) is [{ } only])
                    {
                        Value(writer, only, atom.Element ?? Atom.Deduced, isThere: false);
                    }
                    else
                    {
                        Leaf(writer);
                    }
                }

                writer.WriteEndObject();
                break;
            default:
                Leaf(writer);
                break;
        }
    }

    private static void Map(Utf8JsonWriter writer, JsonObject map, Atom atom, bool isThere, Func<string, bool>? skip)
    {
        writer.WriteStartObject();
        Presence(writer, isThere);
        foreach (var name in Sorted(map))
        {
            if (skip?.Invoke(name) == true)
            {
                continue;
            }

            var field = atom.Field(name);
            var (type, always) = (field?.Type ?? atom.Element ?? Atom.Deduced, field?.AlwaysPresent ?? false);

            // Whatever holds this is there by now, or counts as if: what is always present in it is not news.
            always &= isThere;
            if (map[name] is { } value && IsTracked(value, type, always))
            {
                writer.WritePropertyName(PathElement.Field(name));
                Value(writer, value, type, always);
            }
        }

        writer.WriteEndObject();
    }

    private static string[] Sorted(JsonObject map)
    {
        var names = new string[map.Count];
        var at = 0;
        foreach (var (name, _) in map)
        {
            names[at++] = name;
        }

        Array.Sort(names, StringComparer.Ordinal);
        return names;
    }

    private static void Presence(Utf8JsonWriter writer, bool isThere)
    {
        if (!isThere)
        {
            writer.WritePropertyName(".");
            Leaf(writer);
        }
    }

    private static void Leaf(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteEndObject();
    }
}
