using System.Net;
using System.Security.Cryptography.X509Certificates;
using Kaji.ApiServer.Admission;
using Kaji.ApiServer.Admission.Limits;
using Kaji.ApiServer.Aggregation;
using Kaji.ApiServer.Allocation;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Authorization;
using Kaji.ApiServer.Bootstrap;
using Kaji.ApiServer.Certificates;
using Kaji.ApiServer.Discovery;
using Kaji.ApiServer.Encryption;
using Kaji.ApiServer.Hosting;
using Kaji.ApiServer.Streaming;
using Kaji.ApiServer.Webhooks;
using Kaji.Bots;
using Kaji.Bots.Api;
using Kaji.Bots.Install;
using Kaji.Bots.Operator;
using Kaji.Client;
using Kaji.Controllers;
using Kaji.Controllers.NodeRanges;
using Kaji.Engine;
using Kaji.Network.Addresses;
using Kaji.Network.Dns;
using Kaji.Network.Services;
using Kaji.Linux.Processes;
using Kaji.Node;
using Kaji.Node.Guard;
using Kaji.Node.Server;
using Kaji.Scheduler;
using Kaji.Startup;
using Kaji.Store;
using Microsoft.Extensions.Logging;

namespace Kaji.Cluster;

/// <summary>
/// The whole cluster in one process, put together in the order in which the parts need each other: addresses → store → API server → network → node → controllers, scheduler,
/// proxy, DNS. Every loop talks to the API server through its own identity and the same authorization as a remote one.
/// </summary>
internal sealed partial class ClusterHost : IAsyncDisposable
{
    private readonly ClusterPaths _paths;
    private readonly IPEndPoint _listen;
    private readonly ServerSettings _settings;
    private readonly TimeProvider _time = TimeProvider.System;
    private readonly ILoggerFactory _logging;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];

    private ClusterHost(ClusterPaths paths, IPEndPoint listen, ServerSettings settings, ILoggerFactory logging) => (_paths, _listen, _settings, _logging, _log) = (paths, listen, settings, logging, logging.CreateLogger<ClusterHost>());

    /// <summary>Runs until SIGTERM or SIGINT. Containers go on, unless <c>kaji down</c> asked for their end.</summary>
    public static async Task RunAsync(ClusterPaths paths, IPEndPoint listen, ServerSettings settings, CancellationToken cancel)
    {
        using var claim = ServerProcess.Claim(paths);
        using var logging = LoggerFactory.Create(b => b.SetMinimumLevel(LogLevel.Information).AddProvider(new ServerLogging(LogLevel.Information, TimeProvider.System)));
        await using var host = new ClusterHost(paths, listen, settings, logging);
        try
        {
            await host.RunAsync(cancel);
        }
        catch (Exception e) when (e is StoreException or EngineException or IOException or UnauthorizedAccessException or InvalidOperationException && e is not UserError)
        {
            throw new UserError(e.Message);
        }
    }

    public ValueTask DisposeAsync()
    {
        _stop.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task RunAsync(CancellationToken cancel)
    {
        Directory.CreateDirectory(_paths.Data, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var settings = LoadSettings(out var plan);
        StartupNotifier.Status("opening the store");
        using var encryption = SecretEncryption.LoadOrCreate(Path.Combine(_paths.Data, "secrets.key"));
        await using var store = RevisionStore.Open(new StoreOptions { Directory = _paths.State }, encryption);
        using var pki = ClusterPki.LoadOrCreate(_paths.Pki, new PkiOptions { Addresses = [IPAddress.Loopback, _listen.Address, plan.Gateway, plan.ApiServiceIP, .. _settings.Advertise is { } advertised ? [advertised] : Array.Empty<IPAddress>()] }, _time);
        await using var engines = Engines.Open(_paths, settings, _logging);

        StartupNotifier.Status("making the Pod network");
        await engines.Network.EnsureAsync(cancel);
        var runtime = engines.Runtime.StartAsync(cancel);

        StartupNotifier.Status("starting the API server");
        using var guard = new GuardClient(new GuardOptions(_paths.GuardSocket, Local: true, () => GuardProcess.Start(_paths)), _time, _logging.CreateLogger<GuardClient>());
        if (await guard.AdoptAsync(cancel))
        {
            // docs/fence.md, rule 7.
            await HeldLeases.RewriteAsync(store, labels => labels.ContainsKey(BotNames.BotLabel) && !labels.ContainsKey(BotNames.ReleasedLabel), cancel);
        }

        var rbac = new RbacAuthorizer(store);
        using var webhooks = new WebhookClient(_time);
        var tokens = new ServiceAccountTokens(pki.ServiceAccountKey, _time);
        await using var api = BuildApiServer(store, pki, plan, rbac, webhooks, tokens);
        await api.StartAsync(cancel);
        await Bootstrapper.RunAsync(
            api.Registry,
            new BootstrapOptions(plan.ApiServiceIP, plan.DnsServiceIP, new IPEndPoint(_settings.Advertise ?? plan.Gateway, _listen.Port), new IPEndPoint(plan.Gateway, 53), pki.AuthorityPem, pki.FrontProxyAuthority.ExportCertificatePem() + "\n") { ServerUrl = ServerUrl(), Network = new ClusterNetwork(plan.PodCidr, plan.ServiceCidr, plan.DnsServiceIP) },
            cancel);
        rbac.Load();
        Start("rbac", rbac.RunAsync);
        WriteKubeconfig(pki);

        StartupNotifier.Status("starting the node");
        var bots = _settings.Bots ? InstallBotsAsync(ClientOf(api, "kubernetes-admin", "system:masters"), cancel) : Task.FromResult(false);
        await runtime;

        // Before the agent makes new sandboxes: addresses of those that are gone are free again.
        await engines.Network.ReconcileAsync(engines.Runtime.ListSandboxes().Where(s => s.State == SandboxState.Ready).Select(s => s.Id).ToHashSet(StringComparer.Ordinal), cancel);
        var certificate = pki.Node(settings.NodeName, [plan.Gateway, .. _settings.Advertise is { } own ? [own] : Array.Empty<IPAddress>(), IPAddress.Loopback]);
        await using var node = new NodeHost(
            _paths,
            new NodeHostOptions
            {
                NodeName = settings.NodeName, ControlPlane = true, NodeIP = _settings.Advertise ?? plan.Gateway, Gateway = plan.Gateway, PodCidr = plan.PodCidr, ServiceCidr = plan.ServiceCidr, ClusterDns = plan.DnsServiceIP,
                Certificate = () => certificate, Authority = pki.Authority,
            },
            ClientOf(api, $"system:node:{settings.NodeName}", "system:nodes"), ClientOf(api, "system:kube-proxy"), engines, guard, _time, _logging);
        await node.StartAsync(cancel);
        Array.ForEach(node.Components, Start);
        using var controllers = new ControllerManager(ClientOf(api, "system:kube-controller-manager"), pki.AuthorityPem, _time, _logging, new ClusterIdentity(pki.Authority, tokens.IssueLegacy), plan.PodCidr);
        Start(controllers);
        var scheduler = new SchedulerComponent(ClientOf(api, "system:kube-scheduler"), _time, _logging);
        Start(scheduler);
        await Task.WhenAll([controllers.Ready, scheduler.Ready, bots, .. node.Components.Select(c => c.Ready)]).WaitAsync(cancel);

        // After the agent: its wardens have taken up the bots that run, and the guard counts again.
        using var operatorOfBots = await bots ? new BotOperator(ClientOf(api, "system:kaji:bot-operator"), new OperatorOptions { Clock = () => SuspendedClock.Now }, _time, _logging) : null;
        if (operatorOfBots is not null)
        {
            Start(operatorOfBots);
        }

        Ready(_paths.Data, _listen);
        StartupNotifier.Ready();

        await WaitForEndAsync(cancel);
        if (File.Exists(_paths.DownMarker))
        {
            StartupNotifier.Status("stopping Pods");
            await node.Agent.ShutDownAsync(CancellationToken.None);
            File.Delete(_paths.DownMarker);
        }

        await _stop.CancelAsync();
        await api.StopAsync();
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <returns>Whether the operator of bots may run.</returns>
    private async Task<bool> InstallBotsAsync(IApiClient client, CancellationToken cancel)
    {
        try
        {
            await BotInstaller.InstallAsync(client, agents: true, _time, cancel);
            return true;
        }
        catch (NewerKindsException e)
        {
            // Bots that run go on under their wardens; everything else is served.
            NoOperator(e.Message);
            StartupNotifier.Status($"WITHOUT the operator of bots: {e.Message}");
            return false;
        }
    }

    private ClusterSettings LoadSettings(out AddressPlan plan)
    {
        var kept = ClusterSettings.Load(_paths.Settings);
        plan = AddressPlan.Choose(_paths.Id, kept is null ? null : new AddressPlan(IPNetwork.Parse(kept.PodCidr), IPNetwork.Parse(kept.ServiceCidr)));
        if (kept is not null)
        {
            return kept;
        }

        var made = new ClusterSettings { PodCidr = plan.PodCidr.ToString(), NodeCidr = PodRanges.At(plan.PodCidr, 0).ToString(), ServiceCidr = plan.ServiceCidr.ToString(), NodeName = NodeName() };
        made.Save(_paths.Settings);
        return made;
    }

    private ApiServer.Hosting.ApiServer BuildApiServer(RevisionStore store, ClusterPki pki, AddressPlan plan, RbacAuthorizer rbac, WebhookClient webhooks, ServiceAccountTokens tokens)
    {
        var bootstrap = new BootstrapTokens(_time);
        var bearers = new BearerTokens([tokens, bootstrap, .. _settings.Oidc is { } oidc ? [new OidcTokens(oidc, _time, _logging.CreateLogger<OidcTokens>())] : Array.Empty<ITokenAuthenticator>()]);
        var nodes = new NodeAuthorizer();
        var restriction = new NodeRestriction();
        var allocator = new ServiceAllocator(new ServiceAllocationOptions(plan.ServiceCidr), _time);
        var admission = new DefaultAdmission(store, webhooks, [allocator, new RbacEscalation(rbac), restriction, new CertificateRequester(), .. EventLimits()], _time, _logging);
        var endpoints = _listen.Address.Equals(IPAddress.Any) ? (IPEndPoint[])[_listen] : [_listen, new IPEndPoint(plan.Gateway, _listen.Port)];
        var api = new ApiServer.Hosting.ApiServer(
            new ApiServerOptions { Listen = endpoints, ServingCertificate = pki.Serving, Aggregation = new AggregationOptions(() => pki.FrontProxyClient), Audit = _settings.Audit },
            store, admission.Plugins, _time, _logging);
        var objects = api.Registry;
        tokens.Objects = bootstrap.Objects = nodes.Objects = restriction.Objects = allocator.Objects = objects;
        var authorizer = new UnionAuthorizer(nodes, rbac);
        admission.Attach(objects, authorizer);
        Start("admission", admission.RunAsync);
        api.Compose(
            new Authenticator(pki.Authority, bearers, _time, new FrontProxy(pki.FrontProxyAuthority, ClusterPki.FrontProxyName)),
            authorizer,
            [
                .. ReviewEndpoints.All(authorizer, rbac, bearers), new TokenEndpoint(objects, tokens, _time),
                .. PodStreamEndpoints.All(objects, new NodeConnectionOptions(() => pki.KubeletClient, pki.Authority)),
            ],
            [new DiscoveryDocuments(tokens, api.Catalog, api.Aggregator).TryHandleAsync]);
        return api;
    }

    private static ApiClient ClientOf(ApiServer.Hosting.ApiServer api, string user, params string[] groups) =>
        new(new HttpMessageInvoker(api.CreateInProcessHandler(new UserInfo(user, [.. groups, "system:authenticated"]))), new Uri("https://in-process"), $"{Component(user)}/kaji");

    /// <summary>What begins a component's User-Agent, and so the name under which its fields are managed: Kubernetes' own.</summary>
    private static string Component(string user) => user.StartsWith("system:node:", StringComparison.Ordinal) ? "kubelet" : user[(user.LastIndexOf(':') + 1)..];

    private IAdmissionPlugin[] EventLimits() => _settings.EventLimits.Count == 0 ? [] : [new EventRateLimit(_settings.EventLimits, _time)];

    /// <summary>Where this machine's own commands reach the API.</summary>
    private string LocalUrl() => $"https://{new IPEndPoint(_listen.Address.Equals(IPAddress.Any) ? IPAddress.Loopback : _listen.Address, _listen.Port)}";

    /// <summary>Where other machines do.</summary>
    private string ServerUrl() => _settings.Advertise is { } address ? $"https://{new IPEndPoint(address, _listen.Port)}" : LocalUrl();

    private void WriteKubeconfig(ClusterPki pki)
    {
        var text = KubeconfigWriter.Text(_paths.ContextName, LocalUrl(), pki.AuthorityPem, pki.Admin);
        PrivateFile.Write(_paths.Kubeconfig, System.Text.Encoding.ASCII.GetBytes(text));
    }

    private void Start(IComponent component) => Start(component.Name, component.RunAsync);

    /// <summary>Runs a loop; one that fails ends the server, whose supervisor starts it again.</summary>
    private void Start(string name, Func<CancellationToken, Task> run) => _running.Add(Task.Run(async () =>
    {
        try
        {
            await run(_stop.Token);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            return;
        }
        catch (Exception e)
        {
            Died(e, name);
            throw;
        }
    }));

    private async Task WaitForEndAsync(CancellationToken cancel)
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = cancel.Register(() => asked.TrySetResult());
        var first = await Task.WhenAny([asked.Task, .. _running]);
        if (first.IsFaulted)
        {
            throw new UserError($"a part of the cluster failed and the server ends: {first.Exception!.InnerException!.Message}. See {_paths.ServerLog}.");
        }

        await asked.Task;
    }

    private static string NodeName() => Dns.GetHostName().Split('.')[0].ToLowerInvariant() is { Length: > 0 } name ? name : "node";

    [LoggerMessage(1, LogLevel.Information, "ready: data in {directory}, API on {listen}")]
    private partial void Ready(string directory, IPEndPoint listen);

    [LoggerMessage(3, LogLevel.Critical, "the operator of bots does not run: {why}")]
    private partial void NoOperator(string why);

    [LoggerMessage(2, LogLevel.Critical, "{component} ended")]
    private partial void Died(Exception e, string component);
}
