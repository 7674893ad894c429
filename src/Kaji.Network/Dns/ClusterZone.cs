using System.Globalization;
using System.Net;
using System.Net.Sockets;
using k8s.Models;
using Kaji.Client;
using Kaji.Network.Services;

namespace Kaji.Network.Dns;

/// <summary>
/// Answers about the cluster from the informers' copies, as "Kubernetes DNS-Based Service Discovery" 1.1 says: Services, headless Services and their endpoints, named
/// ports, Pods by address, external names, reverse names. No I/O.
/// </summary>
internal sealed class ClusterZone
{
    private const int MaxAliases = 4;
    private readonly ClusterDnsOptions _options;
    private readonly IInformer<V1Service> _services;
    private readonly EndpointSliceIndex _slices;
    private readonly ReverseIndex _reverse;
    private readonly string _domain;

    public ClusterZone(ClusterDnsOptions options, IInformer<V1Service> services, IInformer<V1EndpointSlice> slices)
    {
        _options = options;
        _services = services;
        _domain = options.Domain.TrimEnd('.').ToLowerInvariant();
        _slices = new EndpointSliceIndex(slices);
        _reverse = new ReverseIndex(services, slices);
    }

    /// <summary>The cluster's answer, or null when the name is none of the cluster's.</summary>
    public DnsAnswer? Answer(string name, ushort type) => Answer(name, type, 0);

    private DnsAnswer? Answer(string name, ushort type, int depth)
    {
        if (name == _domain)
        {
            return DnsAnswer.NoData;
        }

        if (!name.EndsWith("." + _domain, StringComparison.Ordinal))
        {
            return name.EndsWith(".in-addr.arpa", StringComparison.Ordinal) ? Reverse(name, type) : null;
        }

        var labels = name[..^(_domain.Length + 1)].Split('.');
        return labels[^1] switch
        {
            "svc" => Service(name, labels.AsSpan(0, labels.Length - 1), type, depth),
            "pod" => Pod(name, labels, type),
            "dns-version" when labels.Length == 1 => type is DnsType.Txt or DnsType.Any ? DnsAnswer.Of([new DnsData(name, DnsType.Txt) { Text = "1.1.0" }]) : DnsAnswer.NoData,
            _ => DnsAnswer.NameError,
        };
    }

    // labels, from the left: [_port _proto | hostname] service namespace
    private DnsAnswer Service(string name, ReadOnlySpan<string> labels, ushort type, int depth)
    {
        if (labels.Length < 2)
        {
            return labels.Length == 0 || _services.List(labels[0]).Count > 0 ? DnsAnswer.NoData : DnsAnswer.NameError;
        }

        var ns = labels[^1];
        if (_services.Get(ns, labels[^2]) is not { Spec: { } spec } service)
        {
            return DnsAnswer.NameError;
        }

        var own = $"{service.Metadata.Name}.{ns}.svc.{_domain}";
        if (spec.Type == "ExternalName")
        {
            return labels.Length == 2 ? External(name, spec.ExternalName, type, depth) : DnsAnswer.NameError;
        }

        var headless = spec.ClusterIP is null or "" or "None";
        switch (labels.Length)
        {
            case 2 when headless:
                var endpoints = Endpoints(ns, service);
                return endpoints.Count == 0 ? DnsAnswer.NameError : Addresses(name, endpoints.Select(e => e.Address), type);
            case 2:
                return Addresses(name, (spec.ClusterIPs is { Count: > 0 } many ? many : [spec.ClusterIP!]).Select(IPAddress.Parse), type);
            case 3 when headless && !labels[0].StartsWith('_'):
                var host = labels[0];
                var named = Endpoints(ns, service).Where(e => e.Host == host).Select(e => e.Address).ToList();
                return named.Count == 0 ? DnsAnswer.NameError : Addresses(name, named, type);
            case 3 when labels[0] is "_tcp" or "_udp" or "_sctp":
                return DnsAnswer.NoData;
            case 4 when labels[0].StartsWith('_') && labels[1].StartsWith('_'):
                return Ports(name, labels[0][1..], labels[1][1..], service, own, headless, type);
            default:
                return DnsAnswer.NameError;
        }
    }

    private DnsAnswer Ports(string name, string port, string protocol, V1Service service, string own, bool headless, ushort type)
    {
        var records = new List<DnsData>();
        var additional = new List<DnsData>();
        if (headless)
        {
            foreach (var endpoint in Endpoints(service.Metadata.NamespaceProperty, service))
            {
                var target = $"{endpoint.Host}.{own}";
                foreach (var number in endpoint.Ports.Where(p => p.Name == port && p.Protocol.Equals(protocol, StringComparison.OrdinalIgnoreCase)).Select(p => p.Number))
                {
                    records.Add(new DnsData(name, DnsType.Srv) { Target = target, Port = number });
                    additional.Add(Address(target, endpoint.Address));
                }
            }
        }
        else if (service.Spec.Ports?.FirstOrDefault(p => p.Name == port && (p.Protocol ?? "TCP").Equals(protocol, StringComparison.OrdinalIgnoreCase)) is { } found)
        {
            records.Add(new DnsData(name, DnsType.Srv) { Target = own, Port = found.Port });
            additional.AddRange((service.Spec.ClusterIPs is { Count: > 0 } many ? many : [service.Spec.ClusterIP]).Select(ip => Address(own, IPAddress.Parse(ip))));
        }

        return records.Count == 0 ? DnsAnswer.NameError
            : type is DnsType.Srv or DnsType.Any ? new DnsAnswer(DnsCode.NoError, records, additional) : DnsAnswer.NoData;
    }

