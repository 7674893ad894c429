using System.Diagnostics;
using System.Net;
using Kaji.Linux.Netlink;
using Kaji.Linux.Nftables;
using Kaji.Network.Addresses;
using Kaji.Network.Pods;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaji.Network.Tests;

[Collection("host")]
public sealed class PodNetworkTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Pods_ReachEachOtherAndTheHost_WithTheirOwnAddresses()
    {
        await using var cluster = new Cluster();
        await cluster.StartAsync();
        var (a, addressA) = await cluster.AddPodAsync("a");
        var (b, addressB) = await cluster.AddPodAsync("b");
        cluster.Serve(b, 80, "b");
        Assert.Equal($"b {addressA}", Cluster.Ask(a, addressB, 80));
        Assert.Equal("b 10.244.0.1", Cluster.Ask(null, addressB, 80));
        Assert.Equal("ConnectionRefused", Cluster.Ask(a, addressB, 81));
        Assert.Equal([addressA], await cluster.Network.AttachAsync("a", a.NetnsPath, []));
        Assert.Equal("1", (await File.ReadAllTextAsync("/proc/sys/net/ipv4/ip_forward")).Trim());
    }

    [Fact]
    public async Task HostPort_LeadsToThePod_FromHostLoopbackPodsAndItself()
    {
        await using var cluster = new Cluster();
        await cluster.StartAsync();
        var (a, _) = await cluster.AddPodAsync("a");
        var (b, addressB) = await cluster.AddPodAsync("b", new HostPort(8080, 80, "TCP", ""), new HostPort(8081, 80, "TCP", "127.0.0.1"));
        cluster.Serve(b, 80, "b");
        Assert.StartsWith("b ", Cluster.Ask(null, "127.0.0.1", 8080));
        Assert.StartsWith("b ", Cluster.Ask(null, "127.0.0.1", 8081));
        Assert.StartsWith("b ", Cluster.Ask(null, "10.244.0.1", 8080));
        Assert.Equal("ConnectionRefused", Cluster.Ask(null, "10.244.0.1", 8081));
        Assert.StartsWith("b ", Cluster.Ask(a, "10.244.0.1", 8080));
        Assert.StartsWith("b ", Cluster.Ask(b, "10.244.0.1", 8080));
        var taken = await Assert.ThrowsAsync<InvalidOperationException>(() => cluster.Network.AttachAsync("c", a.NetnsPath, [new HostPort(8080, 1, "tcp", "")]));
        Assert.Contains("8080", taken.Message);
        await cluster.Network.EnsureAsync();
        Assert.StartsWith("b ", Cluster.Ask(null, "127.0.0.1", 8080));
        await cluster.Network.DetachAsync("b");
        Assert.Equal("ConnectionRefused", Cluster.Ask(null, "127.0.0.1", 8080));
        Assert.NotEqual("", addressB);
    }

    [Fact]
    public async Task Loopback_OfTheHost_IsNotReachableFromPods()
    {
        await using var cluster = new Cluster();
        await cluster.StartAsync();
        var (a, _) = await cluster.AddPodAsync("a");
        using var routes = RouteClient.OpenIn(a.NetnsPath);
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        // A Pod with the right to do so sends 127.0.0.1 over its gateway.
        routes.SetDown(1);
        routes.SetRoute(IPNetwork.Parse("127.0.0.1/32"), routes.FindLink("eth0")!.Index, IPAddress.Parse("10.244.0.1"));
        Assert.NotEqual("ConnectionRefused", Cluster.Ask(a, "127.0.0.1", port));
        Assert.False(listener.Pending());
    }

    [Fact]
    public async Task Addresses_SurviveRestart_AndGoRound()
    {
        await using var cluster = new Cluster();
        await cluster.StartAsync();
        var (_, first) = await cluster.AddPodAsync("a");
        var (_, second) = await cluster.AddPodAsync("b");
        Assert.Equal(("10.244.0.2", "10.244.0.3"), (first, second));
        await cluster.Network.DetachAsync("b");
        using var again = new PodNetwork(cluster.Options, NullLogger<PodNetwork>.Instance);
        await again.EnsureAsync();
        using var pod = new PodThread();
        Assert.Equal(["10.244.0.3"], await again.AttachAsync("c", pod.NetnsPath, []));
        await again.DetachAsync("c");
        using var pod2 = new PodThread();
        Assert.Equal(["10.244.0.4"], await again.AttachAsync("d", pod2.NetnsPath, []));
        await again.ReconcileAsync(new HashSet<string> { "a" });
        Assert.Equal(["a"], Directory.GetFiles(Path.Combine(cluster.Options.StateDirectory, "pods")).Select(Path.GetFileName));
    }

    [Fact]
    public async Task TwoClusters_DoNotDisturbEachOther_AndTheLastPutsSettingsBack()
    {
        await File.WriteAllTextAsync("/proc/sys/net/ipv4/ip_forward", "0");
        var first = new Cluster();
        var second = new Cluster(245, 97);
        await first.StartAsync();
        await second.StartAsync();
        var (a, _) = await first.AddPodAsync("a");
        var (b, addressB) = await second.AddPodAsync("a");
        second.Serve(b, 80, "b");
        await first.DisposeAsync();
        var (c, _) = await second.AddPodAsync("c");
        Assert.StartsWith("b ", Cluster.Ask(c, addressB, 80));
        Assert.NotSame(a, b);
        await second.DisposeAsync();
        Assert.Equal("0", (await File.ReadAllTextAsync("/proc/sys/net/ipv4/ip_forward")).Trim());
        using var routes = new RouteClient();
        Assert.DoesNotContain(routes.ListLinks(), l => l.Name.StartsWith("kajit", StringComparison.Ordinal) || l.Name.StartsWith("veth", StringComparison.Ordinal));
        using var nft = new NftablesContext();
        Assert.DoesNotContain("kaji_t", nft.Run("list tables\n"));
    }

    [Fact]
    public async Task Attach_IsQuick()
    {
        await using var cluster = new Cluster();
        await cluster.StartAsync();
        await cluster.AddPodAsync("warm");
        var pods = Enumerable.Range(0, 20).Select(_ => new PodThread()).ToList();
        var times = new List<double>();
        foreach (var (pod, i) in pods.Select((p, i) => (p, i)))
        {
            var start = Stopwatch.GetTimestamp();
            await cluster.Network.AttachAsync($"q{i}", pod.NetnsPath, []);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        times.Sort();
        output.WriteLine($"attach: median {times[10]:F2} ms, longest {times[^1]:F2} ms");
        pods.ForEach(p => p.Dispose());
        Assert.True(times[10] < 100, $"median {times[10]} ms");
    }

    [Fact]
    public void AddressPlan_TakesTheFirstFreePair()
    {
        Assert.Equal("10.244.0.0/16 10.96.0.0/16", Text(AddressPlan.Pick([])));
        Assert.Equal("10.245.0.0/16 10.97.0.0/16", Text(AddressPlan.Pick([IPNetwork.Parse("10.244.7.0/24")])));
        Assert.Equal("10.246.0.0/16 10.98.0.0/16", Text(AddressPlan.Pick([IPNetwork.Parse("10.245.0.0/16"), IPNetwork.Parse("10.96.0.0/12") is var wide ? IPNetwork.Parse("10.96.0.0/16") : wide])));
        Assert.Throws<InvalidOperationException>(() => AddressPlan.Pick([IPNetwork.Parse("10.0.0.0/8")]));

        static string Text(AddressPlan plan) => $"{plan.PodCidr} {plan.ServiceCidr}";
    }

    [Fact]
    public void AddressPlan_ClaimsAreSeenByOthers()
    {
        var run = Directory.CreateTempSubdirectory("kaji-claims").FullName;
        try
        {
            var one = AddressPlan.Choose("one", runDirectory: run);
            var two = AddressPlan.Choose("two", runDirectory: run);
            Assert.NotEqual(one, two);
            Assert.Equal(one, AddressPlan.Choose("one", one, run));
            Assert.Throws<InvalidOperationException>(() => AddressPlan.Choose("three", two, run));
            AddressPlan.Release("one", run);
            Assert.Equal(one, AddressPlan.Choose("four", runDirectory: run));
            Assert.Equal("10.96.0.10 10.96.0.1 10.244.0.1", $"{one.DnsServiceIP} {one.ApiServiceIP} {one.Gateway}");
        }
        finally
        {
            Directory.Delete(run, recursive: true);
        }
    }
}
