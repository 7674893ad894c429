using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Kaji.Linux.Netlink;
using Kaji.Linux.Nftables;
using Kaji.Network.Addresses;
using Microsoft.Extensions.Logging;

namespace Kaji.Network.Pods;

/// <summary>
/// The network of Pods on this node: a bridge with the gateway address and a veth pair a sandbox. A Pod has its address as /32 and reaches everything, its
/// neighbours too, through the gateway: so answers pass the host, which translates Services back, with br_netfilter (which translates on the bridge already
/// and needs hairpin ports) and without (many kernels lack it).
/// </summary>
public sealed partial class PodNetwork : IDisposable
{
    private const string ForwardSysctl = "net/ipv4/ip_forward";
    private const string PodInterface = "eth0";
    private readonly PodNetworkOptions _options;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _lock = new(1, 1);
    private readonly RouteClient _routes = new();
    private readonly NftablesContext _nft = new();
    private readonly AddressPool _pool;
    private int _bridgeIndex;
    private int _mtu;

    public PodNetwork(PodNetworkOptions options, ILogger<PodNetwork> logger)
    {
        options.Validate();
        _options = options;
        _logger = logger;
        _pool = new AddressPool(Path.Combine(options.StateDirectory, "pods"), options.Range);
    }

    /// <summary>The gateway of the Pods, an address of the host.</summary>
    public IPAddress Gateway => _options.Gateway;

    /// <summary>Makes what is missing: bridge, routes, settings, rules. What exists stays, running Pods don't notice.</summary>
    public async Task EnsureAsync(CancellationToken cancellationToken = default)
    {
        await _lock.WaitAsync(cancellationToken);
        try
        {
            _mtu = _options.Mtu > 0 ? _options.Mtu : DefaultMtu();
            _bridgeIndex = _routes.FindLink(_options.BridgeName)?.Index ?? _routes.CreateBridge(_options.BridgeName, MacOf(_options.Gateway), _mtu);
            _routes.SetUp(_bridgeIndex);
            _routes.AddAddress(_bridgeIndex, _options.Gateway, _options.Range.PrefixLength);
            if (_options.ServiceCidr is { } services)
            {
                _routes.SetRoute(services, _bridgeIndex, source: _options.Gateway);
            }

            // Needed for ports on 127.0.0.1 that are translated to a Pod; set on our bridge only, and Pods are kept off 127/8 by a rule.
            _routes.AllowRoutingToLoopback(_bridgeIndex);
            new SharedSysctl(_options.RunDirectory, ForwardSysctl).Hold(_options.BridgeName, "1");
            _nft.Run(PodRules.Table(_options, _pool.All));
            Ensured(_options.BridgeName, _options.Range, _pool.All.Count);
        }
        finally
        {
            _lock.Release();
        }
    }

    /// <summary>Gives the namespace an <c>eth0</c> with an address; the same address again for the same sandbox. Returns the addresses.</summary>
    public async Task<IReadOnlyList<string>> AttachAsync(string sandboxId, string netnsPath, IReadOnlyList<HostPort> hostPorts, CancellationToken cancellationToken = default)
    {
        Allocation allocation;
        await _lock.WaitAsync(cancellationToken);
        try
        {
            if (_bridgeIndex == 0)
            {
                throw new InvalidOperationException("The Pod network is not set up yet.");
            }

            if (_pool.Find(sandboxId) is { } known)
            {
                allocation = known;
            }
            else
            {
                CheckHostPorts(hostPorts);
                allocation = _pool.Allocate(sandboxId, hostPorts);
                if (hostPorts.Count > 0)
                {
                    try
                    {
                        _nft.Run(PodRules.HostPorts(_options.NftTable, "add", allocation));
                    }
                    catch (NftablesException)
                    {
                        _pool.Release(sandboxId);
                        throw;
                    }
                }
            }
        }
        finally
        {
            _lock.Release();
        }

        var veth = VethName(sandboxId);
        using var netns = NetworkNamespace.Open(netnsPath);
        NetworkNamespace.Run(netnsPath, () => Connect(veth, netns, allocation.Address));
        return [allocation.Address.ToString()];
    }

    /// <summary>Takes interface, address and host ports back. No error when there is nothing.</summary>
    public async Task DetachAsync(string sandboxId, CancellationToken cancellationToken = default)
    {
        await _lock.WaitAsync(cancellationToken);
        try
        {
            Detach(sandboxId);
        }
        finally
        {
            _lock.Release();
        }
    }

    /// <summary>Detaches every sandbox that is not among <paramref name="living"/>: after a crash, at start.</summary>
    public async Task ReconcileAsync(IReadOnlySet<string> living, CancellationToken cancellationToken = default)
    {
        await _lock.WaitAsync(cancellationToken);
        try
        {
            foreach (var allocation in _pool.All.Where(a => !living.Contains(a.SandboxId)).ToList())
            {
                Detach(allocation.SandboxId);
                Reclaimed(allocation.SandboxId, allocation.Address);
            }
        }
        finally
        {
            _lock.Release();
        }
    }

