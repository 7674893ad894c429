using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using k8s;
using k8s.Models;

namespace Kaji.Client;

/// <summary><see cref="IApiClient"/> over HTTP, to a socket or in process.</summary>
public sealed class ApiClient(HttpMessageInvoker http, Uri baseAddress, string userAgent) : IApiClient, IDisposable
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    public async Task<T> GetAsync<T>(ResourceKind<T> kind, string? ns, string name, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        ModelJson.Deserialize<T>(await CallAsync(HttpMethod.Get, ResourcePath.Object(kind, ns, name), null, Json, cancellationToken));

    public async Task<T?> FindAsync<T>(ResourceKind<T> kind, string? ns, string name, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        try
        {
            return await GetAsync(kind, ns, name, cancellationToken);
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            return null;
        }
    }

    public async Task<ObjectList<T>> ListAsync<T>(ResourceKind<T> kind, string? ns, ListOptions? options = null, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        ListDecoder.Decode(kind, await CallAsync(HttpMethod.Get, ResourcePath.Collection(kind, ns) + ResourcePath.Query(options, watch: false), null, Json, cancellationToken));

    public async IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(
        ResourceKind<T> kind, string? ns, ListOptions options, [EnumeratorCancellation] CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        using var response = await SendAsync(new HttpRequestMessage(HttpMethod.Get, ResourcePath.Collection(kind, ns) + ResourcePath.Query(options, watch: true)), cancellationToken);
        await ThrowIfFailedAsync(response, cancellationToken);
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        await foreach (var change in WatchDecoder.ReadAsync<T>(body, cancellationToken))
        {
            yield return change;
        }
    }

    public async Task<T> CreateAsync<T>(ResourceKind<T> kind, T obj, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        ModelJson.Deserialize<T>(await CallAsync(HttpMethod.Post, ResourcePath.Collection(kind, obj.Metadata.NamespaceProperty), Body(kind, obj), Json, cancellationToken));

    public Task TryCreateAsync<T>(ResourceKind<T> kind, T obj, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        CallAsync(HttpMethod.Post, ResourcePath.Collection(kind, obj.Metadata.NamespaceProperty) + "?dryRun=All", Body(kind, obj), Json, cancellationToken);

    public async Task<T> UpdateAsync<T>(ResourceKind<T> kind, T obj, string? subresource = null, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        ModelJson.Deserialize<T>(await CallAsync(HttpMethod.Put, ResourcePath.Object(kind, obj.Metadata.NamespaceProperty, obj.Metadata.Name, subresource), Body(kind, obj), Json, cancellationToken));

    public async Task<T> PatchAsync<T>(ResourceKind<T> kind, string? ns, string name, Patch patch, string? subresource = null, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<V1ObjectMeta> =>
        ModelJson.Deserialize<T>(await CallAsync(HttpMethod.Patch, ResourcePath.Object(kind, ns, name, subresource), patch.Body, new MediaTypeHeaderValue(patch.ContentType), cancellationToken));

    public async Task<bool> DeleteAsync<T>(ResourceKind<T> kind, string? ns, string name, V1DeleteOptions? options = null, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        try
        {
            await CallAsync(HttpMethod.Delete, ResourcePath.Object(kind, ns, name), options is null ? null : ModelJson.Serialize(options), Json, cancellationToken);
            return true;
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            return false;
        }
    }

    public async Task<TBody> CreateSubresourceAsync<T, TBody>(ResourceKind<T> kind, string? ns, string name, string subresource, TBody body, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<V1ObjectMeta>
        where TBody : class
    {
        var answer = await CallAsync(HttpMethod.Post, ResourcePath.Object(kind, ns, name, subresource), ModelJson.Serialize(body), Json, cancellationToken);

        // Some subresources (binding, eviction) answer with a Status: then what was sent is what there is to say.
        using var document = JsonDocument.Parse(answer);
        return document.RootElement.TryGetProperty("kind", out var said) && said.ValueEquals("Status") ? body : ModelJson.Deserialize<TBody>(answer);
    }

    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken = default)
    {
        request.RequestUri = new Uri(baseAddress, request.RequestUri!);
        request.Headers.TryAddWithoutValidation("User-Agent", userAgent);
        if (!request.Headers.Contains("Accept"))
        {
            request.Headers.TryAddWithoutValidation("Accept", "application/json");
        }

        try
        {
            return await http.SendAsync(request, cancellationToken);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            // The transport's own limit (a connection that does not come about) is a failure like others, not the caller's wish.
            throw new HttpRequestException($"{baseAddress} did not answer in time", e);
        }
    }

    public void Dispose() => http.Dispose();

    private static byte[] Body<T>(ResourceKind<T> kind, T obj)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        obj.ApiVersion ??= kind.ApiVersion;
        obj.Kind ??= kind.Kind;
        return ModelJson.Serialize(obj);
    }

    private async Task<byte[]> CallAsync(HttpMethod method, string path, ReadOnlyMemory<byte>? body, MediaTypeHeaderValue type, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is { } bytes)
        {
            request.Content = new ReadOnlyMemoryContent(bytes);
            request.Content.Headers.ContentType = type;
        }

        using var response = await SendAsync(request, cancellationToken);
        await ThrowIfFailedAsync(response, cancellationToken);
        return await response.Content.ReadAsByteArrayAsync(cancellationToken);
    }

    private static async Task ThrowIfFailedAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.IsSuccessStatusCode)
        {
            return;
        }

        var answer = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        throw new ApiException(StatusOf(response.StatusCode, answer));
    }

    private static V1Status StatusOf(HttpStatusCode code, byte[] answer)
    {
        try
        {
            var status = ModelJson.Deserialize<V1Status>(answer);
            if (status.Code is not null)
            {
                return status;
            }
        }
        catch (JsonException)
        {
            // Not a Status (a proxy in between): its text is the message.
            return new V1Status { Code = (int)code, Reason = code.ToString(), Message = System.Text.Encoding.UTF8.GetString(answer, 0, Math.Min(answer.Length, 512)) };
        }

        return new V1Status { Code = (int)code, Reason = code.ToString(), Message = code.ToString() };
    }
}
