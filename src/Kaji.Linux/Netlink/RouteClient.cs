using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Kaji.Linux.Netlink;

/// <summary>
/// rtnetlink: interfaces, addresses and routes of one network namespace, the one in which it was made (rtnetlink(7)). Each call is one synchronous
/// kernel transaction; failures are <see cref="NetlinkException"/>. Safe for several threads.
/// </summary>
public sealed class RouteClient : IDisposable
{
    private const ushort NewLink = 16;
    private const ushort DelLink = 17;
    private const ushort GetLink = 18;
    private const ushort SetLink = 19;
    private const ushort NewAddr = 20;
    private const ushort DelAddr = 21;
    private const ushort GetAddr = 22;
    private const ushort NewRoute = 24;
    private const ushort DelRoute = 25;
    private const ushort GetRoute = 26;
    private const ushort IflaAddress = 1;
    private const ushort IflaIfName = 3;
    private const ushort IflaMtu = 4;
    private const ushort IflaMaster = 10;
    private const ushort IflaProtInfo = 12;
    private const ushort IflaLinkInfo = 18;
    private const ushort IflaNetNsFd = 28;
    private const uint Up = 1;
    private const byte AfBridge = 7;
    private const byte TableMain = 254;
    private const ushort RequestAck = NetlinkSocket.FlagRequest | NetlinkSocket.FlagAck;
    private const ushort CreateExclusive = RequestAck | NetlinkSocket.FlagCreate | NetlinkSocket.FlagExclusive;

    private readonly NetlinkSocket _socket = new(NetlinkSocket.Route);

    /// <summary>A client for the namespace at <paramref name="netnsPath"/>.</summary>
    public static RouteClient OpenIn(string netnsPath) => NetworkNamespace.Run(netnsPath, () => new RouteClient());

    /// <summary>Makes a bridge, up, with a fixed address of its own: otherwise it takes the lowest of its ports', which changes under its neighbours.</summary>
    public int CreateBridge(string name, ReadOnlySpan<byte> mac, int mtu)
    {
        var message = new NetlinkMessage(NewLink, CreateExclusive).Struct(IfInfo(0, Up, Up)).Text(IflaIfName, name).Bytes(IflaAddress, mac).U32(IflaMtu, (uint)mtu)
            .Nest(IflaLinkInfo, m => m.Text(1, "bridge"));
        _socket.Request(message, $"create bridge {name}");
        return FindLink(name)?.Index ?? throw new NetlinkException($"bridge {name} vanished", NetlinkException.ENODEV);
    }

    /// <summary>Makes a veth pair; this end is up.</summary>
    public void CreateVeth(VethSpec spec)
    {
        var message = new NetlinkMessage(NewLink, CreateExclusive).Struct(IfInfo(0, Up, Up)).Text(IflaIfName, spec.Name).U32(IflaMtu, (uint)spec.Mtu);
        if (spec.Master != 0)
        {
            message.U32(IflaMaster, (uint)spec.Master);
        }

        message.Nest(IflaLinkInfo, info => info.Text(1, "veth").Nest(2, data => data.Nest(1, peer =>
        {
            peer.Struct(IfInfo(0, 0, 0)).Text(IflaIfName, spec.PeerName).U32(IflaMtu, (uint)spec.Mtu);
            if (spec.PeerMac is { } mac)
            {
                peer.Bytes(IflaAddress, mac);
            }

            if (spec.PeerNamespace is { } ns)
            {
                peer.U32(IflaNetNsFd, (uint)ns.DangerousGetHandle());
            }
        })));
        _socket.Request(message, $"create veth {spec.Name}");
        GC.KeepAlive(spec.PeerNamespace);
    }

    /// <summary>One interface by name, or null.</summary>
    public LinkInfo? FindLink(string name)
    {
        LinkInfo? found = null;
        try
        {
            _socket.Request(new NetlinkMessage(GetLink, RequestAck).Struct(IfInfo(0, 0, 0)).Text(IflaIfName, name), $"find link {name}", (_, payload) => found = ParseLink(payload));
        }
        catch (NetlinkException e) when (e.Errno == NetlinkException.ENODEV)
        {
            return null;
        }

        return found;
    }

    public IReadOnlyList<LinkInfo> ListLinks()
    {
        var links = new List<LinkInfo>();
        _socket.Dump(new NetlinkMessage(GetLink, NetlinkSocket.FlagRequest | NetlinkSocket.FlagDump).Struct(IfInfo(0, 0, 0)), "list links", (_, payload) => links.Add(ParseLink(payload)));
        return links;
    }

