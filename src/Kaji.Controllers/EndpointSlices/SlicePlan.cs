using k8s.Models;
using Kaji.Client;

namespace Kaji.Controllers.EndpointSlices;

/// <summary>
/// What to write so that a Service's slices hold its endpoints, at most a hundred each. An endpoint stays in the slice where it is, so that one Pod's change rewrites one slice.
/// Pure: the slices given are not changed.
/// </summary>
internal sealed record SlicePlan(IReadOnlyList<V1EndpointSlice> Create, IReadOnlyList<V1EndpointSlice> Update, IReadOnlyList<V1EndpointSlice> Delete)
{
    public const int PerSlice = 100;
    public const string ServiceName = "kubernetes.io/service-name";
    public const string ManagedBy = "endpointslice.kubernetes.io/managed-by";
    public const string Manager = "endpointslice-controller.k8s.io";
    private const string Headless = "service.kubernetes.io/headless";
    private const string Ipv4 = "IPv4";

    /// <param name="own">The slices of the Service that this controller manages.</param>
    /// <param name="groups">What they shall hold; a Service without Pods keeps one empty slice.</param>
    public static SlicePlan Of(V1Service service, IEnumerable<V1EndpointSlice> own, IReadOnlyList<EndpointPlan> groups)
    {
        var (create, update, delete) = (new List<V1EndpointSlice>(), new List<V1EndpointSlice>(), new List<V1EndpointSlice>());
        var owned = own.ToLookup(s => s.AddressType == Ipv4 && s.Metadata.DeletionTimestamp is null && (s.Metadata.OwnerReferences ?? []).Any(o => o.Uid == service.Metadata.Uid));
        delete.AddRange(owned[false]);
        var present = owned[true].OrderBy(s => s.Metadata.Name, StringComparer.Ordinal).ToLookup(s => EndpointPlan.Key(s.Ports), StringComparer.Ordinal);
        var spare = new List<V1EndpointSlice>();
        IReadOnlyList<EndpointPlan> wanted = groups.Count > 0 ? groups : [new EndpointPlan([], [])];
        foreach (var group in wanted)
        {
            Fill(service, group, present[EndpointPlan.Key(group.Ports)], create, update, spare);
        }

        var kept = wanted.Select(g => EndpointPlan.Key(g.Ports)).ToHashSet(StringComparer.Ordinal);
        spare.AddRange(present.Where(g => !kept.Contains(g.Key)).SelectMany(g => g));

        // A slice that is to go and one that is to come are one that changes.
        while (spare.Count > 0 && create.Count > 0)
        {
            update.Add(With(service, spare[^1], new EndpointPlan([.. create[^1].Ports], [.. create[^1].Endpoints])));
            spare.RemoveAt(spare.Count - 1);
            create.RemoveAt(create.Count - 1);
        }

        return new SlicePlan(create, update, [.. delete, .. spare]);
    }

    private static void Fill(V1Service service, EndpointPlan group, IEnumerable<V1EndpointSlice> slices, List<V1EndpointSlice> create, List<V1EndpointSlice> update, List<V1EndpointSlice> spare)
    {
        var left = new Dictionary<string, V1Endpoint>(StringComparer.Ordinal);
        foreach (var endpoint in group.Endpoints)
        {
            left[Id(endpoint)] = endpoint;
        }

        var held = slices.Select(s => (Slice: s, Endpoints: (s.Endpoints ?? []).Select(e => left.Remove(Id(e), out var stays) ? stays : null).OfType<V1Endpoint>().ToList())).ToArray();
        var coming = new Queue<V1Endpoint>(group.Endpoints.Where(e => left.ContainsKey(Id(e))));
        foreach (var (_, endpoints) in held.OrderByDescending(h => h.Endpoints.Count))
        {
            while (endpoints.Count < PerSlice && coming.TryDequeue(out var next))
            {
                endpoints.Add(next);
            }
        }

        var placeholder = group.Endpoints.Count == 0;
        foreach (var (slice, endpoints) in held)
        {
            if (endpoints.Count == 0 && !placeholder)
            {
                spare.Add(slice);
                continue;
            }

            placeholder = false;
            var next = With(service, slice, new EndpointPlan(group.Ports, endpoints));
            if (!Same(slice, next))
            {
                update.Add(next);
            }
        }

        create.AddRange(coming.Chunk(PerSlice).Select(chunk => Make(service, new EndpointPlan(group.Ports, chunk))));
        if (placeholder)
        {
            create.Add(Make(service, group));
        }
    }

    private static string Id(V1Endpoint endpoint) => endpoint.TargetRef?.Uid ?? string.Join(',', endpoint.Addresses);

    private static V1EndpointSlice With(V1Service service, V1EndpointSlice slice, EndpointPlan content)
    {
        var next = ModelJson.Clone(slice);
        (next.Ports, next.Endpoints, next.Metadata.Labels) = ([.. content.Ports], [.. content.Endpoints], Labels(service));
        return next;
    }

    private static V1EndpointSlice Make(V1Service service, EndpointPlan content) => new()
    {
        Metadata = new V1ObjectMeta
        {
            GenerateName = service.Metadata.Name + "-", NamespaceProperty = service.Metadata.NamespaceProperty, Labels = Labels(service),
            OwnerReferences = [new V1OwnerReference { ApiVersion = "v1", Kind = "Service", Name = service.Metadata.Name, Uid = service.Metadata.Uid, Controller = true, BlockOwnerDeletion = true }],
        },
        AddressType = Ipv4,
        Ports = [.. content.Ports],
        Endpoints = [.. content.Endpoints],
    };

    private static Dictionary<string, string> Labels(V1Service service)
    {
        var labels = new Dictionary<string, string>(service.Metadata.Labels ?? new Dictionary<string, string>(StringComparer.Ordinal), StringComparer.Ordinal);
        labels.Remove(Headless);
        if (service.Spec.ClusterIP == "None")
        {
            labels[Headless] = "";
        }

        labels[ServiceName] = service.Metadata.Name;
        labels[ManagedBy] = Manager;
        return labels;
    }

    private static bool Same(V1EndpointSlice a, V1EndpointSlice b)
    {
        static byte[] Content(V1EndpointSlice s) => ModelJson.Serialize(new V1EndpointSlice { AddressType = s.AddressType, Endpoints = s.Endpoints ?? [], Ports = s.Ports ?? [] });
        var (x, y) = (a.Metadata.Labels ?? new Dictionary<string, string>(StringComparer.Ordinal), b.Metadata.Labels);
        return x.Count == y.Count && x.All(l => y.TryGetValue(l.Key, out var value) && value == l.Value) && Content(a).AsSpan().SequenceEqual(Content(b));
    }
}
