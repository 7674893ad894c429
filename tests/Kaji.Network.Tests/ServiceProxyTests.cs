using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Kaji.Linux.Nftables;
using Kaji.Network.Services;

namespace Kaji.Network.Tests;

[Collection("host")]
public sealed class ServiceProxyTests(ITestOutputHelper output)
{
    private const string Vip = "10.96.3.4";
    private const string BridgeNetfilter = "/proc/sys/net/bridge/bridge-nf-call-iptables";

    [Theory]
    [InlineData("0")]
    [InlineData("1")]
    public async Task VirtualAddress_LeadsToReadyEndpoints_FromPodHostAndTheEndpointItself(string bridgeNetfilter)
    {
        if (File.Exists(BridgeNetfilter))
        {
            await File.WriteAllTextAsync(BridgeNetfilter, bridgeNetfilter);
        }

        await using var cluster = new Cluster();
        await cluster.StartAsync();
        var (client, clientIP) = await cluster.AddPodAsync("client");
        var (a, addressA) = await cluster.AddPodAsync("a");
        var (b, addressB) = await cluster.AddPodAsync("b");
        cluster.Serve(a, 8080, "a");
        cluster.Serve(b, 8080, "b");
        cluster.Services.Put(Objects.Service("web", Vip, nodePort: 30080));
        await Cluster.UntilAsync(() => Cluster.Ask(client, Vip, 80) == "ConnectionRefused");
        Assert.Equal("ConnectionRefused", Cluster.Ask(null, Vip, 80));
        Assert.Equal("ConnectionRefused", Cluster.Ask(null, "127.0.0.1", 30080));
        Assert.Equal("ConnectionRefused", Cluster.Ask(client, "10.244.0.1", 30080));

        cluster.Slices.Put(Objects.Slice("web", 8080, [Objects.Endpoint(addressA), Objects.Endpoint(addressB)]));
        await Cluster.UntilAsync(() => Cluster.Ask(client, Vip, 80).EndsWith(clientIP, StringComparison.Ordinal));
        var answers = Enumerable.Range(0, 40).Select(_ => Cluster.Ask(client, Vip, 80)).ToList();
        Assert.Equal([$"a {clientIP}", $"b {clientIP}"], answers.Distinct().Order());
        Assert.Equal("ConnectionRefused", Cluster.Ask(client, Vip, 81));
        Assert.Matches("^[ab] 10.244.0.1$", Cluster.Ask(null, Vip, 80));
        Assert.Matches("^[ab] ", Cluster.Ask(null, "127.0.0.1", 30080));
        Assert.Matches("^[ab] ", Cluster.Ask(null, "10.244.0.1", 30080));
        Assert.Matches("^[ab] ", Cluster.Ask(client, "10.244.0.1", 30080));
        Assert.All(Enumerable.Range(0, 10), _ => Assert.Matches("^[ab] ", Cluster.Ask(a, Vip, 80)));

        cluster.Slices.Put(Objects.Slice("web", 8080, [Objects.Endpoint(addressA, ready: false), Objects.Endpoint(addressB)]));
        var watch = Stopwatch.StartNew();
        await Cluster.UntilAsync(() => !Rules(cluster).Contains(addressA));
        output.WriteLine($"not ready to rules: {watch.Elapsed.TotalMilliseconds:F1} ms");
        Assert.All(Enumerable.Range(0, 20), _ => Assert.Equal($"b {clientIP}", Cluster.Ask(client, Vip, 80)));

        cluster.Slices.Put(Objects.Slice("web", 8080, [Objects.Endpoint(addressA, ready: false, terminating: true), Objects.Endpoint(addressB, ready: false)]));
        await Cluster.UntilAsync(() => Rules(cluster).Contains(addressA));
        Assert.All(Enumerable.Range(0, 10), _ => Assert.Equal($"a {clientIP}", Cluster.Ask(client, Vip, 80)));

        cluster.Services.Remove("default", "web");
        await Cluster.UntilAsync(() => !Rules(cluster).Contains(Vip));
        Assert.Equal("ConnectionRefused", Cluster.Ask(client, Vip, 80));
        Assert.DoesNotContain("30080", Rules(cluster));
        Assert.DoesNotContain("numgen", Rules(cluster));
        Assert.DoesNotContain(addressA, Rules(cluster));
    }

