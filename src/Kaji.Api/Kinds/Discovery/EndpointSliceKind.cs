using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Kinds.Core;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Discovery;

/// <summary>EndpointSlice: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/</summary>
internal sealed class EndpointSliceKind : KindBehavior
{
    public override bool HasGeneration => true;

    public override void Default(JsonObject obj)
    {
        foreach (var port in obj.Items("ports"))
        {
            port.Default("name", "");
            port.Default("protocol", "TCP");
        }
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var slice = new Fields(obj, "", errors);
        slice.RequiredOneOf("addressType", "FQDN", "IPv4", "IPv6");
        slice.AtMost("endpoints", 1000);
        slice.AtMost("ports", 20000);
        foreach (var endpoint in slice.Items("endpoints"))
        {
            Endpoint(endpoint, slice.Str("addressType"));
        }

        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var port in slice.Items("ports"))
        {
            if (!names.Add(port.Str("name")))
            {
                port.Duplicate("name", port.Str("name"));
            }

            port.Rule("name", Names.Dns1123LabelErrors);
            port.RequiredOneOf("protocol", "SCTP", "TCP", "UDP");
            port.Port("port");
            port.Rule("appProtocol", Names.QualifiedNameErrors);
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors) => new Fields(obj, "", errors).Same("addressType", old);

    private static void Endpoint(Fields endpoint, string type)
    {
        var addresses = endpoint.Strings("addresses");
        if (addresses.Length == 0)
        {
            endpoint.Required("addresses", "must contain at least 1 endpoint");
        }

        endpoint.AtMost("addresses", 100);
        for (var i = 0; i < addresses.Length; i++)
        {
            foreach (var problem in Address(type, addresses[i]))
            {
                endpoint.Errors.Invalid(endpoint.At("addresses", i), addresses[i], problem);
            }
        }

        endpoint.Rule("nodeName", Names.Dns1123SubdomainErrors);
        endpoint.Rule("hostname", Names.Dns1123LabelErrors);
        endpoint.Labels("deprecatedTopology");
        var hints = endpoint.Of("hints");
        hints.AtMost("forZones", 8);
        hints.AtMost("forNodes", 8);
        var zones = new HashSet<string>(StringComparer.Ordinal);
        foreach (var zone in hints.Items("forZones"))
        {
            zone.Unique("name", Names.LabelValueErrors, zones);
        }
    }

    private static IReadOnlyList<string> Address(string type, string address) => type switch
    {
        "FQDN" => Names.Dns1123SubdomainErrors(address),
        "IPv4" or "IPv6" => Names.AddressErrors(address) is { Count: > 0 } problems ? problems
            : address.Contains(':', StringComparison.Ordinal) != (type == "IPv6") ? [type == "IPv6" ? "must be a valid IPv6 address" : "must be a valid IPv4 address"]
            : EndpointsKind.Unusable(address) is { } reason ? [reason]
            : [],
        _ => [],
    };
}
