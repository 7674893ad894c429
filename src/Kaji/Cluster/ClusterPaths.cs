using System.Security.Cryptography;
using System.Text;

namespace Kaji.Cluster;

/// <summary>
/// Where one cluster's files lie. What must outlive a reboot is in the data directory; sockets, pins and process ids are under
/// <c>/run/kaji/ID</c>, whose short name keeps Unix socket paths below the kernel's 108 bytes.
/// </summary>
internal sealed class ClusterPaths
{
    public const string DefaultDataDirectory = "/var/lib/kaji";

    public ClusterPaths(string dataDirectory)
    {
        Data = Path.TrimEndingDirectorySeparator(Path.GetFullPath(dataDirectory));
        Id = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Data)))[..8];
    }

    /// <summary>The data directory, absolute.</summary>
    public string Data { get; }

    /// <summary>Names this cluster among those of the machine: bridge, nftables table, cgroup, run directory. Follows from the data directory's path.</summary>
    public string Id { get; }

    public string Run => $"/run/kaji/{Id}";

    public string Kubeconfig => Path.Combine(Data, "kubeconfig");

    /// <summary>What the cluster was made with (<see cref="ClusterSettings"/>).</summary>
    public string Settings => Path.Combine(Data, "cluster.json");

    public string Pki => Path.Combine(Data, "pki");

    public string State => Path.Combine(Data, "state");

    public string Images => Path.Combine(Data, "images");

    public string Containers => Path.Combine(Data, "containers");

    public string Network => Path.Combine(Data, "network");

    public string Node => Path.Combine(Data, "node");

    public string Logs => Path.Combine(Data, "logs");

    public string ServerLog => Path.Combine(Logs, "kaji.log");

    /// <summary>Process id of the server, held open and locked by it while it lives.</summary>
    public string PidFile => Path.Combine(Run, "kaji.pid");

    /// <summary>Where a server that was started in the background tells how far it is (the protocol of sd_notify).</summary>
    public string NotifySocket => Path.Combine(Run, "notify.sock");

    /// <summary>While this file is there, a stopping server takes the containers down too.</summary>
    public string DownMarker => Path.Combine(Run, "down");

    /// <summary>Bridge of the Pod network (an interface name has at most 15 bytes).</summary>
    public string Bridge => $"kaji-{Id}";

    public string NftTable => $"kaji_{Id}";

    /// <summary>Name of this cluster's context in kubeconfig files.</summary>
    public string ContextName => Data == DefaultDataDirectory ? "kaji" : $"kaji-{Id}";

    /// <summary>Where the cluster's mount namespace is pinned.</summary>
    public string Mounts => Path.Combine(Run, "ns");

    /// <summary>nftables table of Services; the Pod network has <see cref="NftTable"/>.</summary>
    public string ServiceTable => $"kaji_{Id}_services";

    /// <summary>Where the guard of the fenced Pods listens; it lives on while the server does not.</summary>
    public string GuardSocket => Path.Combine(Run, "guard.sock");

    /// <summary>While this file is there, all bots of this machine are halted (<c>kaji halt --local</c>).</summary>
    public string HaltFile => Path.Combine(Data, "halt");

    public string Cgroup => $"/kaji/{Id}";
}
