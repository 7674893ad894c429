using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Responses;

/// <summary>Writes what a request is answered with.</summary>
internal static class ResponseWriting
{
    public const string Json = "application/json";

    /// <summary>A refusal as Status.</summary>
    public static Task WriteErrorAsync(this HttpContext context, ApiError error)
    {
        if (context.Response.HasStarted)
        {
            context.Abort();
            return Task.CompletedTask;
        }

        if (error.RetryAfterSeconds > 0)
        {
            context.Response.Headers.RetryAfter = error.RetryAfterSeconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }

        return context.WriteJsonAsync(error.Code, StatusJson.Bytes(error));
    }

    public static Task WriteNodeAsync(this HttpContext context, int code, JsonNode node) => context.WriteJsonAsync(code, Registry.ObjectCodec.Bytes(node));

    /// <summary>JSON in the form that the client wants to read.</summary>
    public static Task WriteJsonAsync(this HttpContext context, int code, ReadOnlyMemory<byte> json)
    {
        Audit.AuditRecord.Of(context)?.Gave(json);
        var (body, type) = Rendering.Render(context.Request, json);
        return context.WriteBytesAsync(code, body, type);
    }

    public static Task WriteTextAsync(this HttpContext context, int code, string text, string type = "text/plain; charset=utf-8") =>
        context.WriteBytesAsync(code, System.Text.Encoding.UTF8.GetBytes(text), type);

    public static async Task WriteBytesAsync(this HttpContext context, int code, ReadOnlyMemory<byte> body, string type = Json)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = type;
        context.Response.ContentLength = body.Length;
        if (HttpMethods.IsHead(context.Request.Method))
        {
            return;
        }

        await using var compressed = Rendering.Compress(context, body.Length);
        await (compressed ?? context.Response.Body).WriteAsync(body, context.RequestAborted);
    }

    /// <summary>Adds a <c>Warning: 299</c> header, which kubectl shows.</summary>
    public static void Warn(this HttpContext context, string text) =>
        context.Response.Headers.Append("Warning", $"299 - \"{new string([.. text.Where(c => c is >= ' ' and < (char)127)]).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"");
}
