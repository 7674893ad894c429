using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Kaji.Api;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Yarp.ReverseProxy.Forwarder;

namespace Kaji.ApiServer.Streaming;

/// <summary>With what the API server calls node agents.</summary>
/// <param name="ClientCertificate">Asked at each connection.</param>
/// <param name="Authority">Signs the agents' serving certificates.</param>
public sealed record NodeConnectionOptions(Func<X509Certificate2> ClientCertificate, X509Certificate2 Authority);

/// <summary>Passes requests on to node agents and Pods, upgrades (WebSocket, SPDY) included: the bytes of a stream are not looked into.</summary>
internal sealed class NodeForwarder : IDisposable
{
    private static readonly ForwarderRequestConfig Config = new() { ActivityTimeout = TimeSpan.FromHours(4), Version = System.Net.HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
    private readonly IHttpForwarder _forwarder;
    private readonly ServiceProvider _services;
    private readonly HttpMessageInvoker _nodes;
    private readonly HttpMessageInvoker _pods;

    public NodeForwarder(NodeConnectionOptions options)
    {
        _services = new ServiceCollection().AddLogging().AddHttpForwarder().BuildServiceProvider();
        _forwarder = _services.GetRequiredService<IHttpForwarder>();
        _nodes = new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            SslOptions = new SslClientAuthenticationOptions
            {
                LocalCertificateSelectionCallback = (_, _, _, _, _) => options.ClientCertificate(),
                RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null && IsOurs(new X509Certificate2(certificate), options.Authority),
            },
        });
        _pods = new HttpMessageInvoker(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false, ConnectTimeout = TimeSpan.FromSeconds(5) });
    }

    /// <summary>Forwards to a node agent's path.</summary>
    public Task ToNodeAsync(HttpContext context, Uri node, string pathAndQuery) => ForwardAsync(context, _nodes, new Uri(node, pathAndQuery), $"the agent of the node at {node.Authority}");

    /// <summary>Forwards to a Pod's port.</summary>
    public Task ToPodAsync(HttpContext context, Uri target) => ForwardAsync(context, _pods, target, target.Authority);

    public void Dispose()
    {
        _nodes.Dispose();
        _pods.Dispose();
        _services.Dispose();
    }

    private async Task ForwardAsync(HttpContext context, HttpMessageInvoker client, Uri target, string what)
    {
        var error = await _forwarder.SendAsync(context, $"{target.Scheme}://{target.Authority}/", client, Config, new Retarget(target));
        if (error == ForwarderError.None || context.Response.HasStarted || context.RequestAborted.IsCancellationRequested)
        {
            return;
        }

        var why = context.GetForwarderErrorFeature()?.Exception?.Message ?? error.ToString();
        context.Response.Clear();
        throw new ApiErrorException(new ApiError(502, "BadGateway", $"error trying to reach {what}: {why}"));
    }

    private static bool IsOurs(X509Certificate2 certificate, X509Certificate2 authority)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return chain.Build(certificate);
    }

    /// <summary>The request goes to another path than it came by, and without the caller's credentials.</summary>
    private sealed class Retarget(Uri target) : HttpTransformer
    {
        public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
        {
            await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
            proxyRequest.RequestUri = target;
            proxyRequest.Headers.Host = null;
            proxyRequest.Headers.Authorization = null;
        }
    }
}
