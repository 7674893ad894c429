using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Networking;

/// <summary>NetworkPolicy: https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/</summary>
internal sealed class NetworkPolicyKind : KindBehavior
{
    public override bool HasGeneration => true;

    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        spec.Ensure("podSelector");
        if (spec["policyTypes"] is not JsonArray { Count: > 0 })
        {
            spec["policyTypes"] = spec["egress"] is JsonArray { Count: > 0 } ? new JsonArray("Ingress", "Egress") : new JsonArray("Ingress");
        }

        foreach (var port in spec.Items("ingress").Concat(spec.Items("egress")).SelectMany(r => r.Items("ports")))
        {
            port.Default("protocol", "TCP");
        }
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        spec.Selector("podSelector");
        foreach (var (rules, peers) in (ReadOnlySpan<(string, string)>)[("ingress", "from"), ("egress", "to")])
        {
            foreach (var rule in spec.Items(rules))
            {
                foreach (var port in rule.Items("ports"))
                {
                    Port(port);
                }

                foreach (var peer in rule.Items(peers))
                {
                    Peer(peer);
                }
            }
        }

        var types = spec.Strings("policyTypes");
        if (types.Length > 2)
        {
            spec.Invalid("policyTypes", types, "may not specify more than two policyTypes");
            return;
        }

        for (var i = 0; i < types.Length; i++)
        {
            if (types[i] is not ("Ingress" or "Egress"))
            {
                errors.NotSupported(spec.At("policyTypes", i), types[i], ["Ingress", "Egress"]);
            }
        }
    }

    private static void Port(Fields port)
    {
        port.OneOf("protocol", "TCP", "UDP", "SCTP");
        var (number, end) = (port.Int("port"), port.Int("endPort"));
        if (port.Has("port"))
        {
            if (number is null && end is not null)
            {
                port.Invalid("endPort", end, "may not be specified when `port` is non-numeric");
            }

            port.PortOrName("port");
            if (number is not null && end is not null)
            {
                if (end < number)
                {
                    port.Invalid("endPort", end, "must be greater than or equal to `port`");
                }

                port.Port("endPort");
            }
        }
        else if (end is not null)
        {
            port.Invalid("endPort", end, "may not be specified when `port` is not specified");
        }
    }

    private static void Peer(Fields peer)
    {
        peer.Selector("podSelector");
        peer.Selector("namespaceSelector");
        var block = peer.Sub("ipBlock");
        if (block is not null)
        {
            Block(block);
        }

        var selected = peer.Has("podSelector") || peer.Has("namespaceSelector");
        if (block is null && !selected)
        {
            peer.Errors.Required(peer.Path, "must specify a peer");
        }
        else if (block is not null && selected)
        {
            peer.Errors.Forbidden(peer.Path, "may not specify both ipBlock and another peer");
        }
    }

    private static void Block(Fields block)
    {
        if (!block.Present("cidr"))
        {
            return;
        }

        block.Rule("cidr", Names.NetworkErrors);
        if (!Names.TryNetwork(block.Str("cidr"), out var network, out var length))
        {
            return;
        }

        var except = block.Strings("except");
        for (var i = 0; i < except.Length; i++)
        {
            if (!Names.TryNetwork(except[i], out var inner, out var innerLength))
            {
                foreach (var problem in Names.NetworkErrors(except[i]))
                {
                    block.Errors.Invalid(block.At("except", i), except[i], problem);
                }
            }
            else if (innerLength <= length || !Contains(network.GetAddressBytes(), length, inner.GetAddressBytes()))
            {
                block.Errors.Invalid(block.At("except", i), except[i], "must be a strict subset of `cidr`");
            }
        }
    }

    private static bool Contains(byte[] network, int length, byte[] address)
    {
        if (network.Length != address.Length)
        {
            return false;
        }

        for (var bit = 0; bit < length; bit++)
        {
            var mask = 0x80 >> (bit & 7);
            if ((network[bit >> 3] & mask) != (address[bit >> 3] & mask))
            {
                return false;
            }
        }

        return true;
    }
}
