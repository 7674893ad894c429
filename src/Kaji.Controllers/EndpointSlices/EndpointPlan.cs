using k8s.Models;
using Kaji.Controllers.Pods;

namespace Kaji.Controllers.EndpointSlices;

/// <summary>One Pod behind a Service, as an endpoint with its ports.</summary>
internal sealed record EndpointPlan(V1Endpoint Endpoint, IReadOnlyList<Discoveryv1EndpointPort> Ports)
{
    public const int PerSlice = 100;

    /// <summary>The endpoints of a Service, grouped by the ports they serve (named ports may differ by Pod), in slices of a hundred.</summary>
    public static IReadOnlyList<(IReadOnlyList<Discoveryv1EndpointPort> Ports, IReadOnlyList<V1Endpoint> Endpoints)> Of(V1Service service, IEnumerable<V1Pod> pods)
    {
        var groups = pods
            .Where(p => !string.IsNullOrEmpty(p.Status?.PodIP) && !p.HasEnded())
            .OrderBy(p => p.Metadata.CreationTimestamp).ThenBy(p => p.Metadata.Name, StringComparer.Ordinal)
            .Select(p => Of(service, p))
            .GroupBy(e => string.Join(",", e.Ports.Select(p => $"{p.Name}/{p.Protocol}/{p.Port}")), StringComparer.Ordinal);
        return [.. groups.SelectMany(g => g.Chunk(PerSlice).Select(chunk => (chunk[0].Ports, (IReadOnlyList<V1Endpoint>)[.. chunk.Select(c => c.Endpoint)])))];
    }

    private static EndpointPlan Of(V1Service service, V1Pod pod)
    {
        var terminating = pod.Metadata.DeletionTimestamp is not null;
        var serving = pod.IsReady();
        var publish = service.Spec.PublishNotReadyAddresses == true;
        var endpoint = new V1Endpoint
        {
            Addresses = [pod.Status.PodIP],
            Conditions = new V1EndpointConditions { Ready = publish || (serving && !terminating), Serving = serving, Terminating = terminating },
            NodeName = pod.Spec.NodeName,
            Hostname = !string.IsNullOrEmpty(pod.Spec.Hostname) && pod.Spec.Subdomain == service.Metadata.Name ? pod.Spec.Hostname : null,
            TargetRef = new V1ObjectReference { Kind = "Pod", Name = pod.Metadata.Name, NamespaceProperty = pod.Metadata.NamespaceProperty, Uid = pod.Metadata.Uid },
        };
        var ports = new List<Discoveryv1EndpointPort>();
        foreach (var port in service.Spec.Ports ?? [])
        {
            if (Number(port, pod) is { } number)
            {
                ports.Add(new Discoveryv1EndpointPort { Name = port.Name ?? "", Port = number, Protocol = port.Protocol ?? "TCP", AppProtocol = port.AppProtocol });
            }
        }

        return new EndpointPlan(endpoint, ports);
    }

    private static int? Number(V1ServicePort port, V1Pod pod)
    {
        var target = port.TargetPort?.Value;
        if (string.IsNullOrEmpty(target))
        {
            return port.Port;
        }

        return int.TryParse(target, out var number) ? number
            : pod.Spec.Containers.SelectMany(c => c.Ports ?? []).FirstOrDefault(p => p.Name == target && (p.Protocol ?? "TCP") == (port.Protocol ?? "TCP"))?.ContainerPort;
    }
}
