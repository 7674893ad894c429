using System.Text;
using k8s.Models;

namespace Kaji.Node.Containers;

/// <summary>The files kubelet manages in each container: <c>/etc/hosts</c>, <c>/etc/resolv.conf</c>, <c>/etc/hostname</c>, the termination log.</summary>
internal static class PodFiles
{
    public static string Hostname(V1Pod pod, string nodeName)
    {
        var name = pod.Spec.HostNetwork == true ? nodeName : string.IsNullOrEmpty(pod.Spec.Hostname) ? pod.Metadata.Name : pod.Spec.Hostname;
        return name.Length > 63 ? name[..63].TrimEnd('-', '.') : name;
    }

    public static void Write(string directory, V1Pod pod, NodeOptions options, IReadOnlyList<string> addresses)
    {
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "hostname"), Hostname(pod, options.NodeName) + "\n");
        File.WriteAllText(Path.Combine(directory, "hosts"), Hosts(pod, options, addresses));
        File.WriteAllText(Path.Combine(directory, "resolv.conf"), ResolvConf(pod, options));
    }

    private static string Hosts(V1Pod pod, NodeOptions options, IReadOnlyList<string> addresses)
    {
        if (pod.Spec.HostNetwork == true && pod.Spec.HostAliases is not { Count: > 0 } && File.Exists("/etc/hosts"))
        {
            return File.ReadAllText("/etc/hosts");
        }

        var text = new StringBuilder("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n");
        var host = Hostname(pod, options.NodeName);
        foreach (var address in addresses)
        {
            text.Append(string.IsNullOrEmpty(pod.Spec.Subdomain)
                ? $"{address}\t{host}\n"
                : $"{address}\t{host}.{pod.Spec.Subdomain}.{pod.Metadata.NamespaceProperty}.svc.{options.ClusterDomain}\t{host}\n");
        }

        if (pod.Spec.HostAliases is { Count: > 0 } aliases)
        {
            text.Append("\n# Entries added by HostAliases.\n");
            foreach (var alias in aliases)
            {
                text.Append($"{alias.Ip}\t{string.Join('\t', alias.Hostnames ?? [])}\n");
            }
        }

        return text.ToString();
    }

    private static string ResolvConf(V1Pod pod, NodeOptions options)
    {
        var policy = pod.Spec.DnsPolicy ?? "ClusterFirst";
        if (policy == "ClusterFirst" && pod.Spec.HostNetwork == true)
        {
            policy = "Default";
        }

        var (servers, searches, settings) = (new List<string>(), new List<string>(), new List<string>());
        switch (policy)
        {
            case "ClusterFirst" or "ClusterFirstWithHostNet":
                servers.Add(options.ClusterDns);
                searches.AddRange([$"{pod.Metadata.NamespaceProperty}.svc.{options.ClusterDomain}", $"svc.{options.ClusterDomain}", options.ClusterDomain]);
                searches.AddRange(HostResolver("search").Concat(HostResolver("domain")));
                settings.Add("ndots:5");
                break;
            case "Default":
                servers.AddRange(HostResolver("nameserver"));
                searches.AddRange(HostResolver("search"));
                break;
        }

        servers.AddRange(pod.Spec.DnsConfig?.Nameservers ?? []);
        searches.AddRange(pod.Spec.DnsConfig?.Searches ?? []);
        foreach (var option in pod.Spec.DnsConfig?.Options ?? [])
        {
            settings.RemoveAll(s => s.Split(':')[0] == option.Name);
            settings.Add(string.IsNullOrEmpty(option.Value) ? option.Name : $"{option.Name}:{option.Value}");
        }

        var text = new StringBuilder();
        if (searches.Count > 0)
        {
            text.Append("search ").AppendJoin(' ', searches.Distinct(StringComparer.Ordinal)).Append('\n');
        }

        foreach (var server in servers.Distinct(StringComparer.Ordinal).Take(3))
        {
            text.Append("nameserver ").Append(server).Append('\n');
        }

        if (settings.Count > 0)
        {
            text.Append("options ").AppendJoin(' ', settings).Append('\n');
        }

        return text.ToString();
    }

    private static IEnumerable<string> HostResolver(string keyword) => !File.Exists("/etc/resolv.conf") ? [] :
        File.ReadLines("/etc/resolv.conf").Select(l => l.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)).Where(w => w.Length > 1 && w[0] == keyword).SelectMany(w => w.Skip(1));
}
