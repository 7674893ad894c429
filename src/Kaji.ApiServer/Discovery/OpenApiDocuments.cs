using System.Buffers;
using System.Collections.Concurrent;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Api.OpenApi;
using Kaji.ApiServer.Aggregation;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.CustomResources;
using Kaji.ApiServer.Responses;
using Microsoft.AspNetCore.Http;

namespace Kaji.ApiServer.Discovery;

/// <summary>Serves the OpenAPI documents: each made when it is first asked for in a state of the catalogue, and kept compressed, for it is large and most clients take it so.</summary>
internal sealed class OpenApiDocuments(ResourceCatalog catalog, Aggregator? aggregator)
{
    public const string V2 = "/openapi/v2";
    public const string V3 = "/openapi/v3";
    private const string ProtobufType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    private static readonly string BuildHash = typeof(OpenApiDocuments).Module.ModuleVersionId.ToString("N");
    private volatile Kept _kept = new(catalog.Current);

    /// <summary>Answers when the path is one of its documents.</summary>
    public async Task<bool> TryHandleAsync(HttpContext context, string path)
    {
        var kept = _kept;
        if (!ReferenceEquals(kept.Snapshot, catalog.Current))
        {
            _kept = kept = new Kept(catalog.Current);
        }

        var now = kept.Snapshot;
        switch (path)
        {
            case V2:
                var protobuf = context.Request.Headers.Accept.ToString().Contains("proto-openapi.spec.v2", StringComparison.Ordinal);
                await WriteAsync(context, kept.Documents.GetOrAdd(protobuf ? V2 + "#" : V2, _ => Document.Of(protobuf ? OpenApiProtobuf.Bytes(MakeV2(now)) : MakeV2(now))), protobuf ? ProtobufType : ResponseWriting.Json);
                return true;
            case V3:
                await context.WriteNodeAsync(200, Index(now, aggregator));
                return true;
        }

        var (group, version) = path[(V3.Length + 1)..].Split('/') switch
        {
            ["api", var v] => ("", v),
            ["apis", var g, var v] => (g, v),
            _ => ("", ""),
        };
        if (aggregator?.Find(group, version) is { } remote && context.Items["user"] is UserInfo user)
        {
            await aggregator.ForwardAsync(context, remote, user, $"{V3}/{OpenApiDocument.PathOf(group, version)}");
            return true;
        }

        var resources = now.Of(group, version);
        if (resources.Count == 0)
        {
            return false;
        }

        if (context.Request.Query["hash"].ToString() == HashOf(now, group, version))
        {
            context.Response.Headers.CacheControl = "public, immutable";
        }

        await WriteAsync(context, kept.Documents.GetOrAdd(path, _ => Document.Of(Make(w => OpenApiDocument.WriteV3(w, resources, ServerVersion.Git)))), ResponseWriting.Json);
        return true;
    }

    private static ReadOnlyMemory<byte> MakeV2(CatalogSnapshot now) => Make(w => OpenApiDocument.WriteV2(w, now.All, ServerVersion.Git));

    private static ReadOnlyMemory<byte> Make(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(512 * 1024);
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            write(writer);
        }

        return buffer.WrittenMemory;
    }

    private static async Task WriteAsync(HttpContext context, Document document, string type)
    {
        context.Response.Headers.ETag = document.Tag;
        context.Response.Headers.Vary = "Accept";
        if (context.Request.Headers.IfNoneMatch.ToString() == document.Tag)
        {
            context.Response.StatusCode = 304;
            return;
        }

        context.Response.ContentType = type;
        if (context.Request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.Ordinal))
        {
            context.Response.Headers.ContentEncoding = "gzip";
            context.Response.ContentLength = document.Compressed.Length;
            await context.Response.Body.WriteAsync(document.Compressed, context.RequestAborted);
            return;
        }

        context.Response.ContentLength = document.Length;
        await using var plain = new GZipStream(new MemoryStream(document.Compressed), CompressionMode.Decompress);
        await plain.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    private static JsonObject Index(CatalogSnapshot catalog, Aggregator? aggregator)
    {
        var paths = new JsonObject();
        foreach (var (group, versions) in catalog.Groups)
        {
            foreach (var version in versions)
            {
                var path = OpenApiDocument.PathOf(group, version);
                paths[path] = new JsonObject { ["serverRelativeURL"] = $"{V3}/{path}?hash={HashOf(catalog, group, version)}" };
            }
        }

        foreach (var service in aggregator?.Groups.SelectMany(g => g.Versions).Where(s => s.IsAvailable) ?? [])
        {
            var path = OpenApiDocument.PathOf(service.Group, service.Version);
            paths[path] = new JsonObject { ["serverRelativeURL"] = $"{V3}/{path}" };
        }

        return new JsonObject { ["paths"] = paths };
    }

    /// <summary>Changes with what the document says: with the build, and with the definitions of the group.</summary>
    private static string HashOf(CatalogSnapshot catalog, string group, string version)
    {
        var newest = catalog.Entries.Values.Where(e => e.Definition.Group == group && e.Definition.Version(version) is not null).Select(e => e.Revision).DefaultIfEmpty(0).Max();
        return newest == 0 ? BuildHash : $"{BuildHash}{newest:x}";
    }

    private sealed record Document(byte[] Compressed, long Length, string Tag)
    {
        public static Document Of(ReadOnlyMemory<byte> bytes)
        {
            using var stream = new MemoryStream();
            using (var compressed = new GZipStream(stream, CompressionLevel.Fastest))
            {
                compressed.Write(bytes.Span);
            }

            return new Document(stream.ToArray(), bytes.Length, $"\"{Convert.ToHexString(SHA512.HashData(bytes.Span))}\"");
        }
    }

    private sealed record Kept(CatalogSnapshot Snapshot)
    {
        public ConcurrentDictionary<string, Document> Documents { get; } = new(StringComparer.Ordinal);
    }
}
