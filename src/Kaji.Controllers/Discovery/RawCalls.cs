using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using k8s.Models;
using Kaji.Client;

namespace Kaji.Controllers.Discovery;

/// <summary>Calls on resources that are known only by discovery, in bytes.</summary>
internal static class RawCalls
{
    /// <returns>Null on 404.</returns>
    public static async Task<byte[]?> GetAsync(IApiClient client, string path, string accept, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        using var response = await client.SendAsync(request, cancellationToken);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }

        await ThrowIfFailedAsync(response, cancellationToken);
        return await response.Content.ReadAsByteArrayAsync(cancellationToken);
    }

    /// <returns>Whether the object was still there.</returns>
    public static async Task<bool> SendAsync(IApiClient client, HttpMethod method, string path, string body, string contentType, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(contentType);
        using var response = await client.SendAsync(request, cancellationToken);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return false;
        }

        await ThrowIfFailedAsync(response, cancellationToken);
        return true;
    }

    /// <exception cref="ApiException">The answer is not 2xx.</exception>
    public static async Task ThrowIfFailedAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.IsSuccessStatusCode)
        {
            return;
        }

        var answer = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        V1Status? status = null;
        try
        {
            status = ModelJson.Deserialize<V1Status>(answer);
        }
        catch (JsonException)
        {
            // Something in between answered, not in JSON: the code has to do.
            status = null;
        }

        throw new ApiException(status?.Code is not null ? status : new V1Status { Code = (int)response.StatusCode, Reason = response.StatusCode.ToString(), Message = response.StatusCode.ToString() });
    }
}
