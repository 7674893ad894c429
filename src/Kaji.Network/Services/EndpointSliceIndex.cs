using k8s.Models;
using Kaji.Client;

namespace Kaji.Network.Services;

/// <summary>EndpointSlices by their Service (label kubernetes.io/service-name), kept from the informer's events; for proxy and DNS.</summary>
public sealed class EndpointSliceIndex
{
    private const string ServiceLabel = "kubernetes.io/service-name";
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Dictionary<string, V1EndpointSlice>> _byService = new(StringComparer.Ordinal);

    /// <summary>Follows the informer; <paramref name="changed"/> gets the key NAMESPACE/NAME of each Service touched.</summary>
    public EndpointSliceIndex(IInformer<V1EndpointSlice> slices, Action<string>? changed = null) => slices.Subscribe(e => Apply(e, changed));

    /// <summary>The slices of a Service, sorted by name.</summary>
    public IReadOnlyList<V1EndpointSlice> Of(string serviceKey)
    {
        lock (_lock)
        {
            return _byService.TryGetValue(serviceKey, out var slices) ? slices.OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => s.Value).ToList() : [];
        }
    }

    private void Apply(InformerEvent<V1EndpointSlice> e, Action<string>? changed)
    {
        var before = KeyOf(e.Old);
        var after = KeyOf(e.New);
        lock (_lock)
        {
            if (before is not null && before != after && _byService.TryGetValue(before, out var old))
            {
                old.Remove(e.Old!.Metadata.Name);
                if (old.Count == 0)
                {
                    _byService.Remove(before);
                }
            }

            if (after is not null)
            {
                if (!_byService.TryGetValue(after, out var slices))
                {
                    _byService[after] = slices = new Dictionary<string, V1EndpointSlice>(StringComparer.Ordinal);
                }

                slices[e.New!.Metadata.Name] = e.New;
            }
        }

        foreach (var key in new[] { before, after }.Distinct())
        {
            if (key is not null)
            {
                changed?.Invoke(key);
            }
        }
    }

    private static string? KeyOf(V1EndpointSlice? slice) =>
        slice?.Metadata.Labels is { } labels && labels.TryGetValue(ServiceLabel, out var name) ? $"{slice.Metadata.NamespaceProperty}/{name}" : null;
}
