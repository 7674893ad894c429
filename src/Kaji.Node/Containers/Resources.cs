using k8s.Models;
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
