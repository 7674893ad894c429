using System.Buffers;
using System.Text;
using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.ApiServer.Audit;
using Kaji.ApiServer.Registry;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Requests;

/// <summary>Reads a request's body, bounded, in the media types that writes may have.</summary>
internal static class BodyReader
{
    private const string Accepted = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

    /// <summary>The body as an object; an empty body is null.</summary>
    /// <exception cref="ApiErrorException">413, 415 or 400.</exception>
    public static async Task<JsonObject?> ReadObjectAsync(HttpContext context, long limit)
    {
        var bytes = await ReadAsync(context, limit);
        if (bytes.Length == 0)
        {
            return null;
        }

        var type = MediaType(context.Request);
        var node = type switch
        {
            "" or "application/json" or "application/merge-patch+json" or "application/strategic-merge-patch+json" or "application/json-patch+json" => ObjectCodec.Parse(bytes.Span, context),
            Protobuf.ProtobufBody.MediaType => Protobuf.ProtobufBody.Parse(bytes.Span),
            "application/yaml" or "application/apply-patch+yaml" => ObjectCodec.TryParse(bytes.Span) ?? YamlBody.Parse(Encoding.UTF8.GetString(bytes.Span)),
            _ => throw new ApiErrorException(ApiErrors.UnsupportedMediaType(type, Accepted)),
        };
        var obj = node as JsonObject ?? throw new ApiErrorException(ApiErrors.BadRequest("the body of the request is not an object"));
        if (AuditRecord.Of(context) is { } audit && !type.EndsWith("json", StringComparison.Ordinal))
        {
            audit.Took(ObjectCodec.Bytes(obj));
        }

        return obj;
    }

    public static string MediaType(HttpRequest request) => (request.ContentType ?? "").Split(';')[0].Trim().ToLowerInvariant();

    public static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpContext context, long limit)
    {
        var bytes = await ReadAllAsync(context, limit);
        AuditRecord.Of(context)?.Took(bytes);
        return bytes;
    }

    private static async Task<ReadOnlyMemory<byte>> ReadAllAsync(HttpContext context, long limit)
    {
        if (context.Request.ContentLength > limit)
        {
            throw new ApiErrorException(ApiErrors.TooLarge(limit));
        }

        if (context.Request.ContentLength is { } known)
        {
            var exact = GC.AllocateUninitializedArray<byte>((int)known);
            await context.Request.Body.ReadExactlyAsync(exact, context.RequestAborted);
            return exact;
        }

        var buffer = new ArrayBufferWriter<byte>(4096);
        int read;
        while ((read = await context.Request.Body.ReadAsync(buffer.GetMemory(4096), context.RequestAborted)) > 0)
        {
            buffer.Advance(read);
            if (buffer.WrittenCount > limit)
            {
                throw new ApiErrorException(ApiErrors.TooLarge(limit));
            }
        }

        return buffer.WrittenMemory;
    }
}
