using System.Buffers;
using System.IO.Compression;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Responses;

/// <summary>
/// How the bytes of an answer look: JSON as it is, JSON that people read (<c>?pretty=true</c>, curl, browsers), or YAML; compressed when large and asked for.
/// https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
/// </summary>
internal static class Rendering
{
    public const string Yaml = "application/yaml";

    /// <summary>Below this, compressing costs more than it saves: as in kube-apiserver.</summary>
    private const int CompressedFrom = 128 * 1024;

    private static readonly JsonWriterOptions Indented = new() { Indented = true, IndentSize = 2, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Whether the JSON can be sent as it is.</summary>
    public static bool IsPlain(HttpRequest request) => !WantsYaml(request) && !WantsPretty(request);

    /// <summary>JSON in the form the client wants, and its type.</summary>
    public static (ReadOnlyMemory<byte> Body, string Type) Render(HttpRequest request, ReadOnlyMemory<byte> json)
    {
        if (WantsYaml(request))
        {
            using var document = JsonDocument.Parse(json);
            return (YamlText.Bytes(document.RootElement), Yaml);
        }

        if (WantsPretty(request))
        {
            using var document = JsonDocument.Parse(json);
            var buffer = new ArrayBufferWriter<byte>(json.Length * 2);
            using (var writer = new Utf8JsonWriter(buffer, Indented))
            {
                document.RootElement.WriteTo(writer);
            }

            buffer.Write("\n"u8);
            return (buffer.WrittenMemory, ResponseWriting.Json);
        }

        return (json, ResponseWriting.Json);
    }

    /// <summary>A stream that compresses into the answer's body, when the client takes that and it is worth it; else null. To be disposed before the request ends.</summary>
    public static GZipStream? Compress(HttpContext context, long length)
    {
        if (length < CompressedFrom || !context.Request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.Ordinal))
        {
            return null;
        }

        context.Response.ContentLength = null;
        context.Response.Headers.ContentEncoding = "gzip";
        context.Response.Headers.Append("Vary", "Accept-Encoding");
        return new GZipStream(context.Response.Body, CompressionLevel.Fastest, leaveOpen: true);
    }

    /// <summary>Whether YAML is what the Accept header names first.</summary>
    public static bool WantsYaml(HttpRequest request) => request.Headers.Accept.ToString() is var accept && accept.StartsWith(Yaml, StringComparison.Ordinal);

    private static bool WantsPretty(HttpRequest request) => request.Query["pretty"].ToString() switch
    {
        "" => !request.Query.ContainsKey("pretty") && request.Headers.UserAgent.ToString() is var agent
            && (agent.StartsWith("curl", StringComparison.Ordinal) || agent.StartsWith("Wget", StringComparison.Ordinal) || agent.StartsWith("Mozilla/5.0", StringComparison.Ordinal)),
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        _ => false,
    };
}
