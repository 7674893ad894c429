using k8s.Models;
using Kaji.Client;
using Kaji.Controllers.Pods;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.EndpointSlices;

/// <summary>Keeps the EndpointSlices (and the older Endpoints) of Services with a selector. https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/</summary>
public sealed class EndpointSliceController : Controller
{
    private const string ServiceName = "kubernetes.io/service-name";
    private const string ManagedBy = "endpointslice.kubernetes.io/managed-by";
    private const string Manager = "endpointslice-controller.k8s.io";
    private readonly IApiClient _client;
    private readonly IInformer<V1Service> _services;
    private readonly IInformer<V1Pod> _pods;
    private readonly IInformer<V1EndpointSlice> _slices;
    private readonly IInformer<V1Endpoints> _endpoints;

    public EndpointSliceController(IApiClient client, InformerFactory informers, TimeProvider time, ILoggerFactory logging)
        : base("endpointslice-controller", time, logging.CreateLogger<EndpointSliceController>())
    {
        _client = client;
        _services = informers.For(Kinds.Service);
        _pods = informers.For(Kinds.Pod);
        _slices = informers.For(Kinds.EndpointSlice);
        _endpoints = informers.For(Kinds.Endpoints);
        _services.Subscribe(change => Enqueue(change.Object.Metadata.NamespaceProperty, change.Object.Metadata.Name));
        _slices.Subscribe(change =>
        {
            if (change.Object.Metadata.Labels?.TryGetValue(ServiceName, out var service) == true)
            {
                Enqueue(change.Object.Metadata.NamespaceProperty, service);
            }
        });
        _pods.Subscribe(change =>
        {
            foreach (var service in _services.List(change.Object.Metadata.NamespaceProperty).Where(s => Selects(s, change.Old) || Selects(s, change.New)))
            {
                Enqueue(service.Metadata.NamespaceProperty, service.Metadata.Name);
            }
        });
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        var own = _slices.List(ns).Where(s => s.Metadata.Labels?.TryGetValue(ServiceName, out var n) == true && n == objectName && s.Metadata.Labels.TryGetValue(ManagedBy, out var m) && m == Manager).OrderBy(s => s.Metadata.Name, StringComparer.Ordinal).ToArray();
        var service = _services.Get(ns, objectName);
        if (service is null || service.Metadata.DeletionTimestamp is not null || service.Spec.Selector is not { Count: > 0 } || service.Spec.Type == "ExternalName")
        {
            foreach (var slice in own)
            {
                await _client.DeleteAsync(Kinds.EndpointSlice, ns, slice.Metadata.Name, null, cancellationToken);
            }

            return;
        }

        var wanted = EndpointPlan.Of(service, _pods.List(ns).Where(p => Selects(service, p)));
        await ApplySlicesAsync(service, own, wanted, cancellationToken);
        await ApplyEndpointsAsync(service, wanted, cancellationToken);
    }

    private async Task ApplySlicesAsync(
        V1Service service, V1EndpointSlice[] own, IReadOnlyList<(IReadOnlyList<Discoveryv1EndpointPort> Ports, IReadOnlyList<V1Endpoint> Endpoints)> wanted, CancellationToken cancellationToken)
    {
        var ns = service.Metadata.NamespaceProperty;
        for (var i = 0; i < Math.Max(1, wanted.Count); i++)
        {
            var (ports, endpoints) = i < wanted.Count ? wanted[i] : ([], []);
            if (i >= own.Length)
            {
                await _client.CreateAsync(Kinds.EndpointSlice, Make(service, ports, endpoints), cancellationToken);
            }
            else if (!Same(own[i], ports, endpoints))
            {
                var next = ModelJson.Clone(own[i]);
                (next.Ports, next.Endpoints) = ([.. ports], [.. endpoints]);
                await _client.UpdateAsync(Kinds.EndpointSlice, next, null, cancellationToken);
            }
        }

        foreach (var spare in own.Skip(Math.Max(1, wanted.Count)))
        {
            await _client.DeleteAsync(Kinds.EndpointSlice, ns, spare.Metadata.Name, null, cancellationToken);
        }
    }

