using System.Net;
using System.Net.Sockets;
using Kaji.Linux.Netlink;

namespace Kaji.Network.Addresses;

/// <summary>
/// The ranges of one cluster. Several clusters may live on one machine: each claims its ranges in <c>RUN/ID/addresses</c> before it makes the routes that
/// would show them, and keeps them in its data directory (the composer's file) for the next start.
/// </summary>
public sealed record AddressPlan(IPNetwork PodCidr, IPNetwork ServiceCidr)
{
    private const string ClaimFile = "addresses";

    /// <summary>The bridge's address on a one-node cluster: first of the Pod range.</summary>
    public IPAddress Gateway => Ipv4.At(PodCidr, 1);

    /// <summary>Of the Service <c>kubernetes</c>: first of the Service range.</summary>
    public IPAddress ApiServiceIP => Ipv4.At(ServiceCidr, 1);

    /// <summary>Of the cluster's DNS: tenth of the Service range, as everywhere.</summary>
    public IPAddress DnsServiceIP => Ipv4.At(ServiceCidr, 10);

    /// <summary>In the order in which they are tried: 10.244.0.0/16 + 10.96.0.0/16 as kubeadm has it, then their neighbours, then elsewhere in 10/8.</summary>
    public static IEnumerable<AddressPlan> Candidates =>
        Enumerable.Range(0, 12).Select(i => Of(244 + i, 96 + i)).Concat(Enumerable.Range(0, 40).Select(i => Of(200 + i, 120 + i)));

    /// <summary>
    /// Takes the first pair that no route, address or claim on this machine touches, and claims it for <paramref name="clusterId"/>. With
    /// <paramref name="kept"/> (from an earlier start) that pair is claimed again.
    /// </summary>
    /// <exception cref="InvalidOperationException">Every candidate is taken, or another cluster has claimed the kept pair.</exception>
    public static AddressPlan Choose(string clusterId, AddressPlan? kept = null, string runDirectory = "/run/kaji")
    {
        Directory.CreateDirectory(runDirectory);
        using var gate = FileLock.Take(Path.Combine(runDirectory, "addresses.lock"));
        var claims = ReadClaims(runDirectory, clusterId);
        AddressPlan plan;
        if (kept is not null)
        {
            if (claims.Exists(c => Ipv4.Overlaps(c, kept.PodCidr) || Ipv4.Overlaps(c, kept.ServiceCidr)))
            {
                throw new InvalidOperationException($"Another Kaji cluster on this machine uses {kept.PodCidr} or {kept.ServiceCidr}: stop it with 'kaji down', or give this one other ranges.");
            }

            plan = kept;
        }
        else
        {
            using var routes = new RouteClient();
            var taken = routes.ListRoutes().Where(r => r.Destination.PrefixLength > 0).Select(r => r.Destination)
                .Concat(routes.ListAddresses().Where(a => a.Address.AddressFamily == AddressFamily.InterNetwork).Select(a => new IPNetwork(a.Address, 32)))
                .Concat(claims);
            plan = Pick(taken.ToList());
        }

        var directory = Path.Combine(runDirectory, clusterId);
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, ClaimFile), $"{plan.PodCidr}\n{plan.ServiceCidr}\n");
        return plan;
    }

    /// <summary>Gives the claim back, for <c>kaji down</c>.</summary>
    public static void Release(string clusterId, string runDirectory = "/run/kaji")
    {
        var directory = Path.Combine(runDirectory, clusterId);
        File.Delete(Path.Combine(directory, ClaimFile));
        if (Directory.Exists(directory) && !Directory.EnumerateFileSystemEntries(directory).Any())
        {
            Directory.Delete(directory);
        }
    }

    /// <summary>The first candidate apart from all of <paramref name="taken"/>.</summary>
    internal static AddressPlan Pick(IReadOnlyCollection<IPNetwork> taken) =>
        Candidates.FirstOrDefault(plan => !taken.Any(t => Ipv4.Overlaps(t, plan.PodCidr) || Ipv4.Overlaps(t, plan.ServiceCidr)))
        ?? throw new InvalidOperationException("No free address range for Pods and Services was found in 10.0.0.0/8: give them with --pod-cidr and --service-cidr.");

    private static AddressPlan Of(int pods, int services) => new(IPNetwork.Parse($"10.{pods}.0.0/16"), IPNetwork.Parse($"10.{services}.0.0/16"));

    private static List<IPNetwork> ReadClaims(string runDirectory, string own)
    {
        var claims = new List<IPNetwork>();
        foreach (var directory in Directory.EnumerateDirectories(runDirectory).Where(d => Path.GetFileName(d) != own))
        {
            var file = Path.Combine(directory, ClaimFile);
            if (File.Exists(file))
            {
                claims.AddRange(File.ReadAllLines(file).Where(l => IPNetwork.TryParse(l, out _)).Select(l => IPNetwork.Parse(l)));
            }
        }

        return claims;
    }
}
