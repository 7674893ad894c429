using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core;

/// <summary>Endpoints, the older form of EndpointSlice.</summary>
internal sealed class EndpointsKind : KindBehavior
{
    public override void Default(JsonObject obj)
    {
        foreach (var port in obj.Items("subsets").SelectMany(s => s.Items("ports")))
        {
            port.Default("protocol", "TCP");
        }
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        foreach (var subset in new Fields(obj, "", errors).Items("subsets"))
        {
            if (!subset.HasAny("addresses") && !subset.HasAny("notReadyAddresses"))
            {
                errors.Required(subset.Path, "must specify `addresses` or `notReadyAddresses`");
            }

            foreach (var address in subset.Items("addresses").Concat(subset.Items("notReadyAddresses")))
            {
                Address(address, "ip");
                address.Rule("hostname", Names.Dns1123LabelErrors);
                address.Rule("nodeName", Names.Dns1123SubdomainErrors);
            }

            var several = subset.Object["ports"] is JsonArray { Count: > 1 };
            foreach (var port in subset.Items("ports"))
            {
                if (several)
                {
                    port.Present("name");
                }

                port.Rule("name", Names.Dns1123LabelErrors);
                if (port.Int("port") is not (>= 1 and <= 65535))
                {
                    port.Invalid("port", port.Int("port") ?? 0, Names.PortRange);
                }

                port.RequiredOneOf("protocol", "SCTP", "TCP", "UDP");
                port.Rule("appProtocol", Names.QualifiedNameErrors);
            }
        }
    }

    public override void Warn(JsonObject obj, JsonObject? old, Action<string> warn) => warn("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice");

    /// <summary>An address that traffic can be sent to.</summary>
    public static void Address(Fields owner, string field)
    {
        var text = owner.Str(field);
        if (Names.AddressErrors(text) is { Count: > 0 } problems)
        {
            foreach (var problem in problems)
            {
                owner.Invalid(field, text, problem);
            }
        }
        else if (Unusable(text) is { } reason)
        {
            owner.Invalid(field, text, reason);
        }
    }

    /// <summary>Why an address can't be an endpoint's; null when it can.</summary>
    public static string? Unusable(string text)
    {
        var ip = System.Net.IPAddress.Parse(text);
        var bytes = ip.GetAddressBytes();
        return ip.Equals(System.Net.IPAddress.Any) || ip.Equals(System.Net.IPAddress.IPv6Any) ? $"may not be unspecified ({text})"
            : System.Net.IPAddress.IsLoopback(ip) ? "may not be in the loopback range (127.0.0.0/8, ::1/128)"
            : ip.IsIPv6LinkLocal || (bytes.Length == 4 && bytes[0] == 169 && bytes[1] == 254) ? "may not be in the link-local range (169.254.0.0/16, fe80::/10)"
            : (bytes.Length == 4 && bytes[0] == 224 && bytes[1] == 0 && bytes[2] == 0) || (bytes.Length == 16 && bytes[0] == 0xff && bytes[1] == 2) ? "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
            : null;
    }
}
