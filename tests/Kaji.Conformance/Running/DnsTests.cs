using System.Net;
using DnsClient;
using DnsClient.Protocol;

namespace Kaji.Conformance.Running;

/// <summary>Rows about the cluster's names.</summary>
public sealed class DnsTests(ConformanceCluster cluster)
{
    [Fact]
    [ConformanceRow("[sig-network] DNS should provide DNS for the cluster [Conformance]")]
    [ConformanceRow("[sig-network] DNS should resolve DNS of partial qualified names for services [LinuxOnly] [Conformance]")]
    public async Task Cluster_AndPartialNames()
    {
        var on = await Workloads.StartAsync(cluster);
        await on.PodAsync("client");
        var ip = (string)(await on.Api.GetAsync("/api/v1/namespaces/default/services/kubernetes")).Ok().Json["spec"]!["clusterIP"]!;
        foreach (var tcp in (bool[])[false, true])
        {
            Assert.Equal(ip, (await QueryAsync(on, "kubernetes.default.svc.cluster.local", QueryType.A, tcp)).OfType<ARecord>().Single().Address.ToString());
        }

        var service = await on.ServiceAsync("partial", """{"selector":{"app":"web"},"ports":[{"port":80,"targetPort":8080}]}""");
        await on.PodAsync("web");
        foreach (var name in (string[])["partial", $"partial.{on.Namespace}", $"partial.{on.Namespace}.svc", $"partial.{on.Namespace}.svc.cluster.local"])
        {
            await NetworkTests.AnswersAsync(on, $"http://{name}/hostname", "web");
        }

        Assert.NotNull(service);
    }

    [Fact]
    [ConformanceRow("[sig-network] DNS should provide DNS for services [Conformance]")]
    public async Task Services_HaveAddresses_Ports_AndReverseNames()
    {
        var on = await Workloads.StartAsync(cluster);
        var pod = Workloads.Ip(await on.PodAsync("web"));
        var ip = (string)(await on.ServiceAsync("plain", """{"selector":{"app":"web"},"ports":[{"name":"http","port":80,"targetPort":8080}]}"""))["spec"]!["clusterIP"]!;
        await on.ServiceAsync("headless", """{"clusterIP":"None","selector":{"app":"web"},"ports":[{"name":"http","port":80,"targetPort":8080}]}""");
        await Workloads.UntilAsync(
            async () => (await QueryAsync(on, $"headless.{on.Namespace}.svc.cluster.local", QueryType.A)).OfType<ARecord>().SingleOrDefault()?.Address.ToString(), a => a == pod, "the headless Service");
        foreach (var tcp in (bool[])[false, true])
        {
            Assert.Equal(ip, (await QueryAsync(on, $"plain.{on.Namespace}.svc.cluster.local", QueryType.A, tcp)).OfType<ARecord>().Single().Address.ToString());
            Assert.Equal(pod, (await QueryAsync(on, $"headless.{on.Namespace}.svc.cluster.local", QueryType.A, tcp)).OfType<ARecord>().Single().Address.ToString());
            Assert.Equal(80, (await QueryAsync(on, $"_http._tcp.plain.{on.Namespace}.svc.cluster.local", QueryType.SRV, tcp)).OfType<SrvRecord>().Single().Port);
            Assert.Equal(8080, (await QueryAsync(on, $"_http._tcp.headless.{on.Namespace}.svc.cluster.local", QueryType.SRV, tcp)).OfType<SrvRecord>().Single().Port);
            var reverse = string.Join('.', ip.Split('.').Reverse()) + ".in-addr.arpa";
            Assert.Equal($"plain.{on.Namespace}.svc.cluster.local.", (await QueryAsync(on, reverse, QueryType.PTR, tcp)).OfType<PtrRecord>().Single().PtrDomainName.Value);
        }
    }

    [Fact]
    [ConformanceRow("[sig-network] DNS should provide DNS for pods for Hostname [Conformance]")]
    [ConformanceRow("[sig-network] DNS should provide DNS for pods for Subdomain [Conformance]")]
    [ConformanceRow("[sig-network] DNS should provide /etc/hosts entries for the cluster [Conformance]")]
    public async Task Pods_HaveNames_InDnsAndInTheirHostsFile()
    {
        var on = await Workloads.StartAsync(cluster);
        await on.ServiceAsync("dns-sub", """{"clusterIP":"None","selector":{"app":"named"},"ports":[{"name":"http","port":80,"targetPort":8080}]}""");
        var pod = Workloads.Ip(await on.PodAsync("named", spec: "\"hostname\":\"dns-querier\",\"subdomain\":\"dns-sub\""));
        var full = $"dns-querier.dns-sub.{on.Namespace}.svc.cluster.local";
        await Workloads.UntilAsync(async () => (await QueryAsync(on, full, QueryType.A)).OfType<ARecord>().SingleOrDefault()?.Address.ToString(), a => a == pod, full);
        Assert.Equal(pod, (await QueryAsync(on, $"dns-sub.{on.Namespace}.svc.cluster.local", QueryType.A, tcp: true)).OfType<ARecord>().Single().Address.ToString());
        Assert.Equal("dns-querier", await on.ExecAsync("named", "/bin/hostname"));
        Assert.Equal(full, await on.ExecAsync("named", "/bin/hostname", "-f"));
        var hosts = await on.ExecAsync("named", "/bin/cat", "/etc/hosts");
        Assert.Contains($"{pod}\t{full}\tdns-querier", hosts, StringComparison.Ordinal);
    }

    [Fact]
    [ConformanceRow("[sig-network] DNS should provide DNS for ExternalName services [Conformance]")]
    public async Task ExternalNames_AreAliases_ThatFollowChanges()
    {
        var on = await Workloads.StartAsync(cluster);
        var name = $"outside.{on.Namespace}.svc.cluster.local";
        await on.ServiceAsync("outside", """{"type":"ExternalName","externalName":"foo.example.com"}""");
        await AliasAsync("foo.example.com.");
        (await on.Api.PatchAsync($"{on.Services}/outside", """{"spec":{"externalName":"bar.example.com"}}""")).Ok();
        await AliasAsync("bar.example.com.");
        (await on.Api.PatchAsync($"{on.Services}/outside", """{"spec":{"type":"ClusterIP","externalName":null,"ports":[{"port":80}]}}""")).Ok();
        var ip = (string)(await on.Api.GetAsync($"{on.Services}/outside")).Ok().Json["spec"]!["clusterIP"]!;
        await Workloads.UntilAsync(async () => (await QueryAsync(on, name, QueryType.A)).OfType<ARecord>().SingleOrDefault()?.Address.ToString(), a => a == ip, name);

        Task AliasAsync(string target) => Workloads.UntilAsync(async () => (await QueryAsync(on, name, QueryType.CNAME)).OfType<CNameRecord>().SingleOrDefault()?.CanonicalName.Value, a => a == target, name);
    }

    private static async Task<IReadOnlyList<DnsResourceRecord>> QueryAsync(Workloads on, string name, QueryType type, bool tcp = false)
    {
        var server = (string)(await on.Api.GetAsync("/api/v1/namespaces/kube-system/services/kube-dns")).Ok().Json["spec"]!["clusterIP"]!;
        var client = new LookupClient(new LookupClientOptions(IPAddress.Parse(server)) { UseCache = false, UseTcpOnly = tcp, Retries = 2, Timeout = TimeSpan.FromSeconds(3), ThrowDnsErrors = false });
        return (await client.QueryAsync(name, type)).Answers;
    }
}
