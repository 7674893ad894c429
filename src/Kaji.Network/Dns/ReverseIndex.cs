using k8s.Models;
using Kaji.Client;

namespace Kaji.Network.Dns;

/// <summary>From an address to names (without <c>.svc.DOMAIN</c>): a Service's for its virtual address, HOST.SERVICE.NAMESPACE for an endpoint with a hostname.</summary>
internal sealed class ReverseIndex
{
    private const string ServiceLabel = "kubernetes.io/service-name";
    private readonly Lock _lock = new();
    private readonly Dictionary<string, SortedSet<string>> _names = new(StringComparer.Ordinal);

    public ReverseIndex(IInformer<V1Service> services, IInformer<V1EndpointSlice> slices)
    {
        services.Subscribe(e => Replace(Of(e.Old), Of(e.New)));
        slices.Subscribe(e => Replace(Of(e.Old), Of(e.New)));
    }

    public IReadOnlyList<string> NamesOf(string address)
    {
        lock (_lock)
        {
            return _names.TryGetValue(address, out var names) ? [.. names] : [];
        }
    }

    private void Replace(List<(string Address, string Name)> old, List<(string Address, string Name)> next)
    {
        lock (_lock)
        {
            foreach (var (address, name) in old)
            {
                if (_names.TryGetValue(address, out var names) && names.Remove(name) && names.Count == 0)
                {
                    _names.Remove(address);
                }
            }

            foreach (var (address, name) in next)
            {
                if (!_names.TryGetValue(address, out var names))
                {
                    _names[address] = names = new SortedSet<string>(StringComparer.Ordinal);
                }

                names.Add(name);
            }
        }
    }

    private static List<(string Address, string Name)> Of(V1Service? service)
    {
        if (service?.Spec?.ClusterIP is null or "" or "None")
        {
            return [];
        }

        var addresses = service.Spec.ClusterIPs is { Count: > 0 } many ? many : [service.Spec.ClusterIP];
        return [.. addresses.Select(a => (a, $"{service.Metadata.Name}.{service.Metadata.NamespaceProperty}"))];
    }

    private static List<(string Address, string Name)> Of(V1EndpointSlice? slice)
    {
        if (slice?.Metadata.Labels is not { } labels || !labels.TryGetValue(ServiceLabel, out var service))
        {
            return [];
        }

        return [.. HeadlessEndpoint.Of(slice, publishNotReady: false).Where(e => e.HasHostname).Select(e => (e.Address.ToString(), $"{e.Host}.{service}.{slice.Metadata.NamespaceProperty}"))];
    }
}
