using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Registry;

namespace Kaji.ApiServer.Webhooks;

/// <summary>
/// Posts reviews (AdmissionReview, ConversionReview) to webhooks over TLS: to a URL, or to a Service, which is looked up in the registry at each connection. The server's
/// certificate must be signed by the configuration's caBundle (or a root of this machine) for the URL's host or <c>svc.ns.svc</c>.
/// </summary>
public sealed class WebhookClient(TimeProvider time) : IDisposable
{
    private const int MaxConnectionPools = 256;
    private const int MaxAnswerBytes = 16 * 1024 * 1024;
    private const int MaxErrorText = 1024;
    private readonly ConcurrentDictionary<string, HttpMessageInvoker> _pools = new(StringComparer.Ordinal);

    /// <summary>Where Services are looked up; set when the registry is there.</summary>
    public IObjectRegistry? Objects { get; set; }

    /// <summary>Asks a webhook.</summary>
    /// <param name="clientConfig">A WebhookClientConfig: url or service, caBundle.</param>
    /// <param name="review">The body.</param>
    /// <param name="timeout">For all of it; told the webhook as <c>?timeout=</c>.</param>
    /// <param name="cancellationToken">Of the client's request.</param>
    /// <exception cref="WebhookException">No proper answer.</exception>
    public async Task<JsonObject> PostAsync(JsonObject clientConfig, JsonObject review, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var (uri, shown) = UriOf(clientConfig, timeout);
        using var limit = new CancellationTokenSource(timeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, uri) { Content = new ByteArrayContent(ObjectCodec.Bytes(review)) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
            request.Headers.TryAddWithoutValidation("User-Agent", "kube-apiserver-admission");
            using var response = await PoolOf(clientConfig).SendAsync(request, both.Token);
            var bytes = await ReadAsync(response.Content, both.Token);
            if (!response.IsSuccessStatusCode)
            {
                throw new WebhookException(Refusal((int)response.StatusCode, bytes));
            }

            return JsonNode.Parse(bytes.Span) as JsonObject ?? throw new WebhookException("expected webhook response of a review, got null");
        }
        catch (OperationCanceledException e) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new WebhookException($"Post \"{shown}\": context deadline exceeded", timedOut: true, e);
        }
        catch (HttpRequestException e)
        {
            throw new WebhookException($"Post \"{shown}\": {Words(e)}", inner: e);
        }
        catch (IOException e)
        {
            throw new WebhookException($"Post \"{shown}\": {e.Message}", inner: e);
        }
        catch (JsonException e)
        {
            throw new WebhookException($"couldn't get version/kind; json parse error: {e.Message}", inner: e);
        }
    }

    public void Dispose()
    {
        foreach (var pool in _pools.Values)
        {
            pool.Dispose();
        }
    }

    /// <summary>The address as messages show it.</summary>
    private static (Uri Uri, string Shown) UriOf(JsonObject clientConfig, TimeSpan timeout)
    {
        var seconds = ((long)Math.Ceiling(timeout.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        if (clientConfig.Str("url") is { Length: > 0 } url)
        {
            if (!Uri.TryCreate(url, UriKind.Absolute, out var given) || given.Scheme != Uri.UriSchemeHttps)
            {
                throw new WebhookException($"Unparsable URL: {url}");
            }

            var full = $"{url}{(given.Query.Length > 0 ? "&" : "?")}timeout={seconds}s";
            return (new Uri(full), full);
        }

        if (clientConfig.Obj("service") is not { } service)
        {
            throw new WebhookException("webhook configuration must have either service or URL");
        }

        var path = service.Str("path").TrimStart('/');
        var text = $"https://{NameOf(service)}:{PortOf(service)}/{path}?timeout={seconds}s";
        return (new Uri(text), text);
    }

    private static string NameOf(JsonObject service) => $"{service.Str("name")}.{service.Str("namespace")}.svc";

    private static long PortOf(JsonObject service) => service.Int("port") ?? 443;

    private HttpMessageInvoker PoolOf(JsonObject clientConfig)
    {
        var key = clientConfig.ToJsonString();
        if (_pools.Count >= MaxConnectionPools)
        {
            // Configurations that are no longer there leave theirs behind; those in use are made again. Requests under way keep what they hold.
            _pools.Clear();
        }

        return _pools.GetOrAdd(key, static (_, made) => made.Client.Pool(made.Config), (Client: this, Config: (JsonObject)clientConfig.DeepClone()));
    }

    private HttpMessageInvoker Pool(JsonObject clientConfig)
    {
        var service = clientConfig.Str("url").Length > 0 ? null : clientConfig.Obj("service");
        return new HttpMessageInvoker(Handler(service is null ? null : NameOf(service), clientConfig.Str("caBundle"), service is null ? null : token => ConnectAsync(service, token)));
    }

    /// <summary>Connections whose server must show a certificate that the bundle (or, when that is empty, this machine) trusts.</summary>
    /// <param name="host">The name the certificate must be for; null for the URL's.</param>
    /// <param name="caBundle">Base64 of PEM.</param>
    /// <param name="connect">How to reach it; null for the URL's host.</param>
    /// <exception cref="WebhookException">The bundle holds no certificate.</exception>
    internal static SocketsHttpHandler Handler(string? host, string caBundle, Func<CancellationToken, ValueTask<Stream>>? connect)
    {
        var roots = Roots(caBundle);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false, UseProxy = false, UseCookies = false, PooledConnectionIdleTimeout = TimeSpan.FromSeconds(90), PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            SslOptions = new SslClientAuthenticationOptions { EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13 },
        };
        if (host is not null)
        {
            handler.SslOptions.TargetHost = host;
        }

        if (connect is not null)
        {
            handler.ConnectCallback = (_, cancellationToken) => connect(cancellationToken);
        }

        if (roots is not null)
        {
            handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
            handler.SslOptions.CertificateChainPolicy.CustomTrustStore.AddRange(roots);

            // A bundle may hold the serving certificate itself, or an intermediate one: Go trusts either.
            handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                errors == SslPolicyErrors.None
                || (errors == SslPolicyErrors.RemoteCertificateChainErrors && chain is not null && chain.ChainElements.Any(e => roots.Contains(e.Certificate)) && chain.ChainStatus.All(s => s.Status is X509ChainStatusFlags.PartialChain or X509ChainStatusFlags.UntrustedRoot))
                || Refuse(errors, certificate, handler.SslOptions.TargetHost);
        }
        else
        {
            handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
                errors == SslPolicyErrors.None || Refuse(errors, certificate, handler.SslOptions.TargetHost);
        }

        return handler;
    }

    private async ValueTask<Stream> ConnectAsync(JsonObject service, CancellationToken cancellationToken)
    {
        var (host, port) = ServiceTarget.Find(Objects ?? throw new WebhookException("services are not known yet"), service.Str("namespace"), service.Str("name"), PortOf(service));
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(host, port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new HttpRequestException($"dial tcp {host}:{port}: connect: {Words(e)}", e);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static X509Certificate2Collection? Roots(string caBundle)
    {
        if (caBundle.Length == 0)
        {
            return null;
        }

        var roots = new X509Certificate2Collection();
        try
        {
            roots.ImportFromPem(System.Text.Encoding.ASCII.GetString(Convert.FromBase64String(caBundle)));
        }
        catch (Exception e) when (e is FormatException or CryptographicException)
        {
            throw new WebhookException("unable to load root certificates: unable to parse bytes as PEM block", inner: e);
        }

        return roots.Count > 0 ? roots : throw new WebhookException("unable to load root certificates: unable to parse bytes as PEM block");
    }

    private static async Task<ReadOnlyMemory<byte>> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        await using var stream = await content.ReadAsStreamAsync(cancellationToken);
        var buffer = new MemoryStream();
        var chunk = new byte[16 * 1024];
        int read;
        while ((read = await stream.ReadAsync(chunk, cancellationToken)) > 0)
        {
            buffer.Write(chunk, 0, read);
            if (buffer.Length > MaxAnswerBytes)
            {
                throw new WebhookException($"response body exceeds {MaxAnswerBytes} bytes");
            }
        }

        return buffer.GetBuffer().AsMemory(0, (int)buffer.Length);
    }

    private static string Refusal(int code, ReadOnlyMemory<byte> body)
    {
        var text = System.Text.Encoding.UTF8.GetString(body.Span[..Math.Min(body.Length, MaxErrorText)]).Trim();
        return code switch
        {
            404 => "the server could not find the requested resource",
            401 => "the server has asked for the client to provide credentials",
            429 => "the server has received too many requests and has asked us to try again later",
            503 => "the server is currently unable to handle the request",
            >= 500 => $"an error on the server (\"{(text.Length > 0 ? text.Replace("\"", "\\\"", StringComparison.Ordinal) : "unknown")}\") has prevented the request from succeeding",
            _ => $"the server rejected our request for an unknown reason ({code})",
        };
    }

    /// <summary>Why there was no answer, as Go says it.</summary>
    internal static string Words(Exception e)
    {
        for (var cause = e; cause is not null; cause = cause.InnerException)
        {
            switch (cause)
            {
                case WebhookException or AuthenticationException { InnerException: null }:
                    return cause.Message;
                case HttpRequestException { InnerException: SocketException } when cause.Message.StartsWith("dial ", StringComparison.Ordinal):
                    return cause.Message;
                case SocketException socket:
                    return $"dial tcp: {Words(socket)}";
            }
        }

        return e is HttpRequestException { HttpRequestError: HttpRequestError.ResponseEnded } ? "EOF" : e.Message;
    }

    private static string Words(SocketException e) => e.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => "connection refused",
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => "lookup: no such host",
        SocketError.HostUnreachable => "no route to host",
        SocketError.NetworkUnreachable => "network is unreachable",
        SocketError.TimedOut => "i/o timeout",
        _ => e.Message,
    };

    private static bool Refuse(SslPolicyErrors errors, X509Certificate? certificate, string? host) => throw new AuthenticationException(Words(errors, certificate, host));

    private static string Words(SslPolicyErrors errors, X509Certificate? certificate, string? host)
    {
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) && certificate is X509Certificate2 presented)
        {
            var names = presented.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(s => s.EnumerateDnsNames().Concat(s.EnumerateIPAddresses().Select(a => a.ToString()))).ToArray();
            return names.Length == 0 ? "tls: failed to verify certificate: x509: certificate relies on legacy Common Name field, use SANs instead"
                : $"tls: failed to verify certificate: x509: certificate is valid for {string.Join(", ", names)}, not {host}";
        }

        return "tls: failed to verify certificate: x509: certificate signed by unknown authority";
    }
}
