using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Kaji.Conformance.Running;

/// <summary>Rows about Pods and Services reaching each other.</summary>
public sealed class NetworkTests(ConformanceCluster cluster)
{
    private const string Web = """{"selector":{"app":"web"},"ports":[{"port":80,"targetPort":8080}]}""";

    [Fact]
    [ConformanceRow("[sig-network] Networking Granular Checks: Pods should function for intra-pod communication: http [NodeConformance] [Conformance]")]
    [ConformanceRow("[sig-network] Networking Granular Checks: Pods should function for intra-pod communication: udp [NodeConformance] [Conformance]")]
    [ConformanceRow("[sig-network] Networking Granular Checks: Pods should function for node-pod communication: http [LinuxOnly] [NodeConformance] [Conformance]")]
    [ConformanceRow("[sig-network] Networking Granular Checks: Pods should function for node-pod communication: udp [LinuxOnly] [NodeConformance] [Conformance]")]
    public async Task Pods_ReachPods_AndTheNodeReachesThem()
    {
        var on = await Workloads.StartAsync(cluster);
        await on.PodAsync("client");
        var server = Workloads.Ip(await on.PodAsync("server"));
        Assert.Equal("server", await on.WgetAsync("client", $"http://{server}:8080/hostname"));
        Assert.Equal("server", await on.ExecAsync("client", "/agent", "udp", server, "8080"));

        using var http = new HttpClient();
        Assert.Equal("server", await http.GetStringAsync($"http://{server}:8080/hostname"));
        Assert.Equal("server", await UdpAsync(server, 8080));
    }

    [Fact]
    [ConformanceRow("[sig-network] Services should serve a basic endpoint from pods [Conformance]")]
    public async Task Endpoints_FollowPods()
    {
        var on = await Workloads.StartAsync(cluster);
        var ip = (string)(await on.ServiceAsync("web", Web))["spec"]!["clusterIP"]!;
        await on.PodAsync("client");
        await AddressesAsync(on, "web", 0);
        await on.PodAsync("web-1", "web");
        await AddressesAsync(on, "web", 1);
        await AnswersAsync(on, $"http://{ip}/hostname", "web-1");
        await on.PodAsync("web-2", "web");
        await AddressesAsync(on, "web", 2);
        (await on.Api.DeleteAsync($"{on.Pods}/web-1")).Ok();
        await AddressesAsync(on, "web", 1);
        await AnswersAsync(on, $"http://{ip}/hostname", "web-2");
        (await on.Api.DeleteAsync($"{on.Pods}/web-2")).Ok();
        await AddressesAsync(on, "web", 0);
    }

    [Fact]
    [ConformanceRow("[sig-network] Services should serve multiport endpoints from pods [Conformance]")]
    [ConformanceRow("[sig-network] Services should serve endpoints on same port and different protocols [Conformance]")]
    public async Task Ports_AreServedEach_AndProtocolsApart()
    {
        var on = await Workloads.StartAsync(cluster);
        await on.PodAsync("client");
        var service = await on.ServiceAsync(
            "multi",
            """{"selector":{"app":"multi"},"ports":[{"name":"one","port":80,"targetPort":8081},{"name":"two","port":81,"targetPort":8082},{"name":"tcp","port":90,"targetPort":8081,"protocol":"TCP"},{"name":"udp","port":90,"targetPort":8081,"protocol":"UDP"}]}""");
        var ip = (string)service["spec"]!["clusterIP"]!;
        await on.PodAsync("multi", command: "\"/agent\",\"serve\",\"8081\",\"8082\"");
        foreach (var port in (int[])[80, 81, 90])
        {
            await AnswersAsync(on, $"http://{ip}:{port}/hostname", "multi");
        }

        await Workloads.UntilAsync(() => on.ExecAsync("client", "/agent", "udp", ip, "90"), a => a == "multi", "UDP on port 90");
        (await on.Api.PatchAsync($"{on.Services}/multi", """{"spec":{"ports":[{"name":"one","port":80,"targetPort":8081},{"name":"tcp","port":90,"targetPort":8081,"protocol":"TCP"}]}}""")).Ok();
        await Workloads.UntilAsync(() => on.ExecAsync("client", "/agent", "udp", ip, "90"), a => a is null, "UDP on port 90 goes on");
        Assert.Equal("multi", await on.WgetAsync("client", $"http://{ip}:90/hostname"));
    }

