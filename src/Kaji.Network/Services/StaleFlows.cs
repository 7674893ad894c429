using Kaji.Linux.Netlink;

namespace Kaji.Network.Services;

/// <summary>
/// Tracked UDP flows that no longer lead where their Service does: to an endpoint that is gone, or nowhere because the Service had none when they began.
/// TCP needs nothing: established connections go on to where they are, and a dead endpoint's host resets them.
/// </summary>
internal static class StaleFlows
{
    private const byte Udp = 17;

    /// <summary>Whether a flow is stale after each of <paramref name="changes"/> (old and new fragment of a Service); null when no UDP port changed.</summary>
    public static Func<ConntrackFlow, bool>? After(IReadOnlyList<(ServiceFragment Old, ServiceFragment New)> changes)
    {
        var gone = new HashSet<(int Port, string Address, int BackendPort)>();
        var begun = new HashSet<(string VirtualIP, int Port)>();
        foreach (var (old, next) in changes)
        {
            var now = next.UdpPorts.ToDictionary(p => (p.VirtualIP, p.Port), p => p.Backends);
            foreach (var port in old.UdpPorts)
            {
                var left = now.GetValueOrDefault((port.VirtualIP, port.Port), []);
                gone.UnionWith(port.Backends.Except(left).Select(b => (port.Port, b.Address, b.Port)));
            }

            var before = old.UdpPorts.Where(p => p.Backends.Count > 0).Select(p => (p.VirtualIP, p.Port)).ToHashSet();
            begun.UnionWith(next.UdpPorts.Where(p => p.Backends.Count > 0 && p.VirtualIP.Length > 0).Select(p => (p.VirtualIP, p.Port)).Where(p => !before.Contains(p)));
        }

        if (gone.Count == 0 && begun.Count == 0)
        {
            return null;
        }

        return flow => flow.Protocol == Udp
            && (flow.ReplySource.Equals(flow.Destination)
                ? begun.Contains((flow.Destination.ToString(), flow.DestinationPort))
                : gone.Contains((flow.DestinationPort, flow.ReplySource.ToString(), flow.ReplySourcePort)));
    }
}