    [Fact]
    public async Task ClientAffinity_KeepsTheEndpoint_UntilItGoes()
    {
        await using var cluster = new Cluster();
        await cluster.StartAsync();
        var (client, _) = await cluster.AddPodAsync("client");
        var pods = new List<string>();
        foreach (var name in new[] { "a", "b", "c" })
        {
            var (pod, address) = await cluster.AddPodAsync(name);
            cluster.Serve(pod, 8080, address);
            pods.Add(address);
        }

        cluster.Services.Put(Objects.Service("web", Vip, affinity: "ClientIP"));
        cluster.Slices.Put(Objects.Slice("web", 8080, pods.Select(p => Objects.Endpoint(p))));
        await Cluster.UntilAsync(() => Cluster.Ask(client, Vip, 80).StartsWith("10.244", StringComparison.Ordinal));
        var kept = Cluster.Ask(client, Vip, 80);
        Assert.All(Enumerable.Range(0, 20), _ => Assert.Equal(kept, Cluster.Ask(client, Vip, 80)));
        var address2 = kept.Split(' ')[0];
        cluster.Slices.Put(Objects.Slice("web", 8080, pods.Where(p => p != address2).Select(p => Objects.Endpoint(p))));
        await Cluster.UntilAsync(() => Cluster.Ask(client, Vip, 80) != kept);
        var next = Cluster.Ask(client, Vip, 80);
        cluster.Slices.Put(Objects.Slice("web", 8080, pods.Select(p => Objects.Endpoint(p))));
        await Cluster.UntilAsync(() => Rules(cluster).Contains(address2));
        Assert.All(Enumerable.Range(0, 20), _ => Assert.Equal(next, Cluster.Ask(client, Vip, 80)));
    }

    [Fact]
    public async Task ExternalPolicyLocal_WithoutLocalEndpoint_StillServesTheCluster()
    {
        await using var cluster = new Cluster();
        await cluster.StartAsync();
        var (client, _) = await cluster.AddPodAsync("client");
        var (a, addressA) = await cluster.AddPodAsync("a");
        cluster.Serve(a, 8080, "a");
        cluster.Services.Put(Objects.Service("web", Vip, nodePort: 30080, external: "Local"));
        cluster.Slices.Put(Objects.Slice("web", 8080, [Objects.Endpoint(addressA, node: "elsewhere")]));
        await Cluster.UntilAsync(() => Cluster.Ask(client, Vip, 80).StartsWith('a'));
        Assert.StartsWith("a ", Cluster.Ask(client, "10.244.0.1", 30080));
        Assert.Contains("drop", Rules(cluster));
    }

    [Fact]
    public async Task Udp_FlowLeavesAnEndpointThatIsGone()
    {
        await using var cluster = new Cluster();
        await cluster.StartAsync();
        var (client, _) = await cluster.AddPodAsync("client");
        var (a, addressA) = await cluster.AddPodAsync("a");
        var (b, addressB) = await cluster.AddPodAsync("b");
        using var serverA = a.Run(() => new UdpClient(new IPEndPoint(IPAddress.Any, 53)));
        using var serverB = b.Run(() => new UdpClient(new IPEndPoint(IPAddress.Any, 53)));
        cluster.Services.Put(Objects.Service("dns", Vip, 53, protocol: "UDP"));
        cluster.Slices.Put(Objects.Slice("dns", 53, [Objects.Endpoint(addressA)], "UDP"));
        await Cluster.UntilAsync(() => Rules(cluster).Contains(addressA));
        using var socket = client.Run(() => new UdpClient(new IPEndPoint(IPAddress.Any, 0)));
        socket.Connect(Vip, 53);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        await socket.SendAsync(new byte[] { 1 }, limit.Token);
        Assert.Equal([1], (await serverA.ReceiveAsync(limit.Token)).Buffer);
        cluster.Slices.Put(Objects.Slice("dns", 53, [Objects.Endpoint(addressB)], "UDP"));
        var arrival = serverB.ReceiveAsync(limit.Token).AsTask();
        while (!arrival.IsCompleted)
        {
            await socket.SendAsync(new byte[] { 2 }, limit.Token);
            await Task.WhenAny(arrival, Task.Delay(20, limit.Token)); // poll interval
        }

        Assert.Equal([2], (await arrival).Buffer);
    }

    [Fact]
    public async Task EndpointOnTheHostsLoopback_IsReachable_ForTheApiServer()
    {
        await using var cluster = new Cluster();
        await cluster.StartAsync();
        var (client, _) = await cluster.AddPodAsync("client");
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        cluster.Services.Put(Objects.Service("kubernetes", "10.96.0.1", 443));
        cluster.Slices.Put(Objects.Slice("kubernetes", ((IPEndPoint)listener.LocalEndpoint).Port, [Objects.Endpoint("127.0.0.1")]));
        await Cluster.UntilAsync(() => Rules(cluster).Contains("10.96.0.1"));
        foreach (var from in new[] { null, client })
        {
            var asking = Task.Run(() => Cluster.Ask(from, "10.96.0.1", 443));
            using var accepted = await listener.AcceptSocketAsync(new CancellationTokenSource(5000).Token);
            await accepted.SendAsync("api"u8.ToArray());
            Assert.Equal("api", await asking);
        }
    }