    private DnsAnswer External(string name, string? target, ushort type, int depth)
    {
        target = target?.TrimEnd('.').ToLowerInvariant() ?? "";
        if (!DnsName.IsWritable(target) || depth >= MaxAliases)
        {
            return DnsAnswer.NameError;
        }

        var alias = new DnsData(name, DnsType.Cname) { Target = target };
        if (type == DnsType.Cname)
        {
            return DnsAnswer.Of([alias]);
        }

        return Answer(target, type, depth + 1) is { } inside
            ? inside with { Code = DnsCode.NoError, Records = [alias, .. inside.Records] }
            : DnsAnswer.Of([alias]) with { Outside = target };
    }

    // 10-244-0-5.NAMESPACE.pod: the address is in the name.
    private DnsAnswer Pod(string name, string[] labels, ushort type)
    {
        if (labels.Length < 3)
        {
            return DnsAnswer.NoData;
        }

        return labels.Length == 3 && IPAddress.TryParse(labels[0].Replace('-', '.'), out var address) && labels[0].Count(c => c == '-') == 3
            ? Addresses(name, [address], type)
            : DnsAnswer.NameError;
    }

    private DnsAnswer? Reverse(string name, ushort type)
    {
        var parts = name.Split('.');
        if (parts.Length != 6 || !IPAddress.TryParse($"{parts[3]}.{parts[2]}.{parts[1]}.{parts[0]}", out var address))
        {
            return null;
        }

        var names = _reverse.NamesOf(address.ToString());
        if (names.Count == 0)
        {
            return _options.ReverseZones.Any(z => z.Contains(address)) ? DnsAnswer.NameError : null;
        }

        return type is DnsType.Ptr or DnsType.Any
            ? DnsAnswer.Of([.. names.Select(n => new DnsData(name, DnsType.Ptr) { Target = $"{n}.svc.{_domain}" })])
            : DnsAnswer.NoData;
    }

    private List<HeadlessEndpoint> Endpoints(string ns, V1Service service) =>
        [.. _slices.Of($"{ns}/{service.Metadata.Name}").SelectMany(s => HeadlessEndpoint.Of(s, service.Spec.PublishNotReadyAddresses ?? false))
            .DistinctBy(e => (e.Address, e.Host, string.Join(',', e.Ports.Select(p => p.Number))))];

    private static DnsAnswer Addresses(string name, IEnumerable<IPAddress> addresses, ushort type)
    {
        var records = addresses.Distinct().Where(a => type == DnsType.Any || type == (a.AddressFamily == AddressFamily.InterNetwork ? DnsType.A : DnsType.Aaaa))
            .Select(a => Address(name, a)).ToArray();
        Random.Shared.Shuffle(records);
        return DnsAnswer.Of(records);
    }

    private static DnsData Address(string name, IPAddress address) =>
        new(name, address.AddressFamily == AddressFamily.InterNetwork ? DnsType.A : DnsType.Aaaa) { Address = address };
}

/// <summary>An endpoint of a headless Service as DNS shows it: under its hostname, else under its address with dashes.</summary>
internal sealed record HeadlessEndpoint(IPAddress Address, string Host, bool HasHostname, IReadOnlyList<(string Name, string Protocol, int Number)> Ports)
{
    public static IEnumerable<HeadlessEndpoint> Of(V1EndpointSlice slice, bool publishNotReady)
    {
        var ports = slice.Ports?.Where(p => p.Port is not null).Select(p => (p.Name ?? "", p.Protocol ?? "TCP", p.Port!.Value)).ToList() ?? [];
        foreach (var endpoint in slice.Endpoints ?? [])
        {
            if (!publishNotReady && !(endpoint.Conditions?.Ready ?? true))
            {
                continue;
            }

            foreach (var text in endpoint.Addresses ?? [])
            {
                if (IPAddress.TryParse(text, out var address))
                {
                    var named = !string.IsNullOrEmpty(endpoint.Hostname);
                    var host = named ? endpoint.Hostname.ToLowerInvariant() : string.Create(CultureInfo.InvariantCulture, $"{address}").Replace('.', '-').Replace(':', '-');
                    yield return new HeadlessEndpoint(address, host, named, ports);
                }
            }
        }
    }
}