    private async Task ApplyEndpointsAsync(
        V1Service service, IReadOnlyList<(IReadOnlyList<Discoveryv1EndpointPort> Ports, IReadOnlyList<V1Endpoint> Endpoints)> wanted, CancellationToken cancellationToken)
    {
        V1EndpointAddress Address(V1Endpoint e) => new() { Ip = e.Addresses[0], NodeName = e.NodeName, TargetRef = e.TargetRef, Hostname = e.Hostname };
        V1EndpointSubset Subset((IReadOnlyList<Discoveryv1EndpointPort> Ports, IReadOnlyList<V1Endpoint> Endpoints) group)
        {
            var (ready, not) = (group.Endpoints.Where(e => e.Conditions.Ready == true).Select(Address).ToList(), group.Endpoints.Where(e => e.Conditions.Ready != true && e.Conditions.Terminating != true).Select(Address).ToList());
            return new V1EndpointSubset
            {
                Addresses = ready.Count > 0 ? ready : null, NotReadyAddresses = not.Count > 0 ? not : null,
                Ports = [.. group.Ports.Select(p => new Corev1EndpointPort { Name = string.IsNullOrEmpty(p.Name) ? null : p.Name, Port = p.Port ?? 0, Protocol = p.Protocol })],
            };
        }

        var subsets = wanted.Select(Subset).Where(s => s.Addresses is not null || s.NotReadyAddresses is not null).ToList();
        var present = _endpoints.Get(service.Metadata.NamespaceProperty, service.Metadata.Name);
        var wish = new V1Endpoints
        {
            Metadata = new V1ObjectMeta
            {
                Name = service.Metadata.Name, NamespaceProperty = service.Metadata.NamespaceProperty,
                Labels = new Dictionary<string, string>(service.Metadata.Labels ?? new Dictionary<string, string>(StringComparer.Ordinal), StringComparer.Ordinal) { ["endpoints.kubernetes.io/managed-by"] = "endpoint-controller" },
            },
            Subsets = subsets.Count > 0 ? subsets : null,
        };
        if (present is null)
        {
            await _client.CreateAsync(Kinds.Endpoints, wish, cancellationToken);
        }
        else if (!ModelJson.Serialize(new V1Endpoints { Subsets = present.Subsets }).AsSpan().SequenceEqual(ModelJson.Serialize(new V1Endpoints { Subsets = wish.Subsets })))
        {
            wish.Metadata.ResourceVersion = present.Metadata.ResourceVersion;
            await _client.UpdateAsync(Kinds.Endpoints, wish, null, cancellationToken);
        }
    }

    private static V1EndpointSlice Make(V1Service service, IReadOnlyList<Discoveryv1EndpointPort> ports, IReadOnlyList<V1Endpoint> endpoints)
    {
        var labels = new Dictionary<string, string>(service.Metadata.Labels ?? new Dictionary<string, string>(StringComparer.Ordinal), StringComparer.Ordinal) { [ServiceName] = service.Metadata.Name, [ManagedBy] = Manager };
        if (service.Spec.ClusterIP == "None")
        {
            labels["service.kubernetes.io/headless"] = "";
        }

        return new V1EndpointSlice
        {
            Metadata = new V1ObjectMeta
            {
                GenerateName = service.Metadata.Name + "-", NamespaceProperty = service.Metadata.NamespaceProperty, Labels = labels,
                OwnerReferences = [new V1OwnerReference { ApiVersion = "v1", Kind = "Service", Name = service.Metadata.Name, Uid = service.Metadata.Uid, Controller = true, BlockOwnerDeletion = true }],
            },
            AddressType = "IPv4",
            Ports = [.. ports],
            Endpoints = [.. endpoints],
        };
    }

    private static bool Same(V1EndpointSlice slice, IReadOnlyList<Discoveryv1EndpointPort> ports, IReadOnlyList<V1Endpoint> endpoints) =>
        ModelJson.Serialize(new V1EndpointSlice { AddressType = "IPv4", Endpoints = slice.Endpoints ?? [], Ports = slice.Ports ?? [] }).AsSpan()
            .SequenceEqual(ModelJson.Serialize(new V1EndpointSlice { AddressType = "IPv4", Endpoints = [.. endpoints], Ports = [.. ports] }));

    private static bool Selects(V1Service service, V1Pod? pod) =>
        pod is not null && service.Spec.Selector is { Count: > 0 } selector && selector.All(s => pod.Metadata.Labels?.TryGetValue(s.Key, out var value) == true && value == s.Value);
}
