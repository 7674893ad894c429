using System.Net;
using System.Security.Authentication;
using Kaji.Engine;
using Kaji.Linux.Inotify;
using Kaji.Node.Logs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Kaji.Node.Server;

/// <summary>
/// The node's HTTPS server (the kubelet's API), to which the API server forwards <c>logs</c>, <c>exec</c>, <c>attach</c> and <c>port-forward</c>, and which
/// tells usage. Only certificates that <see cref="NodeServerOptions"/> names get in.
/// </summary>
public sealed partial class NodeServer : IAsyncDisposable
{
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(2);
    private readonly NodeServerOptions _options;
    private readonly ILoggerFactory _logging;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ContainerExits _exits;
    private readonly LogHandler _logs;
    private readonly ExecHandler _exec;
    private readonly PortForwardHandler _ports;
    private readonly UsageHandler _usage;
    private WebApplication? _application;
    private Task _watching = Task.CompletedTask;

    public NodeServer(NodeServerOptions options, IPodDirectory pods, IContainerRuntime runtime, InotifyHub inotify, TimeProvider time, ILoggerFactory logging)
    {
        options.Validate();
        (_options, _logging, _logger) = (options, logging, logging.CreateLogger("Kaji.Node.Server"));
        _exits = new ContainerExits(runtime);
        _logs = new LogHandler(pods, new LogReader(new DirectoryChanges(inotify)), _exits, time);
        _exec = new ExecHandler(pods, runtime, options, time);
        _ports = new PortForwardHandler(pods, runtime, options);
        _usage = new UsageHandler(options.NodeName, pods, runtime, time);
    }

    /// <summary>The port it listens on; known after <see cref="StartAsync"/>.</summary>
    public int Port { get; private set; }

    /// <exception cref="IOException">The port is taken.</exception>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        _watching = WatchExitsAsync();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(_logging);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(Configure);
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(o => o.ShutdownTimeout = ShutdownTimeout);
        _application = builder.Build();
        _application.Run(HandleAsync);
        await _application.StartAsync(cancellationToken);
        var addresses = _application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>();
        Port = addresses!.Addresses.Select(a => BindingAddress.Parse(a).Port).First();
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        if (_application is not null)
        {
            await _application.StopAsync();
            await _application.DisposeAsync();
        }

        await _watching;
        _stopping.Dispose();
    }

    private async Task HandleAsync(HttpContext context)
    {
        using var aborted = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, _stopping.Token);
        context.RequestAborted = aborted.Token;
        try
        {
            await RouteAsync(context);
        }
        catch (OperationCanceledException) when (aborted.IsCancellationRequested)
        {
            context.Abort();
        }
        catch (Exception e)
        {
            RequestFailed(_logger, context.Request.Path, e);
            if (context.Response.HasStarted)
            {
                context.Abort();
            }
            else
            {
                await Answers.TextAsync(context, StatusCodes.Status500InternalServerError, e.Message);
            }
        }
    }

    /// <summary>The kubelet's paths. Exec and attach may carry the Pod's uid before the container's name.</summary>
    private Task RouteAsync(HttpContext context)
    {
        var parts = context.Request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return parts switch
        {
            ["healthz"] => Answers.TextAsync(context, StatusCodes.Status200OK, "ok"),
            ["pods"] => _usage.PodsAsync(context),
            ["stats", "summary"] => _usage.SummaryAsync(context),
            ["metrics"] => _usage.CountsAsync(context),
            ["metrics", "resource"] => _usage.MetricsAsync(context, resourceOnly: true),
            ["metrics", "cadvisor"] => _usage.MetricsAsync(context, resourceOnly: false),
            ["containerLogs", var ns, var pod, var container] => _logs.HandleAsync(context, ns, pod, container),
            ["exec", var ns, var pod, var container] => _exec.ExecAsync(context, ns, pod, container),
            ["exec", var ns, var pod, _, var container] => _exec.ExecAsync(context, ns, pod, container),
            ["attach", var ns, var pod, var container] => _exec.AttachAsync(context, ns, pod, container),
            ["attach", var ns, var pod, _, var container] => _exec.AttachAsync(context, ns, pod, container),
            ["portForward", var ns, var pod] => _ports.HandleAsync(context, ns, pod),
            ["portForward", var ns, var pod, _] => _ports.HandleAsync(context, ns, pod),
            _ => Answers.TextAsync(context, StatusCodes.Status404NotFound, "404 page not found"),
        };
    }

    private async Task WatchExitsAsync()
    {
        try
        {
            await _exits.RunAsync(_stopping.Token);
        }
        catch (OperationCanceledException)
        {
            // The server stops.
            return;
        }
    }

    private void Configure(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Listen(new IPEndPoint(_options.ListenAddress, _options.Port), listen =>
        {
            // Upgrades are HTTP/1.1's.
            listen.Protocols = HttpProtocols.Http1;
            listen.UseHttps(https =>
            {
                https.ServerCertificateSelector = (_, _) => _options.ServerCertificate();
                https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
                https.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
                https.ClientCertificateValidation = (certificate, _, _) => ClientCertificates.IsTrusted(certificate, _options.ClientCa) && _options.Allow(certificate);
            });
        });
    }

    [LoggerMessage(EventId = 5101, Level = LogLevel.Warning, Message = "node server: {path} failed")]
    private static partial void RequestFailed(ILogger logger, string path, Exception exception);
}
