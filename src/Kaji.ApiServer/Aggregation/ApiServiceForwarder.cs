using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Registry;
using Kaji.ApiServer.Webhooks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Yarp.ReverseProxy.Forwarder;

namespace Kaji.ApiServer.Aggregation;

/// <summary>
/// Passes requests on to aggregated API servers, watches and upgrades included: over TLS to one of the Service's Pods, as the front proxy, which says who asks in X-Remote headers.
/// </summary>
internal sealed class ApiServiceForwarder : IDisposable
{
    private const int MaxPools = 128;
    private static readonly ForwarderRequestConfig Config = new() { ActivityTimeout = TimeSpan.FromHours(4), Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
    private readonly AggregationOptions _options;
    private readonly IObjectRegistry _objects;
    private readonly ServiceProvider _services;
    private readonly IHttpForwarder _forwarder;
    private readonly ConcurrentDictionary<(string, long, string, bool), HttpMessageInvoker> _pools = new();

    public ApiServiceForwarder(AggregationOptions options, IObjectRegistry objects)
    {
        (_options, _objects) = (options, objects);
        _services = new ServiceCollection().AddLogging().AddHttpForwarder().BuildServiceProvider();
        _forwarder = _services.GetRequiredService<IHttpForwarder>();
    }

    /// <summary>Forwards a request under its own path, or another.</summary>
    /// <exception cref="ApiErrorException">503: there is no answer.</exception>
    public async Task ForwardAsync(HttpContext context, ApiService service, UserInfo user, string? path = null)
    {
        HttpMessageInvoker pool;
        try
        {
            pool = PoolOf(service);
        }
        catch (WebhookException e)
        {
            throw Unavailable(service, e.Message);
        }

        var error = await _forwarder.SendAsync(context, $"https://{service.Host}:{service.Port}/", pool, Config, new AsFrontProxy(user, path));
        if (error == ForwarderError.None || context.Response.HasStarted || context.RequestAborted.IsCancellationRequested)
        {
            return;
        }

        var cause = context.GetForwarderErrorFeature()?.Exception;
        context.Response.Clear();
        throw Unavailable(service, cause is null ? error.ToString() : WebhookClient.Words(cause));
    }

    /// <summary>Asks a backend something in the server's own name.</summary>
    /// <exception cref="HttpRequestException">No answer.</exception>
    /// <exception cref="WebhookException">No Service, or nobody behind it.</exception>
    public async Task<HttpResponseMessage> GetAsync(ApiService service, string path, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"https://{service.Host}:{service.Port}{path}");
        request.Headers.TryAddWithoutValidation("Accept", "application/json");
        AsFrontProxy.Say(request, UserInfo.ApiServer);
        return await PoolOf(service).SendAsync(request, cancellationToken);
    }

    public void Dispose()
    {
        foreach (var pool in _pools.Values)
        {
            pool.Dispose();
        }

        _services.Dispose();
    }

    private static ApiErrorException Unavailable(ApiService service, string why) =>
        new(ApiErrors.Unavailable($"error trying to reach service {service.Namespace}/{service.Service} that answers {service.Group}/{service.Version}: {why}"));

    private HttpMessageInvoker PoolOf(ApiService service)
    {
        if (_pools.Count >= MaxPools)
        {
            _pools.Clear();
        }

        return _pools.GetOrAdd((service.Host, service.Port, service.CaBundle, service.SkipsVerification), _ => Pool(service));
    }

    private HttpMessageInvoker Pool(ApiService service)
    {
        var handler = WebhookClient.Handler(service.Host, service.CaBundle, token => ConnectAsync(service, token));
        handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => _options.ClientCertificate();
        if (service.SkipsVerification)
        {
            handler.SslOptions.RemoteCertificateValidationCallback = static (_, _, _, _) => true;
        }

        return new HttpMessageInvoker(handler);
    }

    private async ValueTask<Stream> ConnectAsync(ApiService service, CancellationToken cancellationToken)
    {
        var (host, port) = ServiceTarget.Find(_objects, service.Namespace, service.Service, service.Port);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(host, port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Says who asks; what the client itself said of that, and its credentials, stay here.</summary>
    private sealed class AsFrontProxy(UserInfo user, string? path) : HttpTransformer
    {
        public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
        {
            await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
            var target = new Uri(destinationPrefix);
            proxyRequest.RequestUri = new Uri(target, (path ?? httpContext.Request.Path.ToUriComponent()) + httpContext.Request.QueryString.ToUriComponent());
            proxyRequest.Headers.Host = target.Host;
            proxyRequest.Headers.Authorization = null;
            foreach (var name in proxyRequest.Headers.Select(h => h.Key).Where(n => n.StartsWith("X-Remote-", StringComparison.OrdinalIgnoreCase) || n.StartsWith("Impersonate-", StringComparison.OrdinalIgnoreCase)).ToArray())
            {
                proxyRequest.Headers.Remove(name);
            }

            Say(proxyRequest, user);
        }

        public static void Say(HttpRequestMessage request, UserInfo user)
        {
            request.Headers.TryAddWithoutValidation("X-Remote-User", user.Name);
            if (user.Uid is { Length: > 0 } uid)
            {
                request.Headers.TryAddWithoutValidation("X-Remote-Uid", uid);
            }

            foreach (var group in user.Groups)
            {
                request.Headers.TryAddWithoutValidation("X-Remote-Group", group);
            }

            foreach (var (key, values) in user.Extra)
            {
                foreach (var value in values)
                {
                    request.Headers.TryAddWithoutValidation("X-Remote-Extra-" + Uri.EscapeDataString(key), value);
                }
            }
        }
    }
}
