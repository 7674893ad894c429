using System.Net;

namespace Kaji.Network.Services;

/// <summary>How the service proxy of this node works.</summary>
public sealed record ServiceProxyOptions
{
    /// <summary>The nftables table of Services, another than that of Pods; one a cluster.</summary>
    public required string NftTable { get; init; }

    /// <summary>For the traffic policies <c>Local</c>.</summary>
    public required string NodeName { get; init; }

    /// <summary>All Pods of the cluster.</summary>
    public required IPNetwork ClusterCidr { get; init; }

    /// <summary>This node's Pods, which answer through this host; null for <see cref="ClusterCidr"/>.</summary>
    public IPNetwork? NodeCidr { get; init; }

    /// <summary>Virtual addresses: those that belong to no Service with endpoints are refused.</summary>
    public required IPNetwork ServiceCidr { get; init; }

    /// <summary>How long changes are collected into one transaction.</summary>
    public TimeSpan CoalesceDelay { get; init; } = TimeSpan.FromMilliseconds(5);

    /// <summary>First wait after nftables refused; doubles to <see cref="MaxRetryDelay"/>.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(200);

    public TimeSpan MaxRetryDelay { get; init; } = TimeSpan.FromSeconds(30);
}
