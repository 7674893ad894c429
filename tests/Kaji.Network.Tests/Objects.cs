using k8s.Models;

namespace Kaji.Network.Tests;

/// <summary>Services and slices for tests.</summary>
internal static class Objects
{
    public static V1Service Service(string name, string clusterIP, int port = 80, int nodePort = 0, string protocol = "TCP", string ns = "default", string? affinity = null, string? external = null) => new()
    {
        Metadata = new V1ObjectMeta { Name = name, NamespaceProperty = ns },
        Spec = new V1ServiceSpec
        {
            ClusterIP = clusterIP,
            Type = nodePort > 0 ? "NodePort" : "ClusterIP",
            SessionAffinity = affinity,
            ExternalTrafficPolicy = external,
            Ports = [new V1ServicePort { Name = "http", Port = port, Protocol = protocol, NodePort = nodePort == 0 ? null : nodePort }],
        },
    };

    public static V1EndpointSlice Slice(string service, int port, IEnumerable<V1Endpoint> endpoints, string protocol = "TCP", string ns = "default") => new()
    {
        Metadata = new V1ObjectMeta { Name = service + "-1", NamespaceProperty = ns, Labels = new Dictionary<string, string> { ["kubernetes.io/service-name"] = service } },
        AddressType = "IPv4",
        Ports = [new Discoveryv1EndpointPort { Name = "http", Port = port, Protocol = protocol }],
        Endpoints = [.. endpoints],
    };

    public static V1Endpoint Endpoint(string address, bool ready = true, bool terminating = false, string? hostname = null, string node = "node-a") => new()
    {
        Addresses = [address],
        Hostname = hostname,
        NodeName = node,
        Conditions = new V1EndpointConditions { Ready = ready, Serving = ready || terminating, Terminating = terminating },
    };
}
