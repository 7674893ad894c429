using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using k8s.Models;
using Kaji.Client;

namespace Kaji.Controllers.GarbageCollection;

/// <summary>Calls on objects of any kind, as JSON: what controllers need that work on kinds they have no model of.</summary>
internal static class JsonCalls
{
    public const string MetadataList = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    public const string Metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

    /// <summary>The answer, null on 404.</summary>
    public static async Task<JsonNode?> GetAsync(IApiClient client, string path, string? accept, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (accept is not null)
        {
            request.Headers.TryAddWithoutValidation("Accept", accept);
        }

        using var response = await client.SendAsync(request, cancellationToken);
        return response.StatusCode == HttpStatusCode.NotFound ? null : await ReadAsync(response, cancellationToken);
    }

    /// <summary>Sends a body; false on 404, or on 409 (it has changed: look again).</summary>
    public static async Task<bool> SendAsync(IApiClient client, HttpMethod method, string path, string mediaType, JsonNode body, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body.ToJsonString())) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(mediaType);
        using var response = await client.SendAsync(request, cancellationToken);
        if (response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Conflict)
        {
            return false;
        }

        await ReadAsync(response, cancellationToken);
        return true;
    }

    private static async Task<JsonNode?> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var node = JsonNode.Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken));
        return response.IsSuccessStatusCode ? node : throw new ApiException(new V1Status { Code = (int)response.StatusCode, Reason = (string?)node?["reason"], Message = (string?)node?["message"] });
    }
}
