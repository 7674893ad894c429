using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Admission;
using Kaji.ApiServer.Registry;

namespace Kaji.ApiServer.Allocation;

/// <summary>What Services are given.</summary>
/// <param name="ServiceCidr">IPv4 network of virtual addresses.</param>
public sealed record ServiceAllocationOptions(IPNetwork ServiceCidr)
{
    public int FirstNodePort { get; init; } = 30000;

    public int LastNodePort { get; init; } = 32767;
}

/// <summary>
/// Gives Services their virtual addresses and node ports, and refuses those that are taken. The Services themselves are the record of what is taken: it is read from them at
/// each allocation, under a gate that holds until the write has had its answer a moment later; the reservations of writes under way are kept beside.
/// </summary>
public sealed class ServiceAllocator(ServiceAllocationOptions options, TimeProvider time) : IAdmissionPlugin
{
    private static readonly ResourceInfo Services = BuiltInResources.Find("", "v1", "services")!;
    private static readonly TimeSpan ReservationTime = TimeSpan.FromSeconds(10);
    private readonly Dictionary<string, (string Owner, DateTimeOffset Until)> _reserved = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();

    public IObjectRegistry? Objects { get; set; }

    public string Name => "ServiceAllocator";

    public ValueTask<ApiError?> MutateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request is not { Resource: { Group: "", Plural: "services" }, Subresource: "", Object: { } service })
        {
            return ValueTask.FromResult<ApiError?>(null);
        }

        var errors = new List<FieldError>();
        lock (_gate)
        {
            Allocate(request, service, errors);
        }

        return ValueTask.FromResult(errors.Count == 0 ? null : ApiErrors.Invalid("", "Service", request.Name, errors));
    }

    private void Allocate(AdmissionRequest request, JsonObject service, List<FieldError> errors)
    {
        var spec = service.Ensure("spec");
        var old = request.OldObject.Obj("spec");
        var owner = $"{request.Namespace}/{request.Name}";
        var taken = new Lazy<HashSet<string>>(() => Taken(owner));
        if (spec.Str("type") == "ExternalName")
        {
            foreach (var field in (ReadOnlySpan<string>)["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"])
            {
                spec.Remove(field);
            }

            foreach (var port in spec.Items("ports"))
            {
                port.Remove("nodePort");
            }

            return;
        }

        if (spec.Str("clusterIP").Length == 0 && spec["clusterIPs"] is JsonArray { Count: > 0 } list)
        {
            spec["clusterIP"] = list[0].Text();
        }

        if (spec.Str("clusterIP").Length == 0 && old.Str("clusterIP").Length > 0)
        {
            spec["clusterIP"] = old.Str("clusterIP");
        }

        if (spec.Str("clusterIP").Length == 0)
        {
            if (FreeAddress(taken.Value) is not { } free)
            {
                errors.Add(new FieldError("FieldValueInvalid", "spec.clusterIPs", $"Invalid value: []: failed to allocate IP: range {options.ServiceCidr} is full"));
                return;
            }

            spec["clusterIP"] = free;
            Reserve(free, owner, request.DryRun);
        }
        else if (spec.Str("clusterIP") is var wanted and not "None" && wanted != old.Str("clusterIP"))
        {
            if (!IPAddress.TryParse(wanted, out var address) || !options.ServiceCidr.Contains(address))
            {
                errors.Add(new FieldError("FieldValueInvalid", "spec.clusterIPs", $"Invalid value: [\"{wanted}\"]: failed to allocate IP {wanted}: the provided IP is not in the valid range. The range of valid IPs is {options.ServiceCidr}"));
                return;
            }

            if (taken.Value.Contains(wanted))
            {
                errors.Add(new FieldError("FieldValueInvalid", "spec.clusterIPs", $"Invalid value: [\"{wanted}\"]: failed to allocate IP {wanted}: provided IP is already allocated"));
                return;
            }

            Reserve(wanted, owner, request.DryRun);
        }

        spec["clusterIPs"] = new JsonArray(spec.Str("clusterIP"));
        if (spec["ipFamilies"] is not JsonArray { Count: > 0 })
        {
            spec["ipFamilies"] = new JsonArray("IPv4");
        }

        spec.Default("ipFamilyPolicy", "SingleStack");
        NodePorts(spec, old, owner, taken, request.DryRun, errors);
    }

    private void NodePorts(JsonObject spec, JsonObject? old, string owner, Lazy<HashSet<string>> taken, bool dryRun, List<FieldError> errors)
    {
        var wanted = spec.Str("type") == "NodePort" || (spec.Str("type") == "LoadBalancer" && spec.Bool("allocateLoadBalancerNodePorts") != false);
        var index = 0;
        foreach (var port in spec.Items("ports"))
        {
            var at = $"spec.ports[{index++}].nodePort";
            var before = old.Items("ports").FirstOrDefault(p => p.Int("port") == port.Int("port") && p.Str("protocol") == port.Str("protocol")).Int("nodePort");
            if (!wanted && (port.Int("nodePort") is null or 0 || (spec.Str("type") == "ClusterIP" && port.Int("nodePort") == before)))
            {
                // What was given out is given back.
                port.Remove("nodePort");
                continue;
            }

            if (spec.Str("type") == "ClusterIP")
            {
                // Asked for where there can be none: validation says so.
                continue;
            }

            if (port.Int("nodePort") is null or 0)
            {
                var number = before ?? Enumerable.Range(0, 64).Select(_ => (long)RandomNumberGenerator.GetInt32(options.FirstNodePort, options.LastNodePort + 1))
                    .Concat(Enumerable.Range(options.FirstNodePort, options.LastNodePort - options.FirstNodePort + 1).Select(n => (long)n))
                    .FirstOrDefault(n => !taken.Value.Contains(PortKey(port, n)));
                if (number == 0)
                {
                    errors.Add(new FieldError("FieldValueInvalid", at, "Invalid value: 0: failed to allocate a nodePort: range is full"));
                    return;
                }

                port["nodePort"] = number;
            }
            else if (port.Int("nodePort") is { } asked && asked != before)
            {
                if (asked < options.FirstNodePort || asked > options.LastNodePort)
                {
                    errors.Add(new FieldError("FieldValueInvalid", at, $"Invalid value: {asked}: provided port is not in the valid range. The range of valid ports is {options.FirstNodePort}-{options.LastNodePort}"));
                    return;
                }

                if (taken.Value.Contains(PortKey(port, asked)))
                {
                    errors.Add(new FieldError("FieldValueInvalid", at, $"Invalid value: {asked}: provided port is already allocated"));
                    return;
                }
            }

            Reserve(PortKey(port, port.Int("nodePort")!.Value), owner, dryRun);
            taken.Value.Add(PortKey(port, port.Int("nodePort")!.Value));
        }
    }

    private HashSet<string> Taken(string owner)
    {
        var now = time.GetUtcNow();
        foreach (var stale in _reserved.Where(r => r.Value.Until < now).Select(r => r.Key).ToArray())
        {
            _reserved.Remove(stale);
        }

        var taken = _reserved.Where(r => r.Value.Owner != owner).Select(r => r.Key).ToHashSet(StringComparer.Ordinal);
        foreach (var service in Objects?.List(Services) ?? [])
        {
            if ($"{service.Obj("metadata").Str("namespace")}/{service.Obj("metadata").Str("name")}" == owner)
            {
                continue;
            }

            taken.Add(service.Obj("spec").Str("clusterIP"));
            foreach (var port in service.Obj("spec").Items("ports").Where(p => p.Int("nodePort") is > 0))
            {
                taken.Add(PortKey(port, port.Int("nodePort")!.Value));
            }
        }

        return taken;
    }

    /// <summary>An address from the range's upper part: the lower one is left for those who choose theirs (as Kubernetes does).</summary>
    private string? FreeAddress(HashSet<string> taken)
    {
        var bits = 32 - options.ServiceCidr.PrefixLength;
        var size = bits >= 31 ? int.MaxValue : 1 << bits;
        var first = BinaryPrimitives.ReadUInt32BigEndian(options.ServiceCidr.BaseAddress.GetAddressBytes());
        var reserved = Math.Min(Math.Max(16, size / 16), 256);
        var begin = RandomNumberGenerator.GetInt32(reserved, size - 1);
        for (var i = 0; i < size - 2; i++)
        {
            var offset = 1 + ((begin - 1 + i) % (size - 2));
            var bytes = new byte[4];
            BinaryPrimitives.WriteUInt32BigEndian(bytes, first + (uint)offset);
            var address = new IPAddress(bytes).ToString();
            if ((offset >= reserved || i > size - 2 - reserved) && !taken.Contains(address))
            {
                return address;
            }
        }

        return null;
    }

    private void Reserve(string what, string owner, bool dryRun)
    {
        if (!dryRun)
        {
            _reserved[what] = (owner, time.GetUtcNow() + ReservationTime);
        }
    }

    private static string PortKey(JsonObject port, long number) => $"{(port.Str("protocol") is { Length: > 0 } protocol ? protocol : "TCP")}:{number}";
}
