using System.Net;
using System.Net.Sockets;
using k8s.Models;

namespace Kaji.Network.Services;

/// <summary>Where a Service's packets may go.</summary>
internal readonly record struct Backend(string Address, int Port) : IComparable<Backend>
{
    public int CompareTo(Backend other) => string.CompareOrdinal(Address, other.Address) is var order && order != 0 ? order : Port.CompareTo(other.Port);
}

/// <summary>
/// Which endpoints serve, as kube-proxy chooses: the ready ones; when there is none, those that still serve while terminating, so that a rolling update
/// of a single replica drops nothing.
/// </summary>
internal static class EndpointSelection
{
    /// <summary>The IPv4 backends of one port, sorted. <paramref name="nodeName"/> limits to one node.</summary>
    public static List<Backend> Choose(IReadOnlyList<V1EndpointSlice> slices, V1ServicePort port, string? nodeName)
    {
        var ready = new SortedSet<Backend>();
        var serving = new SortedSet<Backend>();
        foreach (var slice in slices)
        {
            if (slice.AddressType != "IPv4" || slice.Endpoints is null)
            {
                continue;
            }

            var target = slice.Ports?.FirstOrDefault(p => (p.Name ?? "") == (port.Name ?? "") && (p.Protocol ?? "TCP") == (port.Protocol ?? "TCP"))?.Port;
            if (target is not { } number)
            {
                continue;
            }

            foreach (var endpoint in slice.Endpoints)
            {
                if (nodeName is not null && endpoint.NodeName != nodeName)
                {
                    continue;
                }

                var conditions = endpoint.Conditions;
                var chosen = conditions?.Ready ?? true ? ready : (conditions?.Serving ?? false) && (conditions?.Terminating ?? false) ? serving : null;
                if (chosen is not null && endpoint.Addresses?.FirstOrDefault() is { } address && IPAddress.TryParse(address, out var ip) && ip.AddressFamily == AddressFamily.InterNetwork)
                {
                    chosen.Add(new Backend(address, number));
                }
            }
        }

        return [.. ready.Count > 0 ? ready : serving];
    }
}
