using System.Net;

namespace Kaji.Network.Dns;

/// <summary>The cluster's DNS.</summary>
public sealed record ClusterDnsOptions
{
    /// <summary>Where it listens, UDP and TCP: the bridge's address, port 53.</summary>
    public required IReadOnlyList<IPEndPoint> Listen { get; init; }

    /// <summary>The cluster's domain.</summary>
    public string Domain { get; init; } = "cluster.local";

    /// <summary>Reverse names in these ranges are answered here, never forwarded: those of Pods and of Services.</summary>
    public IReadOnlyList<IPNetwork> ReverseZones { get; init; } = [];

    /// <summary>Who answers other names; null for those of <see cref="ResolvConf"/>.</summary>
    public IReadOnlyList<IPEndPoint>? Upstreams { get; init; }

    public string ResolvConf { get; init; } = "/etc/resolv.conf";

    /// <summary>Seconds that answers about the cluster may be kept.</summary>
    public uint Ttl { get; init; } = 5;

    /// <summary>Wait for one upstream; each is tried twice.</summary>
    public TimeSpan UpstreamTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Forwarded queries under way; more are answered SERVFAIL.</summary>
    public int MaxForwards { get; init; } = 512;

    /// <summary>Forwarded answers kept.</summary>
    public int CacheEntries { get; init; } = 2048;

    /// <summary>Longest that a forwarded answer is kept.</summary>
    public TimeSpan CacheTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Open TCP connections.</summary>
    public int MaxConnections { get; init; } = 128;

    public TimeSpan ConnectionIdle { get; init; } = TimeSpan.FromSeconds(10);
}
