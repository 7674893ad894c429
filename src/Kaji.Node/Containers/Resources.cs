using k8s.Models;
using Kaji.Client;
using Kaji.Engine;

namespace Kaji.Node.Containers;

/// <summary>Requests and limits as cgroup values, the QoS class, and how readily the kernel's OOM killer takes a container (kubelet's rules).</summary>
internal static class Resources
{
    public static ResourceLimits Limits(V1Container container)
    {
        var requested = Amount(container.Resources?.Requests, "cpu") ?? Amount(container.Resources?.Limits, "cpu") ?? 0m;
        return new ResourceLimits
        {
            MemoryBytes = (long)(Amount(container.Resources?.Limits, "memory") ?? 0m),
            CpuMillis = (long)Math.Ceiling((Amount(container.Resources?.Limits, "cpu") ?? 0m) * 1000),
            CpuShares = Math.Max(2, (long)(requested * 1024)),
        };
    }

    /// <summary>Of the Pod's cgroup: bounds only where every container has one, weight by all requests (kubelet's pod cgroup).</summary>
    public static ResourceLimits PodLimits(V1Pod pod)
    {
        var requested = PodRequest.Of(pod).Resources;
        V1Container[] lasting = [.. pod.Spec.Containers, .. (pod.Spec.InitContainers ?? []).Where(c => c.RestartPolicy == "Always")];
        decimal Bound(string name) => lasting.All(c => Amount(c.Resources?.Limits, name) is > 0m)
            ? Math.Max(lasting.Sum(c => Amount(c.Resources!.Limits, name)!.Value), (pod.Spec.InitContainers ?? []).Max(c => Amount(c.Resources?.Limits, name)) ?? 0m)
            : 0m;
        var unboundedInit = (string name) => (pod.Spec.InitContainers ?? []).Any(c => Amount(c.Resources?.Limits, name) is null);
        return new ResourceLimits
        {
            MemoryBytes = unboundedInit("memory") ? 0 : (long)Bound("memory"),
            CpuMillis = unboundedInit("cpu") ? 0 : (long)Math.Ceiling(Bound("cpu") * 1000),
            CpuShares = Math.Max(2, requested.GetValueOrDefault("cpu") * 1024 / 1000),
        };
    }

    public static string QosClass(V1Pod pod) => pod.Status?.QosClass ?? "BestEffort";

    public static int OomScoreAdj(V1Pod pod, V1Container container, long nodeMemory)
    {
        switch (QosClass(pod))
        {
            case "Guaranteed":
                return -997;
            case "BestEffort":
                return 1000;
        }

        var request = Amount(container.Resources?.Requests, "memory") ?? 0m;
        var score = 1000 - (int)(1000 * request / Math.Max(1, nodeMemory));
        return Math.Clamp(score, 3, 999);
    }

    public static decimal? Amount(IDictionary<string, ResourceQuantity>? list, string name) => list?.TryGetValue(name, out var quantity) == true ? (decimal)quantity : null;
}
