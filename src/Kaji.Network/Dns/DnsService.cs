using System.Net;
using k8s.Models;
using Kaji.Client;

namespace Kaji.Network.Dns;

/// <summary>
/// The Service <c>kube-system/kube-dns</c> with the usual address, and its EndpointSlice that leads to where <see cref="ClusterDns"/> listens. It has no selector, so
/// no controller touches the slice. The namespace must exist.
/// </summary>
public static class DnsService
{
    private const string Namespace = "kube-system";
    private const string Name = "kube-dns";

    /// <summary>Creates or corrects both objects.</summary>
    public static async Task EnsureAsync(IApiClient client, IPAddress serviceIP, IPEndPoint server, CancellationToken cancellationToken = default)
    {
        var labels = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["k8s-app"] = Name,
            ["kubernetes.io/cluster-service"] = "true",
            ["kubernetes.io/name"] = "CoreDNS",
        };
        var service = new V1Service
        {
            ApiVersion = "v1",
            Kind = "Service",
            Metadata = new V1ObjectMeta { Name = Name, NamespaceProperty = Namespace, Labels = labels },
            Spec = new V1ServiceSpec
            {
                ClusterIP = serviceIP.ToString(),
                ClusterIPs = [serviceIP.ToString()],
                Type = "ClusterIP",
                Ports =
                [
                    new V1ServicePort { Name = "dns", Port = 53, Protocol = "UDP", TargetPort = server.Port },
                    new V1ServicePort { Name = "dns-tcp", Port = 53, Protocol = "TCP", TargetPort = server.Port },
                ],
            },
        };
        if (await client.FindAsync(Kinds.Service, Namespace, Name, cancellationToken) is null)
        {
            await client.CreateAsync(Kinds.Service, service, cancellationToken);
        }

        var slice = new V1EndpointSlice
        {
            ApiVersion = "discovery.k8s.io/v1",
            Kind = "EndpointSlice",
            Metadata = new V1ObjectMeta
            {
                Name = Name,
                NamespaceProperty = Namespace,
                Labels = new Dictionary<string, string>(labels, StringComparer.Ordinal)
                {
                    ["kubernetes.io/service-name"] = Name,
                    ["endpointslice.kubernetes.io/managed-by"] = "kaji",
                },
            },
            AddressType = "IPv4",
            Endpoints = [new V1Endpoint { Addresses = [server.Address.ToString()], Conditions = new V1EndpointConditions { Ready = true, Serving = true, Terminating = false } }],
            Ports = [new Discoveryv1EndpointPort { Name = "dns", Port = server.Port, Protocol = "UDP" }, new Discoveryv1EndpointPort { Name = "dns-tcp", Port = server.Port, Protocol = "TCP" }],
        };
        if (await client.FindAsync(Kinds.EndpointSlice, Namespace, Name, cancellationToken) is not { } existing)
        {
            await client.CreateAsync(Kinds.EndpointSlice, slice, cancellationToken);
        }
        else if (existing.Endpoints?.FirstOrDefault()?.Addresses?.FirstOrDefault() != server.Address.ToString() || existing.Ports?.FirstOrDefault()?.Port != server.Port)
        {
            slice.Metadata.ResourceVersion = existing.Metadata.ResourceVersion;
            await client.UpdateAsync(Kinds.EndpointSlice, slice, cancellationToken: cancellationToken);
        }
    }
}
