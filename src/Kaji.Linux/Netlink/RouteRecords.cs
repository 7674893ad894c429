using System.Net;

namespace Kaji.Linux.Netlink;

/// <summary>A network interface. <paramref name="Master"/> is the index of its bridge, 0 for none; <paramref name="Kind"/> is <c>veth</c>, <c>bridge</c> … or empty.</summary>
public sealed record LinkInfo(int Index, string Name, bool IsUp, int Mtu, int Master, string Kind, string Mac);

/// <summary>An address on an interface.</summary>
public sealed record LinkAddress(int LinkIndex, IPAddress Address, int PrefixLength);

/// <summary>A route of the main table. A default route has <paramref name="Destination"/> 0.0.0.0/0.</summary>
public sealed record RouteInfo(IPNetwork Destination, IPAddress? Gateway, int LinkIndex);

/// <summary>A veth pair to make: one end here in a bridge, the other in a namespace.</summary>
public sealed record VethSpec
{
    public required string Name { get; init; }

    public required string PeerName { get; init; }

    /// <summary>An open network namespace for the peer; null for this one.</summary>
    public Microsoft.Win32.SafeHandles.SafeFileHandle? PeerNamespace { get; init; }

    /// <summary>Six bytes, or null for the kernel's choice.</summary>
    public byte[]? PeerMac { get; init; }

    /// <summary>Index of the bridge that takes this end; 0 for none.</summary>
    public int Master { get; init; }

    public int Mtu { get; init; } = 1500;
}
