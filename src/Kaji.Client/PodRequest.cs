using k8s.Models;

namespace Kaji.Client;

/// <summary>What a Pod asks of a node, in whole numbers (cpu in thousandths, bytes): computed once a Pod.</summary>
public sealed record PodRequest(IReadOnlyDictionary<string, long> Resources, IReadOnlyList<(string Protocol, string IP, int Port)> HostPorts)
{
    public static PodRequest Of(V1Pod pod)
    {
        // Init containers run one after another, sidecars go on beside: the most that is needed at once.
        var total = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var container in pod.Spec.Containers)
        {
            Add(total, container);
        }

        var sidecars = new Dictionary<string, long>(StringComparer.Ordinal);
        var peak = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var container in pod.Spec.InitContainers ?? [])
        {
            if (container.RestartPolicy == "Always")
            {
                Add(sidecars, container);
                continue;
            }

            var now = new Dictionary<string, long>(sidecars, StringComparer.Ordinal);
            Add(now, container);
            foreach (var (name, value) in now)
            {
                peak[name] = Math.Max(peak.GetValueOrDefault(name), value);
            }
        }

        foreach (var (name, value) in sidecars)
        {
            total[name] = total.GetValueOrDefault(name) + value;
        }

        foreach (var (name, value) in peak)
        {
            total[name] = Math.Max(total.GetValueOrDefault(name), value);
        }

        foreach (var (name, value) in pod.Spec.Overhead ?? new Dictionary<string, ResourceQuantity>(StringComparer.Ordinal))
        {
            total[name] = total.GetValueOrDefault(name) + Units(name, value);
        }

        total["pods"] = 1;
        return new PodRequest(total, [.. pod.Spec.Containers.SelectMany(c => c.Ports ?? []).Where(p => p.HostPort is > 0).Select(p => (p.Protocol ?? "TCP", p.HostIP ?? "", p.HostPort!.Value))]);
    }

    public static long Units(string resource, ResourceQuantity quantity) =>
        (long)Math.Ceiling(resource == "cpu" ? (decimal)quantity * 1000 : (decimal)quantity);

    private static void Add(Dictionary<string, long> into, V1Container container)
    {
        foreach (var (name, value) in container.Resources?.Requests ?? new Dictionary<string, ResourceQuantity>(StringComparer.Ordinal))
        {
            into[name] = into.GetValueOrDefault(name) + Units(name, value);
        }
    }
}
