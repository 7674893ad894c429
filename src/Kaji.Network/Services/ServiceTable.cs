using System.Text;

namespace Kaji.Network.Services;

/// <summary>
/// What the table holds now, a fragment a Service, and the nft script from there to the next state; pure text. A script is one transaction: packets see the old
/// rules or the new ones, never half. Not safe for threads.
/// </summary>
internal sealed class ServiceTable(ServiceProxyOptions options)
{
    private readonly Dictionary<string, ServiceFragment> _fragments = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _hairpins = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Set, string Key), string> _owners = [];
    private readonly string _table = options.NftTable;

    public ServiceFragment Current(string service) => _fragments.GetValueOrDefault(service, ServiceFragment.Empty);

    public IReadOnlyCollection<string> Services => _fragments.Keys;

    /// <summary>
    /// Takes in new fragments and returns the script for the difference; empty when nothing changes, null when it cannot be told as a difference (two Services
    /// claim one address and port): then <see cref="Full"/>.
    /// </summary>
    public string? Update(IEnumerable<KeyValuePair<string, ServiceFragment>> changes)
    {
        var removal = new StringBuilder();
        var declaration = new StringBuilder();
        var rules = new StringBuilder();
        var addition = new StringBuilder();
        var cleanup = new StringBuilder();
        var conflict = false;
        var hairpins = new HashSet<string>(StringComparer.Ordinal);
        var before = new Dictionary<string, int>(StringComparer.Ordinal);
        var added = new List<((string Set, string Key) Element, string Verdict, string Service)>();
        foreach (var (service, next) in changes)
        {
            var old = Current(service);
            Chains(old, next, declaration, rules, cleanup);
            foreach (var (element, verdict) in old.Elements)
            {
                if (next.Elements.TryGetValue(element, out var kept) && kept == verdict)
                {
                    continue;
                }

                if (_owners.GetValueOrDefault(element) == service)
                {
                    removal.Append($"delete element ip {_table} {element.Set} {{ {element.Key} }}\n");
                    _owners.Remove(element);
                }
                else
                {
                    conflict = true;
                }
            }

            added.AddRange(next.Elements.Where(e => !old.Elements.TryGetValue(e.Key, out var had) || had != e.Value).Select(e => (e.Key, e.Value, service)));
            foreach (var address in old.HairpinAddresses)
            {
                Count(address, -1);
            }

            foreach (var address in next.HairpinAddresses)
            {
                Count(address, 1);
            }

            if (next == ServiceFragment.Empty)
            {
                _fragments.Remove(service);
            }
            else
            {
                _fragments[service] = next;
            }
        }

        foreach (var (element, verdict, service) in added)
        {
            conflict |= !_owners.TryAdd(element, service);
            addition.Append($"add element ip {_table} {element.Set} {{ {element.Key}{(verdict.Length == 0 ? "" : " : " + verdict)} }}\n");
        }

        foreach (var address in hairpins)
        {
            var now = _hairpins.GetValueOrDefault(address);
            if (now > 0 != before[address] > 0)
            {
                addition.Append($"{(now > 0 ? "add" : "delete")} element ip {_table} hairpin {{ {address} . {address} }}\n");
            }
        }

        return conflict ? null : declaration.Append(rules).Append(removal).Append(addition).Append(cleanup).ToString();

        void Count(string address, int by)
        {
            if (hairpins.Add(address))
            {
                before[address] = _hairpins.GetValueOrDefault(address);
            }

            _hairpins[address] = _hairpins.GetValueOrDefault(address) + by;
            if (_hairpins[address] == 0)
            {
                _hairpins.Remove(address);
            }
        }
    }

    /// <summary>The script that makes the table anew from all fragments. Of two Services that claim one address and port the first by name has it.</summary>
    public string Full()
    {
        var text = new StringBuilder();
        text.Append($$"""
            add table ip {{_table}}
            delete table ip {{_table}}
            table ip {{_table}} {
              map services { type ipv4_addr . inet_proto . inet_service : verdict
              }
              map nodeports { type inet_proto . inet_service : verdict
              }
              set reject_addresses { type ipv4_addr . inet_proto . inet_service
              }
              set reject_nodeports { type inet_proto . inet_service
              }
              set hairpin { type ipv4_addr . ipv4_addr
              }
              chain dispatch {
                meta l4proto != { tcp, udp, sctp } return
                ip daddr . meta l4proto . th dport vmap @services
                fib daddr type local meta l4proto . th dport vmap @nodeports
              }
              chain prerouting { type nat hook prerouting priority -100
                jump dispatch
              }
              chain output { type nat hook output priority -100
                jump dispatch
              }
              chain postrouting { type nat hook postrouting priority 100
                ct status dnat ip saddr . ip daddr @hairpin masquerade
                ct status dnat ip saddr 127.0.0.0/8 oifname != "lo" masquerade
                meta mark & 0x4000 == 0x4000 ip daddr != {{options.NodeCidr ?? options.ClusterCidr}} masquerade
              }
              chain refuse {
                ip daddr {{options.ServiceCidr}} reject
                meta l4proto != { tcp, udp, sctp } return
                ip daddr . meta l4proto . th dport @reject_addresses reject
                fib daddr type local meta l4proto . th dport @reject_nodeports reject
              }
              chain input { type filter hook input priority 0
                ct state new jump refuse
              }
              chain forward { type filter hook forward priority 0
                ct state new jump refuse
              }
              chain local { type filter hook output priority 0
                ct state new jump refuse
              }
            }

            """);
        var cleanup = new StringBuilder();
        var rules = new StringBuilder();
        _owners.Clear();
        _hairpins.Clear();
        foreach (var (_, fragment) in _fragments)
        {
            Chains(ServiceFragment.Empty, fragment, text, rules, cleanup);
            foreach (var address in fragment.HairpinAddresses)
            {
                _hairpins[address] = _hairpins.GetValueOrDefault(address) + 1;
            }
        }

        text.Append(rules);
        foreach (var (service, fragment) in _fragments.OrderBy(f => f.Key, StringComparer.Ordinal))
        {
            foreach (var (element, verdict) in fragment.Elements)
            {
                if (_owners.TryAdd(element, service))
                {
                    text.Append($"add element ip {_table} {element.Set} {{ {element.Key}{(verdict.Length == 0 ? "" : " : " + verdict)} }}\n");
                }
            }
        }

        foreach (var address in _hairpins.Keys)
        {
            text.Append($"add element ip {_table} hairpin {{ {address} . {address} }}\n");
        }

        return text.ToString();
    }

    private void Chains(ServiceFragment old, ServiceFragment next, StringBuilder declaration, StringBuilder rules, StringBuilder cleanup)
    {
        var had = old.Chains.ToDictionary(StringComparer.Ordinal);
        foreach (var (set, seconds) in next.AffinitySets.Where(s => !old.AffinitySets.ContainsKey(s.Key)))
        {
            declaration.Append($"add set ip {_table} {set} {{ type ipv4_addr; flags dynamic, timeout; timeout {seconds}s; }}\n");
        }

        foreach (var (chain, body) in next.Chains)
        {
            if (had.Remove(chain, out var before))
            {
                if (before.AsSpan().SequenceEqual(body))
                {
                    continue;
                }

                rules.Append($"flush chain ip {_table} {chain}\n");
            }
            else
            {
                declaration.Append($"add chain ip {_table} {chain}\n");
            }

            foreach (var rule in body)
            {
                rules.Append($"add rule ip {_table} {chain} {rule}\n");
            }
        }

        foreach (var chain in had.Keys)
        {
            cleanup.Append($"flush chain ip {_table} {chain}\n");
        }

        foreach (var chain in had.Keys)
        {
            cleanup.Append($"delete chain ip {_table} {chain}\n");
        }

        foreach (var set in old.AffinitySets.Keys.Where(s => !next.AffinitySets.ContainsKey(s)))
        {
            cleanup.Append($"delete set ip {_table} {set}\n");
        }
    }
}
