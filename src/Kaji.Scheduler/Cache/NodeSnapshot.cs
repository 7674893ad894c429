using Kaji.Client;
using k8s.Models;

namespace Kaji.Scheduler.Cache;

/// <summary>A node and what the Pods on it have asked for. Changed on the scheduling loop only.</summary>
public sealed class NodeSnapshot(V1Node node)
{
    private readonly Dictionary<string, (V1Pod Pod, PodRequest Request)> _pods = new(StringComparer.Ordinal);

    public V1Node Node { get; private set; } = node;

    /// <summary>What Pods may use, in whole numbers.</summary>
    public IReadOnlyDictionary<string, long> Allocatable { get; private set; } = Read(node);

    public Dictionary<string, long> Requested { get; } = new(StringComparer.Ordinal);

    public IEnumerable<(V1Pod Pod, PodRequest Request)> Pods => _pods.Values;

    public void Update(V1Node node)
    {
        Node = node;
        Allocatable = Read(node);
    }

    public void Add(V1Pod pod, PodRequest request)
    {
        Remove(pod.Metadata.Uid);
        _pods[pod.Metadata.Uid] = (pod, request);
        foreach (var (name, value) in request.Resources)
        {
            Requested[name] = Requested.GetValueOrDefault(name) + value;
        }
    }

    public bool Remove(string uid)
    {
        if (!_pods.Remove(uid, out var known))
        {
            return false;
        }

        foreach (var (name, value) in known.Request.Resources)
        {
            Requested[name] -= value;
        }

        return true;
    }

    private static Dictionary<string, long> Read(V1Node node) =>
        (node.Status?.Allocatable ?? new Dictionary<string, ResourceQuantity>(StringComparer.Ordinal)).ToDictionary(a => a.Key, a => PodRequest.Units(a.Key, a.Value), StringComparer.Ordinal);
}