    [Fact]
    [ConformanceRow("[sig-network] Services should be able to create a functioning NodePort service [Conformance]")]
    [ConformanceRow("[sig-network] Services should be able to change the type from NodePort to ExternalName [Conformance]")]
    [ConformanceRow("[sig-network] Services should be able to change the type from ExternalName to NodePort [Conformance]")]
    [ConformanceRow("[sig-network] Services should be able to change the type from ClusterIP to ExternalName [Conformance]")]
    [ConformanceRow("[sig-network] Services should be able to change the type from ExternalName to ClusterIP [Conformance]")]
    public async Task Types_Change_AndEachWorks()
    {
        var on = await Workloads.StartAsync(cluster);
        await on.PodAsync("client");
        await on.PodAsync("web");
        await on.PodAsync("other");
        await on.ServiceAsync("target", Web.Replace("\"web\"", "\"other\"", StringComparison.Ordinal));
        var node = await NodeAddressAsync(on);
        var target = $"target.{on.Namespace}.svc.cluster.local";
        await on.ServiceAsync("changing", Web);
        await AnswersAsync(on, "http://changing/hostname", "web");

        await ChangeAsync($$$"""{"spec":{"type":"ExternalName","externalName":"{{{target}}}","clusterIP":"","clusterIPs":null,"selector":null}}""");
        Assert.Null((await on.Api.GetAsync($"{on.Services}/changing")).Ok().Json["spec"]!["clusterIP"]);
        await AnswersAsync(on, "http://changing/hostname", "other");

        await ChangeAsync("""{"spec":{"type":"NodePort","externalName":null,"selector":{"app":"web"},"ports":[{"port":80,"targetPort":8080}]}}""");
        var service = (await on.Api.GetAsync($"{on.Services}/changing")).Ok().Json["spec"]!;
        await AnswersAsync(on, "http://changing/hostname", "web");
        await AnswersAsync(on, $"http://{service["clusterIP"]}/hostname", "web");
        await AnswersAsync(on, $"http://{node}:{service["ports"]![0]!["nodePort"]}/hostname", "web");

        await ChangeAsync($$$"""{"spec":{"type":"ExternalName","externalName":"{{{target}}}","clusterIP":null,"clusterIPs":null,"selector":null}}""");
        var external = (await on.Api.GetAsync($"{on.Services}/changing")).Ok().Json["spec"]!;
        Assert.Null(external["clusterIP"]);
        Assert.Null(external["ports"]?[0]?["nodePort"]);
        await AnswersAsync(on, "http://changing/hostname", "other");

        await ChangeAsync("""{"spec":{"type":"ClusterIP","externalName":null,"selector":{"app":"web"},"ports":[{"port":80,"targetPort":8080}]}}""");
        await AnswersAsync(on, "http://changing/hostname", "web");

        async Task ChangeAsync(string patch) => (await on.Api.PatchAsync($"{on.Services}/changing", patch)).Ok();
    }

    private static async Task<string> NodeAddressAsync(Workloads on) =>
        (string)(await on.Api.GetAsync("/api/v1/nodes")).Ok().Json["items"]!.AsArray().SelectMany(n => n!["status"]?["addresses"]?.AsArray() ?? []).First(a => (string)a!["type"]! == "InternalIP")!["address"]!;

