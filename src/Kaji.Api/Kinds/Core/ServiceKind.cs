using System.Globalization;
using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core;

/// <summary>Service: addresses and node ports are given out by the API server's allocator; here is what needs no allocation.</summary>
internal sealed class ServiceKind : StatusKind
{
    private const string OnlyLoadBalancer = "may only be used when `type` is 'LoadBalancer'";

    public override bool HasGeneration => false;

    public override IReadOnlyList<string> SelectableFields => ["spec.clusterIP", "spec.type"];

    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        spec.Default("type", "ClusterIP");
        spec.Default("sessionAffinity", "None");
        if (spec.Str("sessionAffinity") == "None")
        {
            spec.Remove("sessionAffinityConfig");
        }
        else if (spec.Str("sessionAffinity") == "ClientIP")
        {
            spec.Ensure("sessionAffinityConfig").Ensure("clientIP").Default("timeoutSeconds", 10800);
        }

        if (spec.Str("type") is not "ExternalName")
        {
            spec.Default("internalTrafficPolicy", "Cluster");
        }

        if (spec.Str("type") is "NodePort" or "LoadBalancer" || (spec.Str("type") == "ClusterIP" && spec["externalIPs"] is JsonArray { Count: > 0 }))
        {
            spec.Default("externalTrafficPolicy", "Cluster");
        }

        if (spec.Str("type") is "LoadBalancer")
        {
            spec.Default("allocateLoadBalancerNodePorts", true);
        }