    public void SetUp(int index) => Change(index, "set link up", m => m, Up, Up);

    public void SetDown(int index) => Change(index, "set link down", m => m, 0, Up);

    /// <summary>Renames; the interface must be down on older kernels.</summary>
    public void Rename(int index, string name) => Change(index, $"rename link to {name}", m => m.Text(IflaIfName, name));

    public void SetMtu(int index, int mtu) => Change(index, "set mtu", m => m.U32(IflaMtu, (uint)mtu));

    public void SetMac(int index, byte[] mac) => Change(index, "set link address", m => m.Bytes(IflaAddress, mac));

    /// <summary>Puts the interface into a bridge; 0 takes it out.</summary>
    public void SetMaster(int index, int master) => Change(index, "set master", m => m.U32(IflaMaster, (uint)master));

    public void MoveToNamespace(int index, SafeFileHandle netns)
    {
        Change(index, "move link to namespace", m => m.U32(IflaNetNsFd, (uint)netns.DangerousGetHandle()));
        GC.KeepAlive(netns);
    }

    /// <summary>Lets a bridge port send a frame back where it came from: so a Pod reaches itself through a Service where br_netfilter translates on the bridge.</summary>
    public void SetHairpin(int index) =>
        _socket.Request(new NetlinkMessage(SetLink, RequestAck).Struct(IfInfo(index, 0, 0, AfBridge)).Nest(IflaProtInfo, m => m.U8(4, 1), flag: true), "set hairpin of bridge port");

    /// <summary>conf/IFACE/route_localnet: packets of this interface may be translated to 127.0.0.0/8 (ip-sysctl.rst).</summary>
    public void AllowRoutingToLoopback(int index)
    {
        const ushort AfSpec = 26;
        const ushort Inet = 2;
        const ushort InetConf = 1;
        const ushort RouteLocalnet = 26;
        Change(index, "set route_localnet", m => m.Nest(AfSpec, af => af.Nest(Inet, inet => inet.Nest(InetConf, conf => conf.U32(RouteLocalnet, 1)))));
    }

    /// <summary>Deletes; false when it does not exist.</summary>
    public bool DeleteLink(string name) =>
        Unless(NetlinkException.ENODEV, () => _socket.Request(new NetlinkMessage(DelLink, RequestAck).Struct(IfInfo(0, 0, 0)).Text(IflaIfName, name), $"delete link {name}"));

    /// <summary>Adds; false when it was there.</summary>
    public bool AddAddress(int index, IPAddress address, int prefixLength) => Unless(NetlinkException.EEXIST, () => ChangeAddress(NewAddr, CreateExclusive, index, address, prefixLength));

    /// <summary>Removes; false when it was not there.</summary>
    public bool DeleteAddress(int index, IPAddress address, int prefixLength) => Unless(NetlinkException.EADDRNOTAVAIL, () => ChangeAddress(DelAddr, RequestAck, index, address, prefixLength));

    public IReadOnlyList<LinkAddress> ListAddresses()
    {
        var all = new List<LinkAddress>();
        _socket.Dump(new NetlinkMessage(GetAddr, NetlinkSocket.FlagRequest | NetlinkSocket.FlagDump).Struct(new byte[8]), "list addresses", (_, payload) =>
        {
            var local = NetlinkAttributes.Find(payload[8..], 2);
            var bytes = local.IsEmpty ? NetlinkAttributes.Find(payload[8..], 1) : local;
            if (bytes.Length is 4 or 16)
            {
                all.Add(new LinkAddress(MemoryMarshal.Read<int>(payload[4..]), new IPAddress(bytes), payload[1]));
            }
        });
        return all;
    }

    /// <summary>Adds or replaces a route. Without a gateway the destination is on the link.</summary>
    public void SetRoute(IPNetwork destination, int index, IPAddress? gateway = null, IPAddress? source = null)
    {
        var message = RouteMessage(NewRoute, RequestAck | NetlinkSocket.FlagCreate | NetlinkSocket.FlagReplace, destination, gateway is null);
        if (gateway is not null)
        {
            message.Bytes(5, gateway.GetAddressBytes());
        }

        if (source is not null)
        {
            message.Bytes(7, source.GetAddressBytes());
        }

        _socket.Request(message.U32(4, (uint)index), $"add route {destination}");
    }

    /// <summary>Removes; false when it was not there.</summary>
    public bool DeleteRoute(IPNetwork destination, int index) =>
        Unless(NetlinkException.ESRCH, () => _socket.Request(RouteMessage(DelRoute, RequestAck, destination, onLink: true).U32(4, (uint)index), $"delete route {destination}"));

