using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using k8s.Models;

namespace Kaji.Network.Services;

/// <summary>
/// From a Service and its EndpointSlices to its <see cref="ServiceFragment"/>; pure. A port <c>http</c> 80 of default/web with two endpoints and a node port becomes
/// <code>
/// chain i_1f… { meta l4proto tcp dnat ip addr . port to numgen random mod 2 map { 0 : 10.244.0.5 . 8080, 1 : 10.244.0.6 . 8080 } }
/// services  { 10.96.4.2 . tcp . 80 : goto i_1f… }
/// chain e_1f… { meta mark set meta mark or 0x4000 ; (as above) }
/// nodeports { tcp . 30080 : goto e_1f… }
/// </code>
/// </summary>
internal static class ServiceCompiler
{
    public const string Services = "services";
    public const string NodePorts = "nodeports";
    public const string RejectAddresses = "reject_addresses";
    public const string RejectNodePorts = "reject_nodeports";
    private const int DefaultAffinitySeconds = 10800;

    public static ServiceFragment Compile(V1Service service, IReadOnlyList<V1EndpointSlice> slices, ServiceProxyOptions options)
    {
        var spec = service.Spec;
        if (spec?.ClusterIP is null or "" or "None" || spec.Type == "ExternalName" || spec.Ports is null)
        {
            return ServiceFragment.Empty;
        }

        var fragment = new ServiceFragment();
        foreach (var port in spec.Ports)
        {
            Port(fragment, service, port, slices, options);
        }

        return fragment;
    }

    private static void Port(ServiceFragment fragment, V1Service service, V1ServicePort port, IReadOnlyList<V1EndpointSlice> slices, ServiceProxyOptions options)
    {
        var spec = service.Spec;
        var protocol = (port.Protocol ?? "TCP").ToLowerInvariant();
        var id = Hash($"{service.Metadata.NamespaceProperty}/{service.Metadata.Name}/{protocol}/{port.Port}");
        var all = EndpointSelection.Choose(slices, port, nodeName: null);
        var local = spec.InternalTrafficPolicy == "Local" || spec.ExternalTrafficPolicy == "Local" ? EndpointSelection.Choose(slices, port, options.NodeName) : all;
        var affinity = spec.SessionAffinity == "ClientIP" ? spec.SessionAffinityConfig?.ClientIP?.TimeoutSeconds ?? DefaultAffinitySeconds : 0;
        var builder = new ChainBuilder(fragment, id, protocol, affinity);

        var inside = spec.InternalTrafficPolicy == "Local" ? local : all;
        var insideVerdict = Verdict(builder, "i", inside, all, []);
        foreach (var address in Addresses(spec.ClusterIPs is { Count: > 0 } many ? many : [spec.ClusterIP]))
        {
            Address(fragment, address, protocol, port.Port, insideVerdict);
            Udp(fragment, protocol, address, port.Port, inside);
        }

        var external = Addresses([.. spec.ExternalIPs ?? [], .. service.Status?.LoadBalancer?.Ingress?.Select(i => i.Ip ?? "") ?? []]).ToList();
        if (external.Count == 0 && port.NodePort is null or 0)
        {
            return;
        }

        var outsideLocal = spec.ExternalTrafficPolicy == "Local";
        var outside = outsideLocal ? local : all;
        string[] lead = [];
        if (!outsideLocal)
        {
            // The answer of a Pod on another node must come back this way: marked for masquerade.
            lead = ["meta mark set meta mark or 0x4000"];
        }
        else if (!local.SequenceEqual(all) && all.Count > 0)
        {
            // Callers inside the cluster are not bound by the policy for the outside.
            builder.Chain("a", all, []);
            lead = [$"ip saddr {options.ClusterCidr} goto a_{id}", $"fib saddr type local goto a_{id}"];
        }

        var outsideVerdict = Verdict(builder, "e", outside, all, lead);
        foreach (var address in external)
        {
            Address(fragment, address, protocol, port.Port, outsideVerdict);
            Udp(fragment, protocol, address, port.Port, outside);
        }

        if (port.NodePort is > 0 and { } nodePort)
        {
            var key = $"{protocol} . {nodePort}";
            if (outsideVerdict is null)
            {
                fragment.Elements[(RejectNodePorts, key)] = "";
            }
            else
            {
                fragment.Elements[(NodePorts, key)] = outsideVerdict;
            }

            Udp(fragment, protocol, "", nodePort, outside);
        }
    }