        foreach (var port in spec.Items("ports"))
        {
            port.Default("protocol", "TCP");
            if (port["targetPort"].Text() is "" or "0")
            {
                port["targetPort"] = port["port"]?.DeepClone();
            }
        }
    }

    public override void PrepareForCreate(JsonObject obj) => obj["status"] = new JsonObject { ["loadBalancer"] = new JsonObject() };

    /// <summary>What belonged to the former type goes with it, unless the client has just set it.</summary>
    public override void PrepareForUpdate(JsonObject obj, JsonObject old)
    {
        base.PrepareForUpdate(obj, old);
        var (spec, before) = (obj.Ensure("spec"), old.Obj("spec") ?? []);
        void Drop(string field, bool needed)
        {
            if (!needed && JsonNode.DeepEquals(spec[field], before[field]))
            {
                spec.Remove(field);
            }
        }

        var balanced = spec.Str("type") == "LoadBalancer";
        Drop("allocateLoadBalancerNodePorts", balanced);
        Drop("loadBalancerClass", balanced);
        Drop("healthCheckNodePort", balanced && spec.Str("externalTrafficPolicy") == "Local");
        Drop("externalTrafficPolicy", spec.Str("type") is "LoadBalancer" or "NodePort" || (spec.Str("type") == "ClusterIP" && spec["externalIPs"] is JsonArray { Count: > 0 }));
        if (before.Str("type") == "ExternalName" && spec.Str("type") != "ExternalName")
        {
            Drop("externalName", needed: false);
        }
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        var type = spec.Str("type");
        var headless = spec.Str("clusterIP") == "None";
        spec.OneOf("type", "ClusterIP", "ExternalName", "LoadBalancer", "NodePort");
        if (!spec.HasAny("ports") && !headless && type != "ExternalName")
        {
            spec.Required("ports");
        }

        switch (type)
        {
            case "LoadBalancer" or "NodePort" when headless:
                errors.Invalid("spec.clusterIPs[0]", "None", $"may not be set to 'None' for {type} services");
                break;
            case "ExternalName":
                foreach (var field in (ReadOnlySpan<string>)["clusterIPs", "ipFamilies", "ipFamilyPolicy"])
                {
                    if (spec.Has(field) && (field == "ipFamilyPolicy" || spec.HasAny(field)))
                    {
                        spec.Forbidden(field, "may not be set for ExternalName services");
                    }
                }

                if (spec.Str("externalName").Length == 0)
                {
                    spec.Required("externalName");
                }
                else if (Names.Dns1123SubdomainErrors(spec.Str("externalName").TrimEnd('.')) is [var problem, ..])
                {
                    spec.Invalid("externalName", spec.Str("externalName"), problem);
                }

                break;
        }

        Ports(spec, type);
        spec.Labels("selector");
        spec.RequiredOneOf("sessionAffinity", "ClientIP", "None");
        if (spec.Str("sessionAffinity") == "ClientIP" && spec.Of("sessionAffinityConfig").Of("clientIP") is var client && client.Int("timeoutSeconds") is not (> 0 and <= 86400))
        {
            client.Invalid("timeoutSeconds", client.Int("timeoutSeconds") ?? 0, "must be greater than 0 and less than 86400");
        }

        Addresses(spec);
        Traffic(spec, type);
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        var (now, before) = (obj.Obj("spec") ?? [], old.Obj("spec") ?? []);
        var changed = now.Str("clusterIP") != before.Str("clusterIP");
        if (now.Str("type") != "ExternalName" && before.Str("type") != "ExternalName" && before.Str("clusterIP").Length > 0 && changed)
        {
            errors.Invalid("spec.clusterIPs[0]", now["clusterIPs"] ?? new JsonArray(now.Str("clusterIP")), "may not change once set");
        }

        if (before.Str("type") == "LoadBalancer" && now.Str("type") == "LoadBalancer")
        {
            new Fields(now, "spec", errors).Same("loadBalancerClass", before, "may not change once set");
        }
    }

    public override void Warn(JsonObject obj, JsonObject? old, Action<string> warn)
    {
        var spec = obj.Obj("spec") ?? [];
        var (type, external) = (spec.Str("type"), spec["externalIPs"] is JsonArray { Count: > 0 });
        var headless = type == "ClusterIP" && spec.Str("clusterIP") == "None";
        if (obj.Obj("metadata").Obj("annotations")?.ContainsKey("service.kubernetes.io/topology-aware-hints") == true)
        {
            warn("annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead");
        }

        if (headless)
        {
            if (spec.Str("loadBalancerIP").Length > 0)
            {
                warn("spec.loadBalancerIP is ignored for headless services");
            }

            if (external)
            {
                warn("spec.externalIPs is ignored for headless services");
            }

            if (spec.Str("sessionAffinity") != "None")
            {
                warn("spec.SessionAffinity is ignored for headless services");
            }
        }

        if (external)
        {
            if (type == "ExternalName")
            {
                warn("spec.externalIPs is ignored when spec.type is \"ExternalName\"");
            }
            else if (!headless)
            {
                warn("spec.externalIPs is deprecated and may no longer be implemented in some clusters");
            }
        }

        if (type != "ExternalName" && spec.Str("externalName").Length > 0)
        {
            warn("spec.externalName is ignored when spec.type is not \"ExternalName\"");
        }

        if (spec.Str("trafficDistribution") == "PreferClose")
        {
            warn("spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"");
        }
    }

    public override string SelectableField(JsonObject obj, string field) => obj.Obj("spec").Str(field["spec.".Length..]);

    private static void Ports(Fields spec, string type)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var numbers = new HashSet<string>(StringComparer.Ordinal);
        var nodePorts = new HashSet<string>(StringComparer.Ordinal);
        var several = spec.Object["ports"] is JsonArray { Count: > 1 };
        foreach (var port in spec.Items("ports"))
        {
            if (several || port.Str("name").Length > 0)
            {
                port.Unique("name", Names.Dns1123LabelErrors, names);
            }

            if (port.Int("port") is not (>= 1 and <= 65535))
            {
                port.Invalid("port", port.Int("port") ?? 0, Names.PortRange);
            }

            port.RequiredOneOf("protocol", "SCTP", "TCP", "UDP");
            if (port.Has("targetPort"))
            {
                port.PortOrName("targetPort");
            }

            port.Rule("appProtocol", Names.QualifiedNameErrors);
            if (type == "LoadBalancer" && port.Int("port") == 10250)
            {
                port.Invalid("port", 10250, "may not expose port 10250 externally since it is used by kubelet");
            }

            if (!numbers.Add(string.Create(CultureInfo.InvariantCulture, $"{port.Str("protocol")}/{port.Int("port")}")))
            {
                spec.Errors.Duplicate(port.Path, new JsonObject { ["port"] = port.Int("port"), ["protocol"] = port.Str("protocol") });
            }

            if (port.Int("nodePort") is { } nodePort and not 0)
            {
                if (type == "ClusterIP")
                {
                    port.Forbidden("nodePort", "may not be used when `type` is 'ClusterIP'");
                }
                else if (!nodePorts.Add(string.Create(CultureInfo.InvariantCulture, $"{port.Str("protocol")}/{nodePort}")))
                {
                    port.Duplicate("nodePort", nodePort);
                }
            }
        }
    }

    private static void Addresses(Fields spec)
    {
        var external = spec.Strings("externalIPs");
        for (var i = 0; i < external.Length; i++)
        {
            foreach (var problem in Names.AddressErrors(external[i]))
            {
                spec.Errors.Invalid(spec.At("externalIPs", i), external[i], problem);
            }

            if (System.Net.IPAddress.TryParse(external[i], out var ip) && (System.Net.IPAddress.IsLoopback(ip) || ip.Equals(System.Net.IPAddress.Any) || ip.Equals(System.Net.IPAddress.IPv6Any)))
            {
                spec.Errors.Invalid(spec.At("externalIPs", i), external[i], System.Net.IPAddress.IsLoopback(ip) ? "may not be in the loopback range (127.0.0.0/8, ::1/128)" : $"may not be unspecified ({ip})");
            }
        }

        var ranges = spec.Strings("loadBalancerSourceRanges");
        if (ranges.Length > 0 && spec.Str("type") != "LoadBalancer")
        {
            spec.Forbidden("loadBalancerSourceRanges", OnlyLoadBalancer);
        }

        for (var i = 0; i < ranges.Length; i++)
        {
            foreach (var problem in Names.NetworkErrors(ranges[i].Trim()))
            {
                spec.Errors.Invalid(spec.At("loadBalancerSourceRanges", i), ranges[i], problem);
            }
        }

        spec.OneOf("ipFamilyPolicy", "PreferDualStack", "RequireDualStack", "SingleStack");
        foreach (var family in spec.Strings("ipFamilies").Where(f => f is not ("IPv4" or "IPv6")))
        {
            spec.NotSupported("ipFamilies[0]", family, "IPv4", "IPv6");
        }
    }

    private static void Traffic(Fields spec, string type)
    {
        var outside = type is "LoadBalancer" or "NodePort" || (type == "ClusterIP" && spec.HasAny("externalIPs"));
        if (spec.Has("externalTrafficPolicy"))
        {
            if (!outside)
            {
                spec.Invalid("externalTrafficPolicy", spec.Str("externalTrafficPolicy"), "may only be set for externally-accessible services");
            }

            spec.OneOf("externalTrafficPolicy", "Cluster", "Local");
        }

        if (spec.Int("healthCheckNodePort") is { } health and not 0 && !(type == "LoadBalancer" && spec.Str("externalTrafficPolicy") == "Local"))
        {
            spec.Invalid("healthCheckNodePort", health, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
        }

        if (type != "ExternalName")
        {
            spec.RequiredOneOf("internalTrafficPolicy", "Cluster", "Local");
        }

        spec.OneOf("trafficDistribution", "PreferClose", "PreferSameNode", "PreferSameZone");
        if (type == "LoadBalancer")
        {
            if (!spec.Has("allocateLoadBalancerNodePorts"))
            {
                spec.Required("allocateLoadBalancerNodePorts");
            }

            spec.Rule("loadBalancerClass", Names.QualifiedNameErrors);
            return;
        }

        foreach (var field in (ReadOnlySpan<string>)["allocateLoadBalancerNodePorts", "loadBalancerClass"])
        {
            if (spec.Has(field))
            {
                spec.Forbidden(field, OnlyLoadBalancer);
            }
        }
    }
}
