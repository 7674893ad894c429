using System.Text;

namespace Kaji.Network.Pods;

/// <summary>
/// The nftables of Pods as text: masquerade for what leaves the cluster, host ports, and what may not be. Pure; <see cref="PodNetwork"/> runs it. A host
/// port is found by <c>meta l4proto . th dport map @hostports</c>, so that one more is one more map element and no rule.
/// </summary>
internal static class PodRules
{
    /// <summary>Replaces the whole table in one transaction.</summary>
    public static string Table(PodNetworkOptions options, IEnumerable<Allocation> allocations)
    {
        var text = new StringBuilder();
        var table = options.NftTable;
        text.Append($$"""
            add table ip {{table}}
            delete table ip {{table}}
            table ip {{table}} {
              map hostports { type inet_proto . inet_service : ipv4_addr . inet_service
              }
              map hostports_ip { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
              }
              set hairpin { type ipv4_addr . ipv4_addr
              }
              chain dispatch {
                meta l4proto != { tcp, udp, sctp } return
                dnat ip addr . port to ip daddr . meta l4proto . th dport map @hostports_ip
                dnat ip addr . port to meta l4proto . th dport map @hostports
              }
              chain prerouting { type nat hook prerouting priority -90
                fib daddr type local jump dispatch
              }
              chain output { type nat hook output priority -90
                fib daddr type local jump dispatch
              }
              chain postrouting { type nat hook postrouting priority 100
                ct status dnat ip saddr . ip daddr @hairpin masquerade
                ip saddr 127.0.0.0/8 oifname "{{options.BridgeName}}" masquerade
                ip saddr {{options.ClusterCidr}} ip daddr != {{options.ClusterCidr}} oifname != "{{options.BridgeName}}" masquerade
              }
              chain input { type filter hook input priority 0
                iifname "{{options.BridgeName}}" ip daddr 127.0.0.0/8 ct state new ct status & dnat != dnat drop
              }
              chain forward { type filter hook forward priority 0
                iifname "{{options.BridgeName}}" ip saddr != {{options.ClusterCidr}} drop
                iifname "{{options.BridgeName}}" accept
                oifname "{{options.BridgeName}}" accept
              }
              chain redirects { type filter hook output priority 0
                oifname "{{options.BridgeName}}" icmp type redirect drop
              }
            }

            """);
        foreach (var allocation in allocations.Where(a => a.HostPorts.Count > 0))
        {
            text.Append(HostPorts(table, "add", allocation));
        }

        return text.ToString();
    }

    /// <summary>The elements of a sandbox's host ports, to <paramref name="verb"/> (<c>add</c>, <c>delete</c>).</summary>
    public static string HostPorts(string table, string verb, Allocation allocation)
    {
        var text = new StringBuilder();
        var pod = allocation.Address;
        foreach (var port in allocation.HostPorts)
        {
            var key = port.AnyAddress ? $"{port.Nft} . {port.Port}" : $"{port.HostIP} . {port.Nft} . {port.Port}";
            var value = verb == "add" ? $" : {pod} . {port.ContainerPort}" : "";
            text.Append($"{verb} element ip {table} {(port.AnyAddress ? "hostports" : "hostports_ip")} {{ {key}{value} }}\n");
        }

        return text.Append($"{verb} element ip {table} hairpin {{ {pod} . {pod} }}\n").ToString();
    }
}