    // Null means refuse; with endpoints elsewhere but none that the policy allows, packets are dropped so that a load balancer tries another node.
    private static string? Verdict(ChainBuilder builder, string prefix, List<Backend> chosen, List<Backend> all, string[] lead)
    {
        if (chosen.Count > 0 || (all.Count > 0 && lead.Length > 0 && lead[0].StartsWith("ip saddr", StringComparison.Ordinal)))
        {
            return "goto " + builder.Chain(prefix, chosen, lead);
        }

        return all.Count > 0 ? "drop" : null;
    }

    private static void Address(ServiceFragment fragment, string address, string protocol, int port, string? verdict)
    {
        var key = $"{address} . {protocol} . {port}";
        if (verdict is null)
        {
            fragment.Elements[(RejectAddresses, key)] = "";
        }
        else
        {
            fragment.Elements[(Services, key)] = verdict;
        }
    }

    private static void Udp(ServiceFragment fragment, string protocol, string address, int port, IReadOnlyList<Backend> backends)
    {
        if (protocol == "udp")
        {
            fragment.UdpPorts.Add(new UdpPort(address, port, backends));
        }
    }

    private static IEnumerable<string> Addresses(IEnumerable<string> candidates) =>
        candidates.Where(a => IPAddress.TryParse(a, out var ip) && ip.AddressFamily == AddressFamily.InterNetwork).Distinct(StringComparer.Ordinal);

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 8));

    /// <summary>Writes the chains of one port; those of single endpoints (needed for affinity) once.</summary>
    private sealed class ChainBuilder(ServiceFragment fragment, string id, string protocol, int affinitySeconds)
    {
        private readonly HashSet<string> _written = new(StringComparer.Ordinal);

        public string Chain(string prefix, List<Backend> backends, string[] lead)
        {
            var name = $"{prefix}_{id}";
            var rules = new List<string>(lead);
            foreach (var backend in backends)
            {
                fragment.HairpinAddresses.Add(backend.Address);
            }

            if (backends.Count == 0)
            {
                rules.Add("drop");
            }
            else if (affinitySeconds > 0)
            {
                var chains = backends.ConvertAll(EndpointChain);
                rules.AddRange(chains.Select(c => $"ip saddr @s{c} goto {c}"));
                rules.Add(chains.Count == 1 ? $"goto {chains[0]}" : $"numgen random mod {chains.Count} vmap {{ {string.Join(", ", chains.Select((c, i) => $"{i} : goto {c}"))} }}");
            }
            else if (backends.Count == 1)
            {
                rules.Add($"meta l4proto {protocol} dnat to {backends[0].Address}:{backends[0].Port}");
            }
            else
            {
                var map = string.Join(", ", backends.Select((b, i) => $"{i} : {b.Address} . {b.Port}"));
                rules.Add($"meta l4proto {protocol} dnat ip addr . port to numgen random mod {backends.Count} map {{ {map} }}");
            }

            if (_written.Add(name))
            {
                fragment.Chains.Add(new KeyValuePair<string, string[]>(name, [.. rules]));
            }

            return name;
        }

        private string EndpointChain(Backend backend)
        {
            var name = $"p_{id}_{Hash($"{backend.Address}:{backend.Port}")}";
            if (_written.Add(name))
            {
                fragment.AffinitySets["s" + name] = affinitySeconds;
                fragment.Chains.Add(new KeyValuePair<string, string[]>(name, [$"update @s{name} {{ ip saddr }}", $"meta l4proto {protocol} dnat to {backend.Address}:{backend.Port}"]));
            }

            return name;
        }
    }
}
