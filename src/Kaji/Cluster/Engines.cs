using Kaji.Engine;
using Kaji.Engine.Images;
using Kaji.Engine.Runtime;
using Kaji.Linux.Events;
using Kaji.Linux.Inotify;
using Kaji.Network.Pods;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaji.Cluster;

/// <summary>The container engine and the Pod network of a cluster, as the server, the teardown and the image commands use them.</summary>
internal sealed class Engines : IAsyncDisposable
{
    private readonly EventLoop _loop = new();

    private Engines(ClusterPaths paths, ClusterSettings settings, ILoggerFactory logging)
    {
        Inotify = new InotifyHub(_loop);
        Images = OpenImages(paths, logging);
        Network = new PodNetwork(
            new PodNetworkOptions
            {
                BridgeName = paths.Bridge, ClusterCidr = System.Net.IPNetwork.Parse(settings.PodCidr), NodeCidr = settings.NodeCidr is { } own ? System.Net.IPNetwork.Parse(own) : null, ServiceCidr = System.Net.IPNetwork.Parse(settings.ServiceCidr),
                NftTable = paths.NftTable, StateDirectory = paths.Network,
            },
            logging.CreateLogger<PodNetwork>());
        Runtime = new CrunRuntime(
            new CrunOptions { StateDirectory = paths.Data, RunDirectory = paths.Run, CgroupParent = paths.Cgroup }, Images, new SandboxNetwork(Network), _loop, Inotify, TimeProvider.System, logging);
    }

    public InotifyHub Inotify { get; }

    public FileImageStore Images { get; }

    public PodNetwork Network { get; }

    public CrunRuntime Runtime { get; }

    public static Engines Open(ClusterPaths paths, ClusterSettings settings, ILoggerFactory logging) => new(paths, settings, logging);

    /// <summary>The images alone, with or without a running server.</summary>
    public static FileImageStore OpenImages(ClusterPaths paths, ILoggerFactory? logging = null)
    {
        Directory.CreateDirectory(paths.Data);
        return new FileImageStore(new ImageStoreOptions { Directory = paths.Data }, TimeProvider.System, logging ?? NullLoggerFactory.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        await Runtime.DisposeAsync();
        Network.Dispose();
        Images.Dispose();
        Inotify.Dispose();
        _loop.Dispose();
    }

    /// <summary>The engine's seam over the network's own types.</summary>
    private sealed class SandboxNetwork(PodNetwork network) : ISandboxNetwork
    {
        public async Task<IReadOnlyList<string>> AttachAsync(string sandboxId, string netnsPath, IReadOnlyList<PortMapping> hostPorts, CancellationToken cancellationToken = default)
        {
            try
            {
                return await network.AttachAsync(sandboxId, netnsPath, [.. hostPorts.Select(p => new HostPort(p.HostPort, p.ContainerPort, p.Protocol, p.HostIP))], cancellationToken);
            }
            catch (InvalidOperationException e)
            {
                throw new EngineException(EngineFault.Unknown, e.Message, e);
            }
        }

        public Task DetachAsync(string sandboxId, CancellationToken cancellationToken = default) => network.DetachAsync(sandboxId, cancellationToken);
    }
}
