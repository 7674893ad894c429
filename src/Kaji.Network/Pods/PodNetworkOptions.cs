using System.Net;
using Kaji.Network.Addresses;

namespace Kaji.Network.Pods;

/// <summary>Where the Pods of this node live.</summary>
public sealed record PodNetworkOptions
{
    /// <summary>At most 15 characters; one a cluster on this machine.</summary>
    public required string BridgeName { get; init; }

    /// <summary>All Pods of the cluster, as 10.244.0.0/16: traffic that leaves it is masqueraded.</summary>
    public required IPNetwork ClusterCidr { get; init; }

    /// <summary>This node's part; null for the whole <see cref="ClusterCidr"/>. The first address is the bridge's.</summary>
    public IPNetwork? NodeCidr { get; init; }

    /// <summary>Routed to the bridge, so that the host reaches virtual addresses without a default route; null for no route.</summary>
    public IPNetwork? ServiceCidr { get; init; }

    /// <summary>The nftables table of Pods, as <c>kaji_1f3a</c>; one a cluster.</summary>
    public required string NftTable { get; init; }

    /// <summary>Allocations are kept in <c>pods/</c> below it.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>What clusters on this machine agree on.</summary>
    public string RunDirectory { get; init; } = "/run/kaji";

    /// <summary>0 for that of the default route's interface, else 1500.</summary>
    public int Mtu { get; init; }

    internal IPNetwork Range => NodeCidr ?? ClusterCidr;

    /// <summary>The bridge's address, gateway of the Pods.</summary>
    public IPAddress Gateway => Ipv4.At(Range, 1);

    internal void Validate()
    {
        if (BridgeName.Length is 0 or > 15 || BridgeName.Any(c => c is ' ' or '/' or ':' or '"'))
        {
            throw new ArgumentException($"Bridge name '{BridgeName}' must have 1 to 15 characters, without spaces, '/', ':' and quotes.");
        }

        if (NftTable.Length is 0 or > 60 || NftTable.Any(c => !char.IsAsciiLetterOrDigit(c) && c != '_'))
        {
            throw new ArgumentException($"Table name '{NftTable}' must have 1 to 60 letters, digits and '_'.");
        }

        if (Range.PrefixLength is < 8 or > 29)
        {
            throw new ArgumentException($"Pod range {Range} must be between /8 and /29.");
        }
    }
}
