using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kaji.ApiServer.Registry;

/// <summary>Reads the labels out of a stored object without parsing the rest: what most selective watches and lists look at.</summary>
internal static class StoredLabels
{
    /// <returns>Null when it has none.</returns>
    public static JsonObject? Read(ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8);
        if (!Enter(ref reader, "metadata"u8) || !Enter(ref reader, "labels"u8))
        {
            return null;
        }

        var labels = new JsonObject();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            labels[name] = reader.GetString();
        }

        return labels;
    }

    /// <summary>Goes into the object that the present object has under a name.</summary>
    private static bool Enter(ref Utf8JsonReader reader, ReadOnlySpan<byte> name)
    {
        if (reader.TokenType == JsonTokenType.None && !(reader.Read() && reader.TokenType == JsonTokenType.StartObject))
        {
            return false;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var found = reader.ValueTextEquals(name);
            reader.Read();
            if (found)
            {
                return reader.TokenType == JsonTokenType.StartObject;
            }

            reader.Skip();
        }

        return false;
    }
}