    /// <summary>The IPv4 routes of the main table.</summary>
    public IReadOnlyList<RouteInfo> ListRoutes()
    {
        var routes = new List<RouteInfo>();
        var request = new byte[12];
        request[0] = (byte)AddressFamily.InterNetwork;
        _socket.Dump(new NetlinkMessage(GetRoute, NetlinkSocket.FlagRequest | NetlinkSocket.FlagDump).Struct(request), "list routes", (_, payload) =>
        {
            if (payload[0] != (byte)AddressFamily.InterNetwork || payload[4] != TableMain)
            {
                return;
            }

            var attributes = payload[12..];
            var destination = NetlinkAttributes.Find(attributes, 1);
            var gateway = NetlinkAttributes.Find(attributes, 5);
            var link = NetlinkAttributes.Find(attributes, 4);
            var network = new IPNetwork(destination.Length == 4 ? new IPAddress(destination) : IPAddress.Any, payload[1]);
            routes.Add(new RouteInfo(network, gateway.Length == 4 ? new IPAddress(gateway) : null, link.Length == 4 ? MemoryMarshal.Read<int>(link) : 0));
        });
        return routes;
    }

    public void Dispose() => _socket.Dispose();

    private void Change(int index, string what, Func<NetlinkMessage, NetlinkMessage> attributes, uint flags = 0, uint mask = 0) =>
        _socket.Request(attributes(new NetlinkMessage(NewLink, RequestAck).Struct(IfInfo(index, flags, mask))), what);

    private void ChangeAddress(ushort type, ushort flags, int index, IPAddress address, int prefixLength)
    {
        var bytes = address.GetAddressBytes();
        var head = new byte[8];
        head[0] = (byte)(bytes.Length == 4 ? 2 : 10);
        head[1] = (byte)prefixLength;
        MemoryMarshal.Write(head.AsSpan(4), index);
        _socket.Request(new NetlinkMessage(type, flags).Struct(head).Bytes(2, bytes).Bytes(1, bytes), $"address {address}/{prefixLength}");
    }

    private static NetlinkMessage RouteMessage(ushort type, ushort flags, IPNetwork destination, bool onLink)
    {
        const byte ProtocolStatic = 4;
        const byte ScopeLink = 253;
        const byte Unicast = 1;
        var family = (byte)(destination.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? 2 : 10);
        byte[] head = [family, (byte)destination.PrefixLength, 0, 0, TableMain, ProtocolStatic, onLink ? ScopeLink : (byte)0, Unicast, 0, 0, 0, 0];
        var message = new NetlinkMessage(type, flags).Struct(head);
        return destination.PrefixLength == 0 ? message : message.Bytes(1, destination.BaseAddress.GetAddressBytes());
    }

    private static LinkInfo ParseLink(ReadOnlySpan<byte> payload)
    {
        var attributes = payload[16..];
        var mtu = NetlinkAttributes.Find(attributes, IflaMtu);
        var master = NetlinkAttributes.Find(attributes, IflaMaster);
        var mac = NetlinkAttributes.Find(attributes, IflaAddress);
        var kind = NetlinkAttributes.Find(NetlinkAttributes.Find(attributes, IflaLinkInfo), 1);
        return new LinkInfo(
            MemoryMarshal.Read<int>(payload[4..]),
            Text(NetlinkAttributes.Find(attributes, IflaIfName)),
            (MemoryMarshal.Read<uint>(payload[8..]) & Up) != 0,
            mtu.IsEmpty ? 0 : MemoryMarshal.Read<int>(mtu),
            master.IsEmpty ? 0 : MemoryMarshal.Read<int>(master),
            Text(kind),
            string.Join(':', mac.ToArray().Select(b => b.ToString("x2", CultureInfo.InvariantCulture))));

        static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes.TrimEnd((byte)0));
    }

    private static byte[] IfInfo(int index, uint flags, uint mask, byte family = 0)
    {
        var head = new byte[16];
        head[0] = family;
        MemoryMarshal.Write(head.AsSpan(4), index);
        MemoryMarshal.Write(head.AsSpan(8), flags);
        MemoryMarshal.Write(head.AsSpan(12), mask);
        return head;
    }

    private static bool Unless(int errno, Action action)
    {
        try
        {
            action();
            return true;
        }
        catch (NetlinkException e) when (e.Errno == errno)
        {
            return false;
        }
    }
}