    /// <summary>Removes all that <see cref="EnsureAsync"/> and <see cref="AttachAsync"/> made.</summary>
    public async Task TearDownAsync(CancellationToken cancellationToken = default)
    {
        await _lock.WaitAsync(cancellationToken);
        try
        {
            foreach (var allocation in _pool.All.ToList())
            {
                _pool.Release(allocation.SandboxId);
            }

            if (_routes.FindLink(_options.BridgeName) is { } bridge)
            {
                foreach (var port in _routes.ListLinks().Where(l => l.Master == bridge.Index))
                {
                    _routes.DeleteLink(port.Name);
                }

                _routes.DeleteLink(_options.BridgeName);
            }

            _bridgeIndex = 0;
            _nft.Run($"add table ip {_options.NftTable}\ndelete table ip {_options.NftTable}\n");
            new SharedSysctl(_options.RunDirectory, ForwardSysctl).Release(_options.BridgeName);
        }
        finally
        {
            _lock.Release();
        }
    }

    public void Dispose()
    {
        _routes.Dispose();
        _nft.Dispose();
        _lock.Dispose();
    }

    private void Detach(string sandboxId)
    {
        _routes.DeleteLink(VethName(sandboxId));
        if (_pool.Find(sandboxId) is { HostPorts.Count: > 0 } allocation && _bridgeIndex != 0)
        {
            _nft.Run(PodRules.HostPorts(_options.NftTable, "delete", allocation));
        }

        _pool.Release(sandboxId);
    }

    // Runs on a thread inside the Pod's namespace; _routes is a socket of the host's.
    private bool Connect(string veth, Microsoft.Win32.SafeHandles.SafeFileHandle netns, IPAddress address)
    {
        using var inside = new RouteClient();
        var link = inside.FindLink(PodInterface);
        if (link is null)
        {
            _routes.DeleteLink(veth);
            var spec = new VethSpec { Name = veth, PeerName = PodInterface, PeerNamespace = netns, PeerMac = MacOf(address), Master = _bridgeIndex, Mtu = _mtu };
            _routes.CreateVeth(spec);
            var port = _routes.FindLink(veth)?.Index ?? throw new NetlinkException($"{veth} vanished", NetlinkException.ENODEV);
            _routes.SetHairpin(port);
            // br_netfilter routes a translated packet as if it came from the port, not from the bridge.
            _routes.AllowRoutingToLoopback(port);
            link = inside.FindLink(PodInterface) ?? throw new NetlinkException("the Pod's eth0 vanished", NetlinkException.ENODEV);
        }

        inside.SetUp(1);
        inside.AddAddress(link.Index, address, 32);
        inside.SetUp(link.Index);
        inside.SetRoute(new IPNetwork(_options.Gateway, 32), link.Index, source: address);
        inside.SetRoute(new IPNetwork(IPAddress.Any, 0), link.Index, _options.Gateway);
        return true;
    }

    private void CheckHostPorts(IReadOnlyList<HostPort> wanted)
    {
        foreach (var port in wanted)
        {
            var taken = _pool.All.FirstOrDefault(a => a.HostPorts.Any(p => p.Port == port.Port && p.Nft == port.Nft && (p.AnyAddress || port.AnyAddress || p.HostIP == port.HostIP)));
            if (taken is not null)
            {
                throw new InvalidOperationException($"Host port {port.Port}/{port.Protocol} is in use by sandbox {taken.SandboxId}.");
            }
        }
    }

    private int DefaultMtu()
    {
        var link = _routes.ListRoutes().FirstOrDefault(r => r.Destination.PrefixLength == 0)?.LinkIndex;
        var mtu = link is null ? 0 : _routes.ListLinks().FirstOrDefault(l => l.Index == link)?.Mtu ?? 0;
        return mtu is >= 576 and <= 9216 ? mtu : 1500;
    }

    // A locally administered address made of the IP: what a neighbour learned stays true when the address moves to another Pod.
    private static byte[] MacOf(IPAddress address)
    {
        byte[] mac = [0x0a, 0x58, 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt32BigEndian(mac.AsSpan(2), Ipv4.ToNumber(address));
        return mac;
    }

    private string VethName(string sandboxId) =>
        "veth" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{_options.BridgeName}/{sandboxId}")))[..11];

    [LoggerMessage(3001, LogLevel.Information, "Pod network {Bridge} {Range} is up, {Count} sandboxes known")]
    private partial void Ensured(string bridge, IPNetwork range, int count);

    [LoggerMessage(3002, LogLevel.Information, "Address {Address} of gone sandbox {Sandbox} is free again")]
    private partial void Reclaimed(string sandbox, IPAddress address);
}
