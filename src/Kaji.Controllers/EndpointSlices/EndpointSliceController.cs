using k8s;
using k8s.Models;
using Kaji.Client;
using Kaji.Controllers.Writes;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.EndpointSlices;

/// <summary>Keeps the EndpointSlices (and the older Endpoints) of Services with a selector. https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/</summary>
public sealed class EndpointSliceController : Controller
{
    private readonly IApiClient _client;
    private readonly IInformer<V1Service> _services;
    private readonly IInformer<V1Pod> _pods;
    private readonly OwnWrites<V1EndpointSlice> _slices;
    private readonly OwnWrites<V1Endpoints> _endpoints;

    public EndpointSliceController(IApiClient client, InformerFactory informers, TimeProvider time, ILoggerFactory logging)
        : base("endpointslice-controller", time, logging.CreateLogger<EndpointSliceController>())
    {
        _client = client;
        _services = informers.For(Kinds.Service);
        _pods = informers.For(Kinds.Pod);
        var (slices, endpoints) = (informers.For(Kinds.EndpointSlice), informers.For(Kinds.Endpoints));
        _slices = new OwnWrites<V1EndpointSlice>(slices, time);
        _endpoints = new OwnWrites<V1Endpoints>(endpoints, time);
        _services.Subscribe(change => Enqueue(change.Object.Metadata.NamespaceProperty, change.Object.Metadata.Name));
        slices.Subscribe(change =>
        {
            if (IsOwn(change.Object) && change.Object.Metadata.Labels.TryGetValue(SlicePlan.ServiceName, out var service))
            {
                Enqueue(change.Object.Metadata.NamespaceProperty, service);
            }
        });
        endpoints.Subscribe(change => Enqueue(change.Object.Metadata.NamespaceProperty, change.Object.Metadata.Name));
        _pods.Subscribe(change =>
        {
            foreach (var service in _services.List(change.Object.Metadata.NamespaceProperty).Where(s => EndpointPlan.Selects(s, change.Old) || EndpointPlan.Selects(s, change.New)))
            {
                Enqueue(service.Metadata.NamespaceProperty, service.Metadata.Name);
            }
        });
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        var own = _slices.List(ns).Where(s => IsOwn(s) && s.Metadata.Labels.TryGetValue(SlicePlan.ServiceName, out var of) && of == objectName).ToArray();
        var service = _services.Get(ns, objectName);
        if (service is null || service.Metadata.DeletionTimestamp is not null || service.Spec.Type == "ExternalName")
        {
            await WithdrawAsync(ns, objectName, own, cancellationToken);
            return;
        }

        // Without a selector the endpoints are somebody else's, as they are.
        if (service.Spec.Selector is not { Count: > 0 })
        {
            return;
        }

        var groups = EndpointPlan.Of(service, _pods.List(ns).Where(p => EndpointPlan.Selects(service, p)));
        await ApplyAsync(SlicePlan.Of(service, own, groups), cancellationToken);
        await ApplyAsync(LegacyEndpoints.Of(service, groups), cancellationToken);
    }

    private async Task WithdrawAsync(string ns, string objectName, V1EndpointSlice[] own, CancellationToken cancellationToken)
    {
        foreach (var slice in own)
        {
            await DeleteAsync(Kinds.EndpointSlice, slice, cancellationToken);
        }

        if (_endpoints.Get(ns, objectName) is { } present && present.Metadata.Labels?.TryGetValue(LegacyEndpoints.ManagedBy, out var by) == true && by == LegacyEndpoints.Manager)
        {
            await DeleteAsync(Kinds.Endpoints, present, cancellationToken);
        }
    }

    private async Task ApplyAsync(SlicePlan plan, CancellationToken cancellationToken)
    {
        foreach (var slice in plan.Update)
        {
            _slices.Wrote(await _client.UpdateAsync(Kinds.EndpointSlice, slice, null, cancellationToken));
        }

        foreach (var slice in plan.Create)
        {
            _slices.Wrote(await _client.CreateAsync(Kinds.EndpointSlice, slice, cancellationToken));
        }

        foreach (var slice in plan.Delete)
        {
            await DeleteAsync(Kinds.EndpointSlice, slice, cancellationToken);
        }
    }

    private async Task ApplyAsync(V1Endpoints wish, CancellationToken cancellationToken)
    {
        var present = _endpoints.Get(wish.Metadata.NamespaceProperty, wish.Metadata.Name);
        if (present is null)
        {
            _endpoints.Wrote(await _client.CreateAsync(Kinds.Endpoints, wish, cancellationToken));
        }
        else if (!LegacyEndpoints.Same(present, wish))
        {
            wish.Metadata.ResourceVersion = present.Metadata.ResourceVersion;
            _endpoints.Wrote(await _client.UpdateAsync(Kinds.Endpoints, wish, null, cancellationToken));
        }
    }

    private Task<bool> DeleteAsync<T>(ResourceKind<T> kind, T obj, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<V1ObjectMeta> => _client.DeleteAsync(
            kind, obj.Metadata.NamespaceProperty, obj.Metadata.Name, new V1DeleteOptions { Preconditions = new V1Preconditions { Uid = obj.Metadata.Uid } }, cancellationToken);

    private static bool IsOwn(V1EndpointSlice slice) => slice.Metadata.Labels?.TryGetValue(SlicePlan.ManagedBy, out var by) == true && by == SlicePlan.Manager;
}
