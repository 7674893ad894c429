using System.Security.Authentication;
using Kaji.ApiServer.Admission;
using Kaji.ApiServer.Aggregation;
using Kaji.ApiServer.Audit;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Authorization;
using Kaji.ApiServer.CustomResources;
using Kaji.ApiServer.FlowControl;
using Kaji.ApiServer.Registry;
using Kaji.ApiServer.Webhooks;
using Kaji.Store;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kaji.ApiServer.Hosting;

/// <summary>
/// The API server: composed once, reachable in process at once (<see cref="CreateInProcessHandler"/>), over TLS after <see cref="StartAsync"/>.
/// </summary>
public sealed class ApiServer : IAsyncDisposable
{
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(5);
    private readonly ApiServerOptions _options;
    private readonly ILoggerFactory _logging;
    private readonly ObjectRegistry _registry;
    private readonly CancellationTokenSource _stopping = new();
    private readonly RequestMetrics _metrics = new();
    private readonly WebhookClient _webhooks;
    private readonly Auditor? _auditor;
    private readonly FlowController _flow;
    private readonly FlowConfiguration _flowSettings;
    private Task _loops = Task.CompletedTask;
    private RequestPipeline? _pipeline;
    private WebApplication? _application;

    public ApiServer(ApiServerOptions options, IRevisionStore store, IReadOnlyList<IAdmissionPlugin> admission, TimeProvider time, ILoggerFactory logging)
    {
        options.Validate();
        (_options, _logging) = (options, logging);
        _webhooks = new WebhookClient(time);
        _registry = new ObjectRegistry(store, [.. admission, new DefinitionSchemas()], new CustomCodec(_webhooks), time);
        _webhooks.Objects = _registry;
        _flow = new FlowController(store, options.MaxRequestsInFlight, options.MaxQueueWait, time);
        _flowSettings = new FlowConfiguration(store, _registry, time, logging.CreateLogger<FlowConfiguration>());
        _auditor = options.Audit is { } audit ? new Auditor(audit, time, logging.CreateLogger<Auditor>()) : null;
        Health.AddReady("etcd", () => store.Revision > 0 ? null : "the store is not open");
        Health.AddReady("shutdown", () => _stopping.IsCancellationRequested ? "process is shutting down" : null);
        Aggregator = options.Aggregation is { } aggregation ? new Aggregator(aggregation, store, _registry, _registry.Catalog, time, logging) : null;
    }

    /// <summary>Groups that other servers answer; null when there can be none.</summary>
    public Aggregator? Aggregator { get; }

    /// <summary>For the server's own parts (bootstrap, endpoints).</summary>
    public IObjectRegistry Registry => _registry;

    /// <summary>What is served: built-in and custom resources.</summary>
    public ResourceCatalog Catalog => _registry.Catalog;

    public HealthChecks Health { get; } = new();

    /// <summary>Puts the stations together. Endpoints get the registry, so they are made after this object.</summary>
    /// <param name="documents">Handlers of paths that are not resources (discovery, OpenAPI); the first that returns true has answered.</param>
    public void Compose(IAuthenticator authenticator, IAuthorizer authorizer, IEnumerable<IEndpoint> endpoints, IReadOnlyList<Func<HttpContext, Task<bool>>> documents)
    {
        _pipeline = new RequestPipeline(
            authenticator, authorizer, new ResourceHandler(_registry, authorizer, _options.MaxBodyBytes, _stopping.Token),
            [.. endpoints, new BindingEndpoint(_registry, _options.MaxBodyBytes), new EvictionEndpoint(_registry, _options.MaxBodyBytes)],
            documents, _registry.Catalog, Aggregator, Health, _metrics, _registry.Store, _flow, _auditor, _logging.CreateLogger("Kaji.ApiServer"));
        _loops = Task.WhenAll(
            Task.Run(() => new DefinitionController(_registry, _logging.CreateLogger<DefinitionController>()).RunAsync(_stopping.Token)),
            Task.Run(() => _flowSettings.RunAsync(_stopping.Token)),
            Aggregator is null ? Task.CompletedTask : Task.Run(() => Aggregator.RunAsync(_stopping.Token)));
    }

    /// <summary>A transport for loops of this process that act as <paramref name="user"/>.</summary>
    public HttpMessageHandler CreateInProcessHandler(UserInfo user) => new InProcessHandler(HandleAsync, user);

    /// <exception cref="IOException">An address is taken or not there.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(_logging);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(Configure);
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(o => o.ShutdownTimeout = ShutdownTimeout);
        _application = builder.Build();
        _application.Run(HandleAsync);
        await _application.StartAsync(cancellationToken);
    }

    /// <summary>Ends watches, finishes what is under way, closes the sockets.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        if (_application is not null)
        {
            await _application.StopAsync();
        }

        await _loops.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (_application is not null)
        {
            await _application.DisposeAsync();
        }

        _webhooks.Dispose();
        Aggregator?.Dispose();
        if (_auditor is not null)
        {
            await _auditor.DisposeAsync();
        }

        _stopping.Dispose();
    }

    private Task HandleAsync(HttpContext context) =>
        (_pipeline ?? throw new InvalidOperationException("Compose comes before requests.")).HandleAsync(context);

    private void Configure(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        kestrel.AllowSynchronousIO = false;
        kestrel.Limits.MaxRequestBodySize = _options.MaxBodyBytes + 1;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.Http2.MaxStreamsPerConnection = 1000;
        foreach (var endpoint in _options.Listen)
        {
            kestrel.Listen(endpoint, listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                listen.UseHttps(https =>
                {
                    https.ServerCertificateSelector = (_, _) => _options.ServingCertificate();
                    https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
                    https.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;

                    // Whether a client's certificate is good is the authenticator's to say: a wrong one is a 401, not a broken handshake.
                    https.AllowAnyClientCertificate();
                });
            });
        }
    }
}