    [Fact]
    public async Task FlushedRules_ComeBackWithTheNextChange()
    {
        await using var cluster = new Cluster();
        await cluster.StartAsync();
        cluster.Services.Put(Objects.Service("web", Vip));
        cluster.Slices.Put(Objects.Slice("web", 8080, [Objects.Endpoint("10.244.0.9")]));
        await Cluster.UntilAsync(() => Rules(cluster).Contains("10.244.0.9"));
        using (var nft = new NftablesContext())
        {
            nft.Run($"delete table ip {cluster.ProxyOptions.NftTable}\n");
        }

        cluster.Slices.Put(Objects.Slice("web", 8080, [Objects.Endpoint("10.244.0.10")]));
        await Cluster.UntilAsync(() => Rules(cluster).Contains("10.244.0.10"));
        Assert.Contains(Vip, Rules(cluster));
    }

    [Fact]
    public async Task ThousandServices_LoadAndChangeQuickly()
    {
        await using var cluster = new Cluster();
        for (var i = 0; i < 1000; i++)
        {
            cluster.Services.Put(Objects.Service($"s{i}", $"10.96.{10 + (i / 250)}.{1 + (i % 250)}"));
            cluster.Slices.Put(Objects.Slice($"s{i}", 80, Enumerable.Range(1, 5).Select(e => Objects.Endpoint($"10.244.{i % 200}.{e + 1}"))));
        }

        var watch = Stopwatch.StartNew();
        await cluster.StartAsync();
        output.WriteLine($"1,000 services x 5: {watch.Elapsed.TotalMilliseconds:F0} ms");
        var table = new ServiceTable(cluster.ProxyOptions);
        var key = "default/s7";
        table.Update(cluster.Services.List().Select(s => KeyValuePair.Create($"default/{s.Metadata.Name}", Compile(cluster, s.Metadata.Name, 5))));
        var script = table.Update([KeyValuePair.Create(key, Compile(cluster, "s7", 4))])!;
        using var nft = new NftablesContext();
        watch.Restart();
        nft.Run(script);
        output.WriteLine($"one change among them: {watch.Elapsed.TotalMilliseconds:F1} ms");
        Assert.Equal(["flush chain", "add rule"], script.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l[..l.IndexOf(" ip ", StringComparison.Ordinal)]));
    }

    [Fact]
    public void Update_OfOneService_TouchesOnlyIt()
    {
        var options = new ServiceProxyOptions { NftTable = "t", NodeName = "n", ClusterCidr = IPNetwork.Parse("10.244.0.0/16"), ServiceCidr = IPNetwork.Parse("10.96.0.0/16") };
        var table = new ServiceTable(options);
        var web = Objects.Service("web", Vip);
        var slices = new[] { Objects.Slice("web", 80, [Objects.Endpoint("10.244.0.5")]) };
        var first = table.Update([KeyValuePair.Create("default/web", ServiceCompiler.Compile(web, slices, options))]);
        Assert.Contains($"add element ip t services {{ {Vip} . tcp . 80 : goto i_", first);
        Assert.Contains("add element ip t hairpin { 10.244.0.5 . 10.244.0.5 }", first);
        Assert.Equal("", table.Update([KeyValuePair.Create("default/web", ServiceCompiler.Compile(web, slices, options))]));
        var gone = table.Update([KeyValuePair.Create("default/web", ServiceFragment.Empty)]);
        Assert.Contains("delete element ip t services", gone);
        Assert.Contains("delete chain ip t i_", gone);
        Assert.Empty(table.Services);
    }

    [Fact]
    public void TwoServices_WithOneAddressAndPort_TheFirstByNameHasIt()
    {
        var options = new ServiceProxyOptions { NftTable = "t", NodeName = "n", ClusterCidr = IPNetwork.Parse("10.244.0.0/16"), ServiceCidr = IPNetwork.Parse("10.96.0.0/16") };
        var table = new ServiceTable(options);
        KeyValuePair<string, ServiceFragment> Of(string name) => KeyValuePair.Create("default/" + name, ServiceCompiler.Compile(Objects.Service(name, Vip), [Objects.Slice(name, 80, [Objects.Endpoint("10.244.0.5")])], options));
        Assert.Null(table.Update([Of("b"), Of("a")]));
        var full = table.Full();
        Assert.Single(full.Split('\n'), l => l.StartsWith("add element ip t services", StringComparison.Ordinal));
        Assert.Contains(Of("a").Value.Elements.Values.Single(), full.Split("add element ip t services")[1]);
    }

    private static ServiceFragment Compile(Cluster cluster, string name, int endpoints) =>
        ServiceCompiler.Compile(cluster.Services.Get("default", name)!, [Objects.Slice(name, 80, cluster.Slices.Get("default", name + "-1")!.Endpoints.Take(endpoints))], cluster.ProxyOptions);

    private static string Rules(Cluster cluster)
    {
        using var nft = new NftablesContext();
        return nft.Run("list ruleset ip\n").Split("\ntable ip ").FirstOrDefault(t => t.StartsWith(cluster.ProxyOptions.NftTable + " ", StringComparison.Ordinal)) ?? "";
    }
}
