using System.Net;
using System.Security.Cryptography.X509Certificates;
using Kaji.Bots;
using Kaji.Client;
using Kaji.Network.Dns;
using Kaji.Network.Services;
using Kaji.Node;
using Kaji.Node.Guard;
using Kaji.Node.Server;
using Microsoft.Extensions.Logging;

namespace Kaji.Cluster;

/// <summary>What makes a node, beside the engines.</summary>
internal sealed record NodeHostOptions
{
    public required string NodeName { get; init; }

    /// <summary>Whether it is the server's own node.</summary>
    public bool ControlPlane { get; init; }

    /// <summary>Where others reach the node.</summary>
    public required IPAddress NodeIP { get; init; }

    /// <summary>The bridge's address: gateway of the node's Pods.</summary>
    public required IPAddress Gateway { get; init; }

    /// <summary>Of all Pods of the cluster.</summary>
    public required IPNetwork PodCidr { get; init; }

    public required IPNetwork ServiceCidr { get; init; }

    public required IPAddress ClusterDns { get; init; }

    /// <summary>Of the node's server; asked for with each connection.</summary>
    public required Func<X509Certificate2> Certificate { get; init; }

    /// <summary>Who signs certificates of the node server's clients.</summary>
    public required X509Certificate2 Authority { get; init; }
}

/// <summary>A node's parts put together: agent and its server, the bots' wardens, service proxy, DNS. In <c>kaji server</c> beside the API server, in <c>kaji agent</c> alone.</summary>
internal sealed class NodeHost : IAsyncDisposable
{
    private readonly NodeServer _server;
    private readonly NodeWardens _wardens;
    private readonly ServiceProxy _proxy;

    /// <param name="node">As the node.</param>
    /// <param name="network">As whoever may read Services and EndpointSlices.</param>
    public NodeHost(ClusterPaths paths, NodeHostOptions options, IApiClient node, IApiClient network, Engines engines, GuardClient guard, TimeProvider time, ILoggerFactory logging)
    {
        Directory.CreateDirectory(paths.Node);
        _wardens = new NodeWardens(node, guard, paths.HaltFile, time, logging);
        Agent = new NodeAgent(
            new NodeOptions
            {
                NodeName = options.NodeName, ControlPlane = options.ControlPlane, DataDirectory = paths.Node, CgroupParent = paths.Cgroup, ClusterDns = options.ClusterDns.ToString(), NodeIP = options.NodeIP.ToString(), ServerPort = () => _server!.Port,
                RuntimeVersion = "crun://" + ToolVersions.Crun,
            },
            node, engines.Runtime, engines.Images, time, logging, _wardens);
        _server = new NodeServer(
            new NodeServerOptions { NodeName = options.NodeName, ListenAddress = options.NodeIP, ServerCertificate = options.Certificate, ClientCa = [options.Authority] },
            Agent, engines.Runtime, engines.Inotify, time, logging);
        var informers = new InformerFactory(network, time, logging);
        var (services, slices) = (informers.For(Client.Kinds.Service), informers.For(Client.Kinds.EndpointSlice));
        _proxy = new ServiceProxy(
            new ServiceProxyOptions { NftTable = paths.ServiceTable, NodeName = options.NodeName, ClusterCidr = options.PodCidr, ServiceCidr = options.ServiceCidr }, services, slices, time, logging.CreateLogger<ServiceProxy>());
        var dns = new ClusterDns(
            new ClusterDnsOptions { Listen = [new IPEndPoint(options.Gateway, 53)], ReverseZones = [options.PodCidr, options.ServiceCidr] }, services, slices, time, logging.CreateLogger<ClusterDns>());
        Components = [Agent, new InformerLoop(informers), _proxy, dns];
    }

    public NodeAgent Agent { get; }

    /// <summary>What runs until the node ends.</summary>
    public IComponent[] Components { get; }

    /// <summary>Opens the node's server.</summary>
    public Task StartAsync(CancellationToken cancellationToken) => _server.StartAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _wardens.Dispose();
        _proxy.Dispose();
    }

    private sealed class InformerLoop(InformerFactory informers) : IComponent
    {
        public string Name => "network informers";

        public Task Ready => Task.CompletedTask;

        public Task RunAsync(CancellationToken cancellationToken) => informers.RunAsync(cancellationToken);
    }
}
