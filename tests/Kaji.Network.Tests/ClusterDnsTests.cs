using System.Net;
using System.Net.Sockets;
using CsCheck;
using DnsClient;
using DnsClient.Protocol;
using k8s.Models;
using Kaji.Network.Dns;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaji.Network.Tests;

public sealed class ClusterDnsTests : IAsyncLifetime
{
    private static int _port = 10053;
    private readonly FakeInformer<V1Service> _services = new();
    private readonly FakeInformer<V1EndpointSlice> _slices = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly IPEndPoint _endpoint = new(IPAddress.Loopback, Interlocked.Increment(ref _port));
    private readonly UdpClient _upstream = new(new IPEndPoint(IPAddress.Loopback, 0));
    private int _asked;
    private Task _running = Task.CompletedTask;
    private LookupClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _services.Put(Objects.Service("web", "10.96.0.7"));
        _services.Put(Objects.Service("db", "None", 5432));
        _slices.Put(Objects.Slice("db", 5432, [Objects.Endpoint("10.244.0.5", hostname: "db-0"), Objects.Endpoint("10.244.0.6"), Objects.Endpoint("10.244.0.7", ready: false)]));
        _services.Put(new V1Service { Metadata = new V1ObjectMeta { Name = "ext", NamespaceProperty = "default" }, Spec = new V1ServiceSpec { Type = "ExternalName", ExternalName = "Example.org" } });
        _services.Put(new V1Service { Metadata = new V1ObjectMeta { Name = "alias", NamespaceProperty = "default" }, Spec = new V1ServiceSpec { Type = "ExternalName", ExternalName = "web.default.svc.cluster.local" } });
        _services.Put(Objects.Service("big", "None"));
        _slices.Put(Objects.Slice("big", 80, Enumerable.Range(1, 200).Select(i => Objects.Endpoint($"10.244.1.{i}"))));
        var options = new ClusterDnsOptions
        {
            Listen = [_endpoint],
            Upstreams = [(IPEndPoint)_upstream.Client.LocalEndPoint!],
            UpstreamTimeout = TimeSpan.FromMilliseconds(200),
            ReverseZones = [IPNetwork.Parse("10.96.0.0/16"), IPNetwork.Parse("10.244.0.0/16")],
        };
        var dns = new ClusterDns(options, _services, _slices, TimeProvider.System, NullLogger<ClusterDns>.Instance);
        _running = dns.RunAsync(_stop.Token);
        await await Task.WhenAny(dns.Ready, _running);
        _client = new LookupClient(new LookupClientOptions(_endpoint) { UseCache = false, Retries = 0, Timeout = TimeSpan.FromSeconds(5), ThrowDnsErrors = false });
        _ = AnswerAsync();
    }

    [Fact]
    public async Task Service_HasItsAddress()
    {
        var answer = await _client.QueryAsync("web.default.svc.cluster.local", QueryType.A);
        Assert.Equal(["10.96.0.7"], answer.Answers.ARecords().Select(r => r.Address.ToString()));
        Assert.True(answer.Header.HasAuthorityAnswer);
        Assert.Equal(5, answer.Answers[0].TimeToLive);
        var none = await _client.QueryAsync("web.default.svc.cluster.local", QueryType.AAAA);
        Assert.Equal((0, DnsHeaderResponseCode.NoError, 1), (none.Answers.Count, none.Header.ResponseCode, none.Authorities.OfType<SoaRecord>().Count()));
        var missing = await _client.QueryAsync("nothing.default.svc.cluster.local", QueryType.A);
        Assert.Equal((DnsHeaderResponseCode.NotExistentDomain, 1), (missing.Header.ResponseCode, missing.Authorities.OfType<SoaRecord>().Count()));
        Assert.Equal(DnsHeaderResponseCode.NoError, (await _client.QueryAsync("default.svc.cluster.local", QueryType.A)).Header.ResponseCode);
        Assert.Equal(0, _asked);
    }

    [Fact]
    public async Task Headless_HasItsReadyEndpoints_HostnamesAndPorts()
    {
        var all = await _client.QueryAsync("db.default.svc.cluster.local", QueryType.A);
        Assert.Equal(["10.244.0.5", "10.244.0.6"], all.Answers.ARecords().Select(r => r.Address.ToString()).Order());
        var one = await _client.QueryAsync("db-0.db.default.svc.cluster.local", QueryType.A);
        Assert.Equal("10.244.0.5", Assert.Single(one.Answers.ARecords()).Address.ToString());
        var ports = await _client.QueryAsync("_http._tcp.db.default.svc.cluster.local", QueryType.SRV);
        Assert.Equal(["10-244-0-6.db.default.svc.cluster.local.:5432", "db-0.db.default.svc.cluster.local.:5432"], ports.Answers.SrvRecords().Select(r => $"{r.Target}:{r.Port}").Order());
        Assert.Equal(2, ports.Additionals.ARecords().Count());
        var port = await _client.QueryAsync("_http._tcp.web.default.svc.cluster.local", QueryType.SRV);
        Assert.Equal("web.default.svc.cluster.local.", Assert.Single(port.Answers.SrvRecords()).Target.Value);
    }

    [Fact]
    public async Task PodReverseVersionAndExternalNames()
    {
        Assert.Equal("10.244.0.9", Assert.Single((await _client.QueryAsync("10-244-0-9.default.pod.cluster.local", QueryType.A)).Answers.ARecords()).Address.ToString());
        Assert.Equal("web.default.svc.cluster.local.", Assert.Single((await _client.QueryReverseAsync(IPAddress.Parse("10.96.0.7"))).Answers.PtrRecords()).PtrDomainName.Value);
        Assert.Equal("db-0.db.default.svc.cluster.local.", Assert.Single((await _client.QueryReverseAsync(IPAddress.Parse("10.244.0.5"))).Answers.PtrRecords()).PtrDomainName.Value);
        Assert.Equal(DnsHeaderResponseCode.NotExistentDomain, (await _client.QueryReverseAsync(IPAddress.Parse("10.96.9.9"))).Header.ResponseCode);
        Assert.Equal("1.1.0", Assert.Single((await _client.QueryAsync("dns-version.cluster.local", QueryType.TXT)).Answers.TxtRecords()).Text.Single());
        var alias = await _client.QueryAsync("alias.default.svc.cluster.local", QueryType.A);
        Assert.Equal("10.96.0.7", Assert.Single(alias.Answers.ARecords()).Address.ToString());
        Assert.Single(alias.Answers.CnameRecords());
        var outside = await _client.QueryAsync("ext.default.svc.cluster.local", QueryType.A);
        Assert.Equal("192.0.2.7", Assert.Single(outside.Answers.ARecords()).Address.ToString());
        Assert.Equal("example.org.", Assert.Single(outside.Answers.CnameRecords()).CanonicalName.Value);
    }

    [Fact]
    public async Task OtherNames_AreForwardedAndKept_SilenceIsServerFailure()
    {
        Assert.Equal("192.0.2.7", Assert.Single((await _client.QueryAsync("example.net", QueryType.A)).Answers.ARecords()).Address.ToString());
        Assert.Equal("192.0.2.7", Assert.Single((await _client.QueryAsync("EXAMPLE.net", QueryType.A)).Answers.ARecords()).Address.ToString());
        Assert.Equal(1, _asked);
        Assert.Equal(DnsHeaderResponseCode.ServerFailure, (await _client.QueryAsync("silent.net", QueryType.A)).Header.ResponseCode);
    }

    [Fact]
    public async Task LongAnswer_IsCutOverUdp_AndWholeOverTcp()
    {
        using var socket = new UdpClient();
        socket.Connect(_endpoint);
        await socket.SendAsync(QueryBuilder.Build("big.default.svc.cluster.local", DnsType.A).Message);
        var cut = (await socket.ReceiveAsync(new CancellationTokenSource(5000).Token)).Buffer;
        Assert.Equal(2, cut[2] & 2);
        Assert.InRange(cut.Length, 400, 512);
        Assert.Equal(200, (await _client.QueryAsync("big.default.svc.cluster.local", QueryType.A)).Answers.ARecords().Count());
    }

    [Fact]
    public async Task Changes_AreAnsweredAtOnce()
    {
        _slices.Put(Objects.Slice("db", 5432, [Objects.Endpoint("10.244.0.8")]));
        Assert.Equal("10.244.0.8", Assert.Single((await _client.QueryAsync("db.default.svc.cluster.local", QueryType.A)).Answers.ARecords()).Address.ToString());
        _services.Remove("default", "web");
        Assert.Equal(DnsHeaderResponseCode.NotExistentDomain, (await _client.QueryAsync("web.default.svc.cluster.local", QueryType.A)).Header.ResponseCode);
    }

    [Fact]
    public void Decoder_AnyBytes_NeverFailsAndNeverHangs()
    {
        var valid = QueryBuilder.Build("web.default.svc.cluster.local", 1).Message;
        Gen.Byte.Array[0, 80].Sample(bytes =>
        {
            DnsQuery.TryParse(bytes, out _, out _);
            DnsRecord.ReadAll(bytes);
            // And mutations of a valid one.
            var mutated = valid.ToArray();
            for (var i = 0; i + 1 < bytes.Length && i < 6; i += 2)
            {
                mutated[bytes[i] % mutated.Length] = bytes[i + 1];
            }

            DnsQuery.TryParse(mutated, out var query, out _);
            if (query is not null)
            {
                Assert.True(query.Question.Length <= mutated.Length - 12);
            }
        }, iter: 20000);
    }

    [Fact]
    public void WrittenAnswers_AreReadBack()
    {
        var label = Gen.Char["abcdefghijklmnopqrstuvwxyz0123456789-"].Array[1, 20].Select(c => new string(c));
        label.Array[1, 5].Select(l => string.Join('.', l)).Sample(name =>
        {
            var (_, bytes) = QueryBuilder.Build(name, DnsType.Srv);
            Assert.True(DnsQuery.TryParse(bytes, out var query, out _));
            Assert.Equal(name, query!.Name);
            var target = "x." + name;
            var message = DnsWriter.Write(query, new DnsAnswer(DnsCode.NoError, [new DnsData(name, DnsType.Srv) { Target = target, Port = 99 }], [new DnsData(target, DnsType.A) { Address = IPAddress.Loopback }]), "cluster.local", 5, 1, 1232);
            var records = DnsRecord.ReadAll(message)!;
            Assert.Equal([(name, DnsType.Srv, 5u), (target, DnsType.A, 5u)], records.Select(r => (r.Name, r.Type, r.Ttl)));
            var offset = records[0].DataOffset + 6;
            Assert.True(DnsName.TryRead(message, ref offset, out var read));
            Assert.Equal(target, read);
        });
    }

    [Fact]
    public void NamePointerLoop_IsRefused()
    {
        byte[] message = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1];
        Assert.False(DnsQuery.TryParse(message, out _, out var error));
        Assert.Equal(DnsCode.FormatError, error);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _upstream.Dispose();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
    }

    private async Task AnswerAsync()
    {
        try
        {
            while (true)
            {
                var received = await _upstream.ReceiveAsync(_stop.Token);
                if (DnsQuery.TryParse(received.Buffer, out var query, out _) && !query!.Name.StartsWith("silent", StringComparison.Ordinal))
                {
                    Interlocked.Increment(ref _asked);
                    var answer = DnsAnswer.Of([new DnsData(query.Name, DnsType.A) { Address = IPAddress.Parse("192.0.2.7") }]);
                    await _upstream.SendAsync(DnsWriter.Write(query, answer, "net", 60, 1, 512), received.RemoteEndPoint, _stop.Token);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The end of the test.
        }
    }
}
