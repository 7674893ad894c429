using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Kaji.Engine.Images;

namespace Kaji.Engine.Distribution;

/// <summary>
/// Fetches manifests and blobs of one repository (OCI distribution-spec). Requests that fail for a passing reason are tried again, blobs from where they broke
/// off; what arrives is checked against its digest.
/// </summary>
internal sealed class RegistryClient(HttpClient http, ImageReference reference, RegistryCredential? credential, ImageStoreOptions options, TimeProvider time)
{
    private const int MaxManifestBytes = 4 << 20;
    private readonly RegistryAuth _auth = new(http, credential);
    private readonly SemaphoreSlim _answering = new(1, 1);

    private Uri Base => new($"{(IsInsecure(reference.Registry, options.InsecureRegistries) ? "http" : "https")}://{(reference.Registry == "docker.io" ? "registry-1.docker.io" : reference.Registry)}/v2/{reference.Repository}/");

    internal static bool IsInsecure(string registry, IReadOnlyList<string> insecure)
    {
        var colon = registry.LastIndexOf(':');
        var host = colon > registry.LastIndexOf(']') ? registry[..colon] : registry;
        return host is "localhost" or "[::1]" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address)) || insecure.Contains(registry) || insecure.Contains(host);
    }

    /// <summary>The manifest that a tag or digest names, with its own digest.</summary>
    public Task<(byte[] Content, string Digest)> GetManifestAsync(string selector, CancellationToken cancellationToken) => TryAsync($"manifests/{selector}", async () =>
    {
        using var response = await SendAsync($"manifests/{selector}", null, cancellationToken).ConfigureAwait(false);
        var content = await ReadAsync(response, MaxManifestBytes, cancellationToken).ConfigureAwait(false);
        var digest = Digests.Of(content);
        if (selector.StartsWith("sha256:", StringComparison.Ordinal) && selector != digest)
        {
            throw new EngineException(EngineFault.ImageInvalid, $"{reference.Registry} answered a manifest with digest {digest} for {selector}.");
        }

        return (content, digest);
    }, cancellationToken);

    /// <summary>A small blob in memory.</summary>
    public Task<byte[]> GetBlobAsync(ContentDescriptor blob, CancellationToken cancellationToken) => TryAsync($"blobs/{blob.Digest}", async () =>
    {
        using var response = await SendAsync($"blobs/{blob.Digest}", null, cancellationToken).ConfigureAwait(false);
        var content = await ReadAsync(response, MaxManifestBytes, cancellationToken).ConfigureAwait(false);
        Verify(blob, Digests.Of(content));
        return content;
    }, cancellationToken);

    /// <summary>A blob into a file; bytes that are there already are not fetched again.</summary>
    public async Task DownloadAsync(ContentDescriptor blob, FileStream file, IProgress<long>? progress, CancellationToken cancellationToken)
    {
        await TryAsync($"blobs/{blob.Digest}", async () =>
        {
            file.Seek(0, SeekOrigin.End);
            if (blob.Size > 0 && file.Length == blob.Size)
            {
                return true;
            }

            using var response = await SendAsync($"blobs/{blob.Digest}", file.Length > 0 ? new RangeHeaderValue(file.Length, null) : null, cancellationToken).ConfigureAwait(false);
            if (response.StatusCode != HttpStatusCode.PartialContent)
            {
                file.SetLength(0);
            }

            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
            var buffer = new byte[128 * 1024];
            while (true)
            {
                var count = await StallAsync(token => body.ReadAsync(buffer, token), cancellationToken).ConfigureAwait(false);
                if (count == 0)
                {
                    break;
                }

                await file.WriteAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
                progress?.Report(count);
            }

            return blob.Size == 0 || file.Length >= blob.Size ? true : throw new HttpIOException(HttpRequestError.ResponseEnded, "the answer ended early");
        }, cancellationToken).ConfigureAwait(false);

        file.Seek(0, SeekOrigin.Begin);
        using var hash = System.Security.Cryptography.SHA256.Create();
        var digest = "sha256:" + Convert.ToHexStringLower(await hash.ComputeHashAsync(file, cancellationToken).ConfigureAwait(false));
        if (digest != blob.Digest)
        {
            // What was there before may have been broken: the next pull begins anew.
            file.SetLength(0);
            Verify(blob, digest);
        }

        file.Seek(0, SeekOrigin.Begin);
    }

    private void Verify(ContentDescriptor blob, string digest)
    {
        if (digest != blob.Digest)
        {
            throw new EngineException(EngineFault.ImageInvalid, $"{reference.Registry} answered content with digest {digest} for {blob.Digest}.");
        }
    }

    private async Task<T> TryAsync<T>(string what, Func<Task<T>> attempt, CancellationToken cancellationToken)
    {
        for (var tried = 1; ; tried++)
        {
            try
            {
                return await attempt().ConfigureAwait(false);
            }
            catch (Exception e) when (e is HttpRequestException or HttpIOException or TimeoutException or JsonException)
            {
                if (tried >= options.Attempts || e is HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError })
                {
                    throw new EngineException(EngineFault.RegistryUnreachable, $"failed to pull {reference}: {new Uri(Base, what)}: {e.InnerException?.Message ?? e.Message}", e);
                }
            }

            await Task.Delay(TimeSpan.FromMilliseconds(250 << tried), time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(string path, RangeHeaderValue? range, CancellationToken cancellationToken)
    {
        for (var challenged = false; ; challenged = true)
        {
            var sent = _auth.Header;
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(Base, path));
            request.Headers.TryAddWithoutValidation("Accept", Manifest.Accept + ", */*");
            request.Headers.TryAddWithoutValidation("User-Agent", "kaji");
            request.Headers.Authorization = sent;
            request.Headers.Range = range;
            var response = await StallAsync(token => new ValueTask<HttpResponseMessage>(http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token)), cancellationToken).ConfigureAwait(false);
            if (response.IsSuccessStatusCode)
            {
                return response;
            }

            using (response)
            {
                switch (response.StatusCode)
                {
                    case HttpStatusCode.Unauthorized when !challenged && await AnswerAsync(response, sent, cancellationToken).ConfigureAwait(false):
                        continue;
                    case HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden:
                        throw new EngineException(EngineFault.ImageUnauthorized, $"failed to pull {reference}: pull access denied, repository does not exist or may require authorization ({(int)response.StatusCode} from {reference.Registry})");
                    case HttpStatusCode.NotFound:
                        throw new EngineException(EngineFault.ImageNotFound, $"failed to pull {reference}: not found");
                    case HttpStatusCode.RequestedRangeNotSatisfiable:
                        throw new EngineException(EngineFault.ImageInvalid, $"failed to pull {reference}: {reference.Registry} has less of {path} than was fetched before");
                    case HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError:
                        throw new HttpRequestException($"{(int)response.StatusCode} {response.ReasonPhrase}");
                    default:
                        throw new EngineException(EngineFault.RegistryUnreachable, $"failed to pull {reference}: unexpected answer {(int)response.StatusCode} {response.ReasonPhrase} for {path}");
                }
            }
        }
    }

    private async Task<bool> AnswerAsync(HttpResponseMessage response, AuthenticationHeaderValue? sent, CancellationToken cancellationToken)
    {
        await _answering.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            // A parallel request may have got a token meanwhile.
            return !Equals(_auth.Header, sent) || await _auth.AnswerAsync(response, reference.Repository, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _answering.Release();
        }
    }

    private async Task<byte[]> ReadAsync(HttpResponseMessage response, int limit, CancellationToken cancellationToken)
    {
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        var content = new MemoryStream();
        var buffer = new byte[16384];
        while (await StallAsync(token => body.ReadAsync(buffer, token), cancellationToken).ConfigureAwait(false) is var count && count > 0)
        {
            content.Write(buffer, 0, count);
            if (content.Length > limit)
            {
                throw new EngineException(EngineFault.ImageInvalid, $"{reference} has a manifest or configuration of more than {limit} bytes.");
            }
        }

        return content.ToArray();
    }

    private async Task<T> StallAsync<T>(Func<CancellationToken, ValueTask<T>> action, CancellationToken cancellationToken)
    {
        using var stall = new CancellationTokenSource(options.StallTimeout, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(stall.Token, cancellationToken);
        try
        {
            return await action(linked.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (stall.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"no answer for {options.StallTimeout.TotalSeconds:0} s", e);
        }
    }
}
