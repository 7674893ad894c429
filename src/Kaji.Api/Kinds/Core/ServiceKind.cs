using System.Globalization;
using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core;

/// <summary>Service: addresses and node ports are given out by the API server's allocator; here is what needs no allocation.</summary>
internal sealed class ServiceKind : StatusKind
{
    private static readonly string[] Types = ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"];

    public override bool HasGeneration => false;

    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        spec.Default("type", "ClusterIP");
        spec.Default("sessionAffinity", "None");
        if (spec.Str("sessionAffinity") == "ClientIP")
        {
            spec.Ensure("sessionAffinityConfig").Ensure("clientIP").Default("timeoutSeconds", 10800);
        }

        if (spec.Str("type") is not "ExternalName")
        {
            spec.Default("internalTrafficPolicy", "Cluster");
        }

        if (spec.Str("type") is "NodePort" or "LoadBalancer")
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

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = obj.Obj("spec") ?? [];
        if (!Types.Contains(spec.Str("type"), StringComparer.Ordinal))
        {
            errors.NotSupported("spec.type", spec.Str("type"), Types);
        }

        var ports = spec.Items("ports").ToArray();
        if (ports.Length == 0 && spec.Str("type") != "ExternalName" && spec.Str("clusterIP") != "None")
        {
            errors.Required("spec.ports");
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        var numbers = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < ports.Length; i++)
        {
            var at = $"spec.ports[{i}]";
            var name = ports[i].Str("name");
            if (name.Length == 0 && ports.Length > 1)
            {
                errors.Required($"{at}.name");
            }
            else if (name.Length > 0 && Names.Dns1123LabelErrors(name) is [var problem, ..])
            {
                errors.Invalid($"{at}.name", name, problem);
            }
            else if (name.Length > 0 && !names.Add(name))
            {
                errors.Duplicate($"{at}.name", name);
            }

            if (ports[i].Int("port") is not (>= 1 and <= 65535))
            {
                errors.Invalid($"{at}.port", ports[i].Int("port") ?? 0, "must be between 1 and 65535, inclusive");
            }

            if (ports[i].Str("protocol") is not ("TCP" or "UDP" or "SCTP"))
            {
                errors.NotSupported($"{at}.protocol", ports[i].Str("protocol"), ["SCTP", "TCP", "UDP"]);
            }

            if (!numbers.Add(string.Create(CultureInfo.InvariantCulture, $"{ports[i].Str("protocol")}/{ports[i].Int("port")}")))
            {
                errors.Duplicate($"{at}", ports[i].Int("port"));
            }
        }

        if (spec.Str("type") == "ExternalName")
        {
            if (spec.Str("externalName").Length == 0)
            {
                errors.Required("spec.externalName");
            }
            else if (Names.Dns1123SubdomainErrors(spec.Str("externalName").TrimEnd('.')) is [var problem, ..])
            {
                errors.Invalid("spec.externalName", spec.Str("externalName"), problem);
            }
        }

        PodSpecRules.Labels(spec.Obj("selector"), "spec.selector", errors);
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        var (now, before) = (obj.Obj("spec"), old.Obj("spec"));
        if (now.Str("type") != "ExternalName" && before.Str("type") != "ExternalName" && before.Str("clusterIP").Length > 0 && now.Str("clusterIP") != before.Str("clusterIP"))
        {
            errors.Invalid("spec.clusterIPs[0]", now.Str("clusterIP"), "may not change once set");
        }
    }
}
