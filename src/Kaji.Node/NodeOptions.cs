namespace Kaji.Node;

/// <summary>What a node agent is told.</summary>
public sealed record NodeOptions
{
    public required string NodeName { get; init; }

    /// <summary>For Pod directories and logs.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>The cgroup below which all Pods' cgroups lie, as <c>/kaji/ID</c>.</summary>
    public required string CgroupParent { get; init; }

    /// <summary>Address of the cluster's DNS, for Pods with dnsPolicy ClusterFirst.</summary>
    public required string ClusterDns { get; init; }

    public string ClusterDomain { get; init; } = "cluster.local";

    /// <summary>Where the API server and others reach this node.</summary>
    public required string NodeIP { get; init; }

    /// <summary>Port of the node's server, known after it listens.</summary>
    public required Func<int> ServerPort { get; init; }

    /// <summary>Whether this is the server's own node: labelled as control plane, and made anew when its object was deleted. Any other ends then.</summary>
    public bool ControlPlane { get; init; }

    public string RuntimeVersion { get; init; } = "crun://";

    public int MaxPods { get; init; } = 250;

    public TimeSpan LeaseRenewal { get; init; } = TimeSpan.FromSeconds(10);

    public int LeaseSeconds { get; init; } = 40;

    /// <summary>Log files are rotated at this size ...</summary>
    public long MaxLogBytes { get; init; } = 10 * 1024 * 1024;

    /// <summary>... and so many are kept.</summary>
    public int MaxLogFiles { get; init; } = 5;

    /// <summary>A postStart hook that takes longer has failed.</summary>
    public TimeSpan PostStartLimit { get; init; } = TimeSpan.FromMinutes(10);

    public TimeSpan FirstRestartBackOff { get; init; } = TimeSpan.FromSeconds(10);

    public TimeSpan MaxRestartBackOff { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>A container that ran so long starts with no back-off again.</summary>
    public TimeSpan RestartBackOffReset { get; init; } = TimeSpan.FromMinutes(10);
}
