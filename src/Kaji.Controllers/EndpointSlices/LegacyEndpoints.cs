using k8s.Models;
using Kaji.Client;

namespace Kaji.Controllers.EndpointSlices;

/// <summary>The older Endpoints of a Service, for clients that still read them: one subset a set of ports; Pods that are ending are left out. Pure.</summary>
internal static class LegacyEndpoints
{
    public const string ManagedBy = "endpoints.kubernetes.io/managed-by";
    public const string Manager = "endpoint-controller";

    public static V1Endpoints Of(V1Service service, IReadOnlyList<EndpointPlan> groups)
    {
        var subsets = groups.Select(Subset).Where(s => s.Addresses is not null || s.NotReadyAddresses is not null).ToList();
        return new V1Endpoints
        {
            Metadata = new V1ObjectMeta
            {
                Name = service.Metadata.Name, NamespaceProperty = service.Metadata.NamespaceProperty,
                Labels = new Dictionary<string, string>(service.Metadata.Labels ?? new Dictionary<string, string>(StringComparer.Ordinal), StringComparer.Ordinal) { [ManagedBy] = Manager },
            },
            Subsets = subsets.Count > 0 ? subsets : null,
        };
    }

    public static bool Same(V1Endpoints a, V1Endpoints b)
    {
        static byte[] Content(V1Endpoints e) => ModelJson.Serialize(new V1Endpoints { Subsets = e.Subsets is { Count: > 0 } ? e.Subsets : null });
        var (x, y) = (a.Metadata.Labels, b.Metadata.Labels);
        return x?.Count == y?.Count && (x is null || x.All(l => y!.TryGetValue(l.Key, out var value) && value == l.Value)) && Content(a).AsSpan().SequenceEqual(Content(b));
    }

    private static V1EndpointSubset Subset(EndpointPlan group)
    {
        var ready = group.Endpoints.Where(e => e.Conditions.Ready == true).Select(Address).ToList();
        var not = group.Endpoints.Where(e => e.Conditions.Ready != true && e.Conditions.Terminating != true).Select(Address).ToList();
        return new V1EndpointSubset
        {
            Addresses = ready.Count > 0 ? ready : null,
            NotReadyAddresses = not.Count > 0 ? not : null,
            Ports = group.Ports.Count == 0 ? null
                : [.. group.Ports.Select(p => new Corev1EndpointPort { Name = string.IsNullOrEmpty(p.Name) ? null : p.Name, Port = p.Port ?? 0, Protocol = p.Protocol, AppProtocol = p.AppProtocol })],
        };
    }

    private static V1EndpointAddress Address(V1Endpoint e) => new() { Ip = e.Addresses[0], NodeName = e.NodeName, TargetRef = e.TargetRef, Hostname = e.Hostname };
}
