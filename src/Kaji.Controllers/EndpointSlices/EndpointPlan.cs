using k8s.Models;
using Kaji.Controllers.Pods;

namespace Kaji.Controllers.EndpointSlices;

/// <summary>The Pods behind a Service that serve the same ports (named ports may differ by Pod). Pure.</summary>
internal sealed record EndpointPlan(IReadOnlyList<Discoveryv1EndpointPort> Ports, IReadOnlyList<V1Endpoint> Endpoints)
{
    public static IReadOnlyList<EndpointPlan> Of(V1Service service, IEnumerable<V1Pod> pods) =>
    [
        .. pods.Where(p => !string.IsNullOrEmpty(p.Status?.PodIP) && !p.HasEnded())
            .OrderBy(p => p.Metadata.CreationTimestamp).ThenBy(p => p.Metadata.Name, StringComparer.Ordinal)
            .Select(p => (Endpoint: EndpointOf(service, p), Ports: PortsOf(service, p)))
            .GroupBy(e => Key(e.Ports), StringComparer.Ordinal)
            .Select(g => new EndpointPlan(g.First().Ports, [.. g.Select(e => e.Endpoint)])),
    ];

    public static bool Selects(V1Service service, V1Pod? pod) =>
        pod is not null && service.Spec.Selector is { Count: > 0 } selector && selector.All(s => pod.Metadata.Labels?.TryGetValue(s.Key, out var value) == true && value == s.Value);

    /// <summary>Tells sets of ports apart.</summary>
    public static string Key(IEnumerable<Discoveryv1EndpointPort>? ports) => string.Join(',', (ports ?? []).Select(p => $"{p.Name}/{p.Protocol}/{p.Port}/{p.AppProtocol}"));

    private static V1Endpoint EndpointOf(V1Service service, V1Pod pod)
    {
        var terminating = pod.Metadata.DeletionTimestamp is not null;
        var serving = pod.IsReady();
        return new V1Endpoint
        {
            Addresses = [pod.Status.PodIP],
            Conditions = new V1EndpointConditions { Ready = service.Spec.PublishNotReadyAddresses == true || (serving && !terminating), Serving = serving, Terminating = terminating },
            NodeName = pod.Spec.NodeName,
            Hostname = !string.IsNullOrEmpty(pod.Spec.Hostname) && pod.Spec.Subdomain == service.Metadata.Name ? pod.Spec.Hostname : null,
            TargetRef = new V1ObjectReference { Kind = "Pod", Name = pod.Metadata.Name, NamespaceProperty = pod.Metadata.NamespaceProperty, Uid = pod.Metadata.Uid },
        };
    }

    private static List<Discoveryv1EndpointPort> PortsOf(V1Service service, V1Pod pod)
    {
        var ports = new List<Discoveryv1EndpointPort>();
        foreach (var port in service.Spec.Ports ?? [])
        {
            if (Number(port, pod) is { } number)
            {
                ports.Add(new Discoveryv1EndpointPort { Name = port.Name ?? "", Port = number, Protocol = port.Protocol ?? "TCP", AppProtocol = port.AppProtocol });
            }
        }

        return ports;
    }

    /// <summary>Of a named port: the first container's, sidecars last. Null when the Pod has none of that name.</summary>
    private static int? Number(V1ServicePort port, V1Pod pod)
    {
        var target = port.TargetPort?.Value;
        if (string.IsNullOrEmpty(target) || target == "0")
        {
            return port.Port;
        }

        return int.TryParse(target, out var number) ? number
            : pod.Spec.Containers.Concat((pod.Spec.InitContainers ?? []).Where(c => c.RestartPolicy == "Always"))
                .SelectMany(c => c.Ports ?? []).FirstOrDefault(p => p.Name == target && (p.Protocol ?? "TCP") == (port.Protocol ?? "TCP"))?.ContainerPort;
    }
}
