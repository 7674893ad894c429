using System.Globalization;
using k8s.Models;
using Kaji.Client;
using Kaji.Engine;
using Microsoft.Extensions.Logging;

namespace Kaji.Node.Registration;

/// <summary>Keeps the Node object true, and the heartbeat: a Lease in kube-node-lease renewed often, the status when it changes and every five minutes.</summary>
internal sealed partial class NodeRegistration(NodeOptions options, NodeFacts facts, IApiClient client, IImageStore images, TimeProvider time, ILogger log)
{
    private const string LeaseNamespace = "kube-node-lease";
    private const int MaxImages = 50;
    private static readonly TimeSpan StatusEvery = TimeSpan.FromMinutes(5);

    /// <summary>Updates the Node, marked ready; creates it where it is the server's own.</summary>
    /// <exception cref="NodeDeletedException">It is not there.</exception>
    public async Task RegisterAsync(CancellationToken cancellationToken)
    {
        if (await client.FindAsync(Kinds.Node, null, options.NodeName, cancellationToken) is { } present)
        {
            await WriteStatusAsync(Status(present), cancellationToken);
            return;
        }

        if (!options.ControlPlane)
        {
            throw new NodeDeletedException(options.NodeName);
        }

        var node = new V1Node
        {
            Metadata = new V1ObjectMeta
            {
                Name = options.NodeName,
                Labels = new Dictionary<string, string>(StringComparer.Ordinal)
                {
                    ["kubernetes.io/hostname"] = options.NodeName, ["kubernetes.io/os"] = "linux", ["kubernetes.io/arch"] = facts.Architecture,
                    ["beta.kubernetes.io/os"] = "linux", ["beta.kubernetes.io/arch"] = facts.Architecture, ["node-role.kubernetes.io/control-plane"] = "",
                },
            },
            Spec = new V1NodeSpec(),
            Status = Status(null),
        };
        await client.CreateAsync(Kinds.Node, node, cancellationToken);
    }

    /// <summary>Renews the Lease and the status until cancelled.</summary>
    /// <exception cref="NodeDeletedException">The Node was deleted.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var statusDue = time.GetUtcNow() + StatusEvery;
        var renewed = time.GetUtcNow();
        V1Lease? lease = null;
        using var timer = new PeriodicTimer(options.LeaseRenewal, time);
        try
        {
            do
            {
                try
                {
                    lease = await RenewAsync(lease, cancellationToken);
                    var silence = time.GetUtcNow() - renewed;
                    renewed += silence;

                    // After a long silence (the machine slept, the API server was away) the node may count as lost: it says at once that it is not.
                    if (renewed >= statusDue || silence > options.LeaseRenewal * 2)
                    {
                        await RegisterAsync(cancellationToken);
                        statusDue = time.GetUtcNow() + StatusEvery;
                    }
                    else if (!options.ControlPlane && await client.FindAsync(Kinds.Node, null, options.NodeName, cancellationToken) is null)
                    {
                        throw new NodeDeletedException(options.NodeName);
                    }
                }
                catch (Exception e) when (e is ApiException or HttpRequestException or IOException)
                {
                    lease = null;
                    NotRenewed(options.NodeName, e.Message);
                }
            }
            while (await timer.WaitForNextTickAsync(cancellationToken));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return;
        }
    }

    private async Task<V1Lease> RenewAsync(V1Lease? lease, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow().UtcDateTime;
        lease ??= await client.FindAsync(Kinds.Lease, LeaseNamespace, options.NodeName, cancellationToken);
        if (lease is null)
        {
            return await client.CreateAsync(
                Kinds.Lease,
                new V1Lease
                {
                    Metadata = new V1ObjectMeta { Name = options.NodeName, NamespaceProperty = LeaseNamespace },
                    Spec = new V1LeaseSpec { HolderIdentity = options.NodeName, LeaseDurationSeconds = options.LeaseSeconds, RenewTime = now },
                },
                cancellationToken);
        }

        lease.Spec.HolderIdentity = options.NodeName;
        lease.Spec.LeaseDurationSeconds = options.LeaseSeconds;
        lease.Spec.RenewTime = now;
        return await client.UpdateAsync(Kinds.Lease, lease, null, cancellationToken);
    }

    private Task WriteStatusAsync(V1NodeStatus status, CancellationToken cancellationToken)
    {
        var body = ModelJson.Serialize(status);
        return client.PatchAsync(Kinds.Node, null, options.NodeName, Patch.Merge((byte[])[.. "{\"status\":"u8, .. body, .. "}"u8]), "status", cancellationToken);
    }

    private V1NodeStatus Status(V1Node? present)
    {
        var now = time.GetUtcNow().UtcDateTime;
        string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
        var resources = new Dictionary<string, ResourceQuantity>(StringComparer.Ordinal)
        {
            ["cpu"] = new(Number(facts.Cpus)), ["memory"] = new($"{facts.MemoryBytes / 1024}Ki"), ["ephemeral-storage"] = new($"{facts.DiskBytes / 1024}Ki"), ["pods"] = new(Number(options.MaxPods)),
        };
        V1NodeCondition Condition(string type, string status, string reason, string message)
        {
            var old = present?.Status?.Conditions?.FirstOrDefault(c => c.Type == type);
            return new V1NodeCondition
            {
                Type = type, Status = status, Reason = reason, Message = message, LastHeartbeatTime = now,
                LastTransitionTime = old?.Status == status && old.LastTransitionTime is { } since ? since : now,
            };
        }

        return new V1NodeStatus
        {
            Capacity = resources,
            Allocatable = resources,
            Addresses = [new V1NodeAddress { Type = "InternalIP", Address = options.NodeIP }, new V1NodeAddress { Type = "Hostname", Address = options.NodeName }],
            DaemonEndpoints = new V1NodeDaemonEndpoints { KubeletEndpoint = new V1DaemonEndpoint { Port = options.ServerPort() } },
            Conditions =
            [
                Condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                Condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                Condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                Condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            ],
            NodeInfo = new V1NodeSystemInfo
            {
                Architecture = facts.Architecture, BootID = facts.BootId, MachineID = facts.MachineId, SystemUUID = facts.MachineId, KernelVersion = facts.KernelVersion, OsImage = facts.OsImage,
                OperatingSystem = "linux", ContainerRuntimeVersion = options.RuntimeVersion, KubeletVersion = "v1.36.2+kaji", KubeProxyVersion = "",
            },
            Images = [.. images.List().OrderByDescending(i => i.Size).Take(MaxImages).Select(i => new V1ContainerImage { Names = [.. i.Names.Concat(i.Digests)], SizeBytes = i.Size })],
        };
    }

    [LoggerMessage(1, LogLevel.Warning, "node {node}: heartbeat not written: {why}")]
    private partial void NotRenewed(string node, string why);
}