    [Theory]
    [InlineData("ClusterIP")]
    [InlineData("NodePort")]
    [ConformanceRow("[sig-network] Services should have session affinity work for NodePort service [LinuxOnly] [Conformance]")]
    [ConformanceRow("[sig-network] Services should have session affinity work for service with type clusterIP [LinuxOnly] [Conformance]")]
    [ConformanceRow("[sig-network] Services should be able to switch session affinity for NodePort service [LinuxOnly] [Conformance]")]
    [ConformanceRow("[sig-network] Services should be able to switch session affinity for service with type clusterIP [LinuxOnly] [Conformance]")]
    public async Task Affinity_Holds_AndSwitches(string type)
    {
        var on = await Workloads.StartAsync(cluster);
        await on.PodAsync("client");
        await Task.WhenAll(Enumerable.Range(1, 3).Select(i => on.PodAsync($"web-{i}", "web")));
        var service = await on.ServiceAsync("sticky", Web.TrimEnd('}') + $$$""","type":"{{{type}}}","sessionAffinity":"ClientIP"}""");
        var node = await NodeAddressAsync(on);
        var url = type == "NodePort" ? $"http://{node}:{service["spec"]!["ports"]![0]!["nodePort"]}/hostname" : $"http://{service["spec"]!["clusterIP"]}/hostname";
        await AddressesAsync(on, "sticky", 3);
        await Workloads.UntilAsync(() => on.WgetAsync("client", url), a => a is not null, url);
        Assert.Single(await AskedAsync(12));

        (await on.Api.PatchAsync($"{on.Services}/sticky", """{"spec":{"sessionAffinity":"None","sessionAffinityConfig":null}}""")).Ok();
        await Workloads.UntilAsync(async () => Workloads.Number((await AskedAsync(12)).Count), a => a != "1", "answers come from one Pod still");

        (await on.Api.PatchAsync($"{on.Services}/sticky", """{"spec":{"sessionAffinity":"ClientIP"}}""")).Ok();
        await Workloads.UntilAsync(async () => Workloads.Number((await AskedAsync(12)).Count), a => a == "1", "answers come from several Pods still");

        async Task<HashSet<string>> AskedAsync(int times)
        {
            var output = await on.ExecAsync("client", "/bin/sh", "-c", $"i=0; while [ $i -lt {times} ]; do /bin/timeout 3 /bin/wget -q -O - {url} && echo; i=$((i+1)); done");
            return [.. (output ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
        }
    }

    [Fact]
    [ConformanceRow("[sig-network] EndpointSlice should support a Service with multiple endpoint IPs specified in multiple EndpointSlices [Conformance]")]
    [ConformanceRow("[sig-network] EndpointSlice should support a Service with multiple ports specified in multiple EndpointSlices [Conformance]")]
    public async Task HandMadeSlices_AreServed()
    {
        var on = await Workloads.StartAsync(cluster);
        await on.PodAsync("client");
        var one = Workloads.Ip(await on.PodAsync("one", command: "\"/agent\",\"serve\",\"8081\",\"8083\""));
        var two = Workloads.Ip(await on.PodAsync("two", command: "\"/agent\",\"serve\",\"8082\""));
        var service = await on.ServiceAsync("hand", """{"ports":[{"name":"a","port":80},{"name":"b","port":81},{"name":"c","port":82}]}""");
        var slices = $"/apis/discovery.k8s.io/v1/namespaces/{on.Namespace}/endpointslices";
        foreach (var (name, ip, port) in ((string, string, int)[])[("a", one, 8081), ("b", two, 8082), ("c", one, 8083)])
        {
            (await on.Api.PostAsync(slices, $$$"""{"metadata":{"name":"hand-{{{name}}}","labels":{"kubernetes.io/service-name":"hand"}},"addressType":"IPv4","endpoints":[{"addresses":["{{{ip}}}"],"conditions":{"ready":true}}],"ports":[{"name":"{{{name}}}","port":{{{port}}},"protocol":"TCP"}] }""")).Ok(201);
        }

        await AnswersAsync(on, $"http://{service["spec"]!["clusterIP"]}:80/hostname", "one");
        await AnswersAsync(on, $"http://{service["spec"]!["clusterIP"]}:81/hostname", "two");
        await AnswersAsync(on, $"http://{service["spec"]!["clusterIP"]}:82/hostname", "one");
    }

    [Fact]
    [ConformanceRow("[sig-network] HostPort validates that there is no conflict between pods with same hostPort but different hostIP and protocol [LinuxOnly] [Conformance]")]
    public async Task HostPorts_OfDifferentAddressOrProtocol_ShareANumber()
    {
        var on = await Workloads.StartAsync(cluster);
        var node = (string)(await on.PodAsync("client"))["status"]!["hostIP"]!;
        const int Port = 54323;
        await on.PodAsync("one", container: Ports("127.0.0.1", "TCP"));
        await on.PodAsync("two", container: Ports(node, "TCP"));
        await on.PodAsync("three", container: Ports(node, "UDP"));
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        await Workloads.UntilAsync(() => FetchAsync(http, $"http://127.0.0.1:{Port}/hostname"), a => a == "one", "127.0.0.1");
        await Workloads.UntilAsync(() => FetchAsync(http, $"http://{node}:{Port}/hostname"), a => a == "two", node);
        Assert.Equal("two", await on.WgetAsync("client", $"http://{node}:{Port}/hostname"));
        Assert.Equal("three", await on.ExecAsync("client", "/agent", "udp", node, Workloads.Number(Port)));

        static string Ports(string ip, string protocol) => $$$"""
            "ports":[{"containerPort":8080,"hostPort":{{{Port}}},"hostIP":"{{{ip}}}","protocol":"{{{protocol}}}"}]
            """;
    }

    [Fact]
    [ConformanceRow("[sig-apps] ReplicaSet should serve a basic image on each replica with a public image [Conformance]")]
    public async Task Replicas_ServeEach()
    {
        var on = await Workloads.StartAsync(cluster);
        (await on.Api.PostAsync(
            $"/apis/apps/v1/namespaces/{on.Namespace}/replicasets",
            """{"metadata":{"name":"rs"},"spec":{"replicas":2,"selector":{"matchLabels":{"app":"rs"}},"template":{"metadata":{"labels":{"app":"rs"}},"spec":{"containers":[""" + Workloads.ContainerJson() + "]}}}}")).Ok(201);
        var pods = (await on.Api.UntilAsync($"{on.Pods}?labelSelector=app%3Drs", a => a.Ok().Json["items"]!.AsArray() is { Count: 2 } items && items.All(p => Workloads.IsReady(p!)))).Json["items"]!.AsArray();
        foreach (var pod in pods)
        {
            var name = (string)pod!["metadata"]!["name"]!;
            Assert.Equal(name, (await on.Api.GetAsync($"{on.Pods}/{name}:8080/proxy/hostname")).Ok().Text);
        }
    }

    internal static Task<string> AnswersAsync(Workloads on, string url, string expected) => Workloads.UntilAsync(() => on.WgetAsync("client", url), a => a == expected, $"{url} does not answer {expected}");

    private static Task AddressesAsync(Workloads on, string service, int count) => on.Api.UntilAsync(
        $"/apis/discovery.k8s.io/v1/namespaces/{on.Namespace}/endpointslices?labelSelector=kubernetes.io/service-name%3D{service}",
        a => a.Ok().Json["items"]!.AsArray().SelectMany(s => s!["endpoints"]?.AsArray() ?? []).Count(e => (bool?)e!["conditions"]?["ready"] != false) == count);

    private static async Task<string?> FetchAsync(HttpClient http, string url)
    {
        try
        {
            return await http.GetStringAsync(url);
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }

    private static async Task<string> UdpAsync(string address, int port)
    {
        using var udp = new UdpClient();
        await udp.SendAsync("hostname"u8.ToArray(), new IPEndPoint(IPAddress.Parse(address), port));
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        return Encoding.ASCII.GetString((await udp.ReceiveAsync(limit.Token)).Buffer);
    }
}
