using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.ApiServer.Requests;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Registry;

/// <summary>Objects between their parsed form and the bytes that are stored and served.</summary>
internal static class ObjectCodec
{
    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 128 };

    /// <summary>Parses a request's body; of fields that it names twice the last counts, and <see cref="DuplicateFields"/> knows of them.</summary>
    /// <exception cref="ApiErrorException">Not JSON, or null.</exception>
    /// <param name="context">Null for what is not a request's body: there a repeated name is an error.</param>
    public static JsonNode Parse(ReadOnlySpan<byte> utf8, HttpContext? context = null)
    {
        if (!IsText(utf8))
        {
            throw new ApiErrorException(ApiErrors.BadRequest("the object provided is unrecognized (must be of type JSON): it is not valid UTF-8, or escapes half of a surrogate pair"));
        }

        try
        {
            return ParseStrictOrNoting(utf8, context) ?? throw new ApiErrorException(ApiErrors.BadRequest("the body of the request is null"));
        }
        catch (JsonException e)
        {
            throw new ApiErrorException(ApiErrors.BadRequest($"the object provided is unrecognized (must be of type JSON): {e.Message}"));
        }
    }

    /// <summary>Whether every string in it can be read: the parser looks at them only when they are asked for.</summary>
    private static bool IsText(ReadOnlySpan<byte> utf8)
    {
        if (!Utf8.IsValid(utf8))
        {
            return false;
        }

        for (var at = utf8.IndexOf("\\u"u8); at >= 0 && at < utf8.Length;)
        {
            var next = utf8[at..].IndexOf((byte)'\\');
            if (next < 0)
            {
                return true;
            }

            at += next;
            var unit = Escaped(utf8[at..]);
            if (unit < 0)
            {
                at += 2;
                continue;
            }

            if (char.IsLowSurrogate((char)unit) || (char.IsHighSurrogate((char)unit) && (at + 6 > utf8.Length || Escaped(utf8[(at + 6)..]) is not (>= 0xDC00 and <= 0xDFFF))))
            {
                return false;
            }

            at += char.IsHighSurrogate((char)unit) ? 12 : 6;
        }

        return true;
    }

    /// <summary>The UTF-16 unit that <c>\uXXXX</c> at the beginning stands for; -1 when nothing does.</summary>
    private static int Escaped(ReadOnlySpan<byte> utf8) =>
        utf8 is [(byte)'\\', (byte)'u', _, _, _, _, ..] && System.Buffers.Text.Utf8Parser.TryParse(utf8.Slice(2, 4), out ushort unit, out var read, 'x') && read == 4 ? unit : -1;

    private static JsonNode? ParseStrictOrNoting(ReadOnlySpan<byte> utf8, HttpContext? context)
    {
        try
        {
            return JsonNode.Parse(utf8, documentOptions: Strict);
        }
        catch (JsonException) when (context is not null)
        {
            // Almost never: so the parser that can tell names need not be quick.
            return DuplicateFields.Parse(utf8, context);
        }
    }

    /// <summary>The body as JSON, or null when it is something else: most of what comes as YAML is JSON.</summary>
    public static JsonNode? TryParse(ReadOnlySpan<byte> utf8)
    {
        if (utf8.TrimStart(" \t\r\n"u8) is not [(byte)'{', ..] || !IsText(utf8))
        {
            return null;
        }

        try
        {
            return JsonNode.Parse(utf8, documentOptions: Strict);
        }
        catch (JsonException)
        {
            // A flow mapping of YAML begins alike; what is neither is refused by the YAML parser.
            return null;
        }
    }

    /// <summary>A stored object, as a copy the caller may change.</summary>
    public static JsonObject Stored(ReadOnlyMemory<byte> utf8) => JsonNode.Parse(utf8.Span)!.AsObject();

    public static byte[] Bytes(JsonNode node)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer, Compact))
        {
            node.WriteTo(writer);
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>
    /// The bytes to store: as the object, but with <c>metadata.resourceVersion</c> first and empty. The offset is where the store inserts the revision.
    /// </summary>
    public static (ReadOnlyMemory<byte> Value, int StampOffset) ForStore(JsonObject obj)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        var offset = -1;
        using (var writer = new Utf8JsonWriter(buffer, Compact))
        {
            writer.WriteStartObject();
            foreach (var (name, value) in obj)
            {
                if (name != "metadata" || value is not JsonObject metadata)
                {
                    Property(writer, name, value);
                    continue;
                }

                writer.WriteStartObject(name);
                writer.WriteString("resourceVersion", "");
                offset = checked((int)(writer.BytesCommitted + writer.BytesPending)) - 1;
                foreach (var (field, inner) in metadata)
                {
                    if (field != "resourceVersion")
                    {
                        Property(writer, field, inner);
                    }
                }

                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        return (buffer.WrittenMemory, offset);
    }

    private static void Property(Utf8JsonWriter writer, string name, JsonNode? value)
    {
        writer.WritePropertyName(name);
        if (value is null)
        {
            writer.WriteNullValue();
        }
        else
        {
            value.WriteTo(writer);
        }
    }
}
