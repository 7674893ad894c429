using System.Buffers;
using System.Text.Json;

namespace Kaji.Controllers.GarbageCollection;

/// <summary>
/// Reads <see cref="ObjectMetadata"/> out of objects, lists and watch lines of any kind, skipping everything else. The server hands out stored bytes for whole objects,
/// so whole objects are cheaper for both sides than its metadata form, which it would have to make of each.
/// </summary>
internal static class MetadataReader
{
    /// <summary>One object: <c>{"kind":…,"metadata":{…},"spec":…}</c>.</summary>
    public static ObjectMetadata ReadObject(ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8);
        reader.Read();
        return Object(ref reader);
    }

    /// <summary>A page of a list; the strings are its resourceVersion and its continue token (empty on the last page).</summary>
    public static (string ResourceVersion, string Continue) ReadList(ReadOnlySpan<byte> utf8, List<ObjectMetadata> into)
    {
        string version = "", next = "";
        var reader = new Utf8JsonReader(utf8);
        reader.Read();
        while (NextProperty(ref reader))
        {
            if (reader.ValueTextEquals("metadata"u8))
            {
                reader.Read();
                while (NextProperty(ref reader))
                {
                    if (reader.ValueTextEquals("resourceVersion"u8))
                    {
                        version = Text(ref reader);
                    }
                    else if (reader.ValueTextEquals("continue"u8))
                    {
                        next = Text(ref reader);
                    }
                    else
                    {
                        reader.Skip();
                    }
                }
            }
            else if (reader.ValueTextEquals("items"u8))
            {
                reader.Read();
                while (reader.TokenType is JsonTokenType.StartArray or JsonTokenType.EndObject && reader.Read() && reader.TokenType == JsonTokenType.StartObject)
                {
                    into.Add(Object(ref reader));
                }
            }
            else
            {
                reader.Skip();
            }
        }

        return (version, next);
    }

    /// <summary>A line of a watch: <c>{"type":"MODIFIED","object":{…}}</c>. Of an ERROR the object is a Status, whose code is returned.</summary>
    public static (string Type, ObjectMetadata? Object, int Code) ReadEvent(ReadOnlySequence<byte> line)
    {
        var type = "";
        ObjectMetadata? obj = null;
        var code = 0;
        var reader = new Utf8JsonReader(line);
        reader.Read();
        while (NextProperty(ref reader))
        {
            if (reader.ValueTextEquals("type"u8))
            {
                type = Text(ref reader);
            }
            else if (reader.ValueTextEquals("object"u8) && type != "ERROR")
            {
                reader.Read();
                obj = Object(ref reader);
            }
            else if (reader.ValueTextEquals("object"u8))
            {
                reader.Read();
                while (NextProperty(ref reader))
                {
                    if (reader.ValueTextEquals("code"u8))
                    {
                        reader.Read();
                        code = reader.GetInt32();
                    }
                    else
                    {
                        reader.Skip();
                    }
                }
            }
            else
            {
                reader.Skip();
            }
        }

        return (type, obj, code);
    }

    /// <summary>From the object's opening brace to its closing one.</summary>
    private static ObjectMetadata Object(ref Utf8JsonReader reader)
    {
        var found = new ObjectMetadata("", "", "", "", false, [], []);
        while (NextProperty(ref reader))
        {
            if (reader.ValueTextEquals("metadata"u8))
            {
                reader.Read();
                found = Metadata(ref reader);
            }
            else
            {
                reader.Skip();
            }
        }

        return found;
    }

    private static ObjectMetadata Metadata(ref Utf8JsonReader reader)
    {
        string ns = "", name = "", uid = "", version = "";
        var deleting = false;
        List<string>? finalizers = null;
        List<OwnerRef>? owners = null;
        while (NextProperty(ref reader))
        {
            if (reader.ValueTextEquals("namespace"u8))
            {
                ns = Text(ref reader);
            }
            else if (reader.ValueTextEquals("name"u8))
            {
                name = Text(ref reader);
            }
            else if (reader.ValueTextEquals("uid"u8))
            {
                uid = Text(ref reader);
            }
            else if (reader.ValueTextEquals("resourceVersion"u8))
            {
                version = Text(ref reader);
            }
            else if (reader.ValueTextEquals("deletionTimestamp"u8))
            {
                deleting = Text(ref reader).Length > 0;
            }
            else if (reader.ValueTextEquals("finalizers"u8))
            {
                reader.Read();
                while (reader.TokenType is JsonTokenType.StartArray or JsonTokenType.String && reader.Read() && reader.TokenType == JsonTokenType.String)
                {
                    (finalizers ??= []).Add(reader.GetString()!);
                }
            }
            else if (reader.ValueTextEquals("ownerReferences"u8))
            {
                reader.Read();
                while (reader.TokenType is JsonTokenType.StartArray or JsonTokenType.EndObject && reader.Read() && reader.TokenType == JsonTokenType.StartObject)
                {
                    (owners ??= []).Add(Owner(ref reader));
                }
            }
            else
            {
                reader.Skip();
            }
        }

        return new ObjectMetadata(ns, name, uid, version, deleting, finalizers is null ? [] : finalizers, owners is null ? [] : owners);
    }

    private static OwnerRef Owner(ref Utf8JsonReader reader)
    {
        string apiVersion = "", kind = "", name = "", uid = "";
        var block = false;
        while (NextProperty(ref reader))
        {
            if (reader.ValueTextEquals("apiVersion"u8))
            {
                apiVersion = Text(ref reader);
            }
            else if (reader.ValueTextEquals("kind"u8))
            {
                kind = Text(ref reader);
            }
            else if (reader.ValueTextEquals("name"u8))
            {
                name = Text(ref reader);
            }
            else if (reader.ValueTextEquals("uid"u8))
            {
                uid = Text(ref reader);
            }
            else if (reader.ValueTextEquals("blockOwnerDeletion"u8))
            {
                reader.Read();
                block = reader.TokenType == JsonTokenType.True;
            }
            else
            {
                reader.Skip();
            }
        }

        return new OwnerRef(apiVersion, kind, name, uid, block);
    }

    private static bool NextProperty(ref Utf8JsonReader reader) => reader.Read() && reader.TokenType == JsonTokenType.PropertyName;

    private static string Text(ref Utf8JsonReader reader)
    {
        reader.Read();
        return reader.TokenType == JsonTokenType.String ? reader.GetString()! : "";
    }
}
