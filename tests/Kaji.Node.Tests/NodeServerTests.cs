using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Kaji.Node.Tests;

public sealed class NodeServerTests(ServerFixture node) : IClassFixture<ServerFixture>
{
    [Fact]
    public async Task Clients_WithoutTheRightCertificate_StayOutside()
    {
        using (var right = node.Http(node.Client()))
        {
            Assert.Equal("ok", await right.GetStringAsync("/healthz"));
        }

        using (var admin = node.Http(node.Client("CN=admin,O=system:masters")))
        {
            Assert.Equal("ok", await admin.GetStringAsync("/healthz"));
        }

        using var none = node.Http(null);
        await Assert.ThrowsAsync<HttpRequestException>(() => none.GetStringAsync("/healthz"));
        using var user = node.Http(node.Client("CN=jane,O=developers"));
        await Assert.ThrowsAsync<HttpRequestException>(() => user.GetStringAsync("/healthz"));
    }

    [Fact]
    public async Task Exec_V5_CarriesInputOutputErrorAndExitCode()
    {
        using var socket = await node.SocketAsync("/exec/default/web/main?command=sh&command=-c&command=cat;echo%20bad%20%3E%262;exit%203&input=1&output=1&error=1", "v5.channel.k8s.io");
        await SendAsync(socket, [0, .. "typed"u8]);
        await SendAsync(socket, [255, 0]);
        var channels = await ReadAllAsync(socket);
        Assert.Equal(("typed", "bad\n"), (channels[1], channels[2]));
        var status = JsonNode.Parse(channels[3])!;
        Assert.Equal(("Failure", "NonZeroExitCode", "3"), ((string)status["status"]!, (string)status["reason"]!, (string)status["details"]!["causes"]![0]!["message"]!));
    }

    [Fact]
    public async Task Exec_V4_TakesTheApisParameterNames_AndSucceeds()
    {
        using var socket = await node.SocketAsync("/exec/default/web/main?command=echo&command=hi&stdout=true&stderr=true", "v4.channel.k8s.io");
        var channels = await ReadAllAsync(socket);
        Assert.Equal(("hi\n", "Success"), (channels[1], (string)JsonNode.Parse(channels[3])!["status"]!));
        Assert.Equal(WebSocketCloseStatus.NormalClosure, socket.CloseStatus);
    }

    [Fact]
    public async Task Exec_LargeOutput_ArrivesWhole()
    {
        using var socket = await node.SocketAsync("/exec/default/web/main?command=sh&command=-c&command=head%20-c%205000000%20/dev/zero&output=1", "v5.channel.k8s.io");
        Assert.Equal(5_000_000, (await ReadAllAsync(socket))[1].Length);
    }

    [Fact]
    public async Task Exec_InputNobodyReads_DoesNotHoldTheEnd()
    {
        using var socket = await node.SocketAsync("/exec/default/web/main?command=true&input=1&output=1", "v5.channel.k8s.io");
        await SendAsync(socket, [0, .. new byte[20_000]]);
        Assert.Equal("Success", (string)JsonNode.Parse((await ReadAllAsync(socket))[3])!["status"]!);
    }

    [Fact]
    public async Task Exec_OfACommandThatIsNotThere_IsTold()
    {
        using var socket = await node.SocketAsync("/exec/default/web/main?command=missing&output=1", "v5.channel.k8s.io");
        Assert.Contains("missing: not found in $PATH", (await ReadAllAsync(socket))[3], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tty_TellsTheSize()
    {
        using var socket = await node.SocketAsync("/exec/default/web/main?command=cat&input=1&output=1&tty=1", "v5.channel.k8s.io");
        await SendAsync(socket, [4, .. "{\"Width\":120,\"Height\":40}\n"u8]);
        Assert.Equal((120, 40), await node.Runtime.Sizes.Reader.ReadAsync());
        await SendAsync(socket, [255, 0]);
        Assert.Equal("Success", (string)JsonNode.Parse((await ReadAllAsync(socket))[3])!["status"]!);
    }

    [Fact]
    public async Task PortForward_OnChannels_ConnectsAndTellsFailures()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        using var socket = await node.SocketAsync($"/portForward/default/web?port={port}&port=1", "v4.channel.k8s.io");
        using var accepted = await listener.AcceptTcpClientAsync();
        await SendAsync(socket, [0, .. "ping"u8]);
        var got = new byte[4];
        await accepted.GetStream().ReadExactlyAsync(got);
        Assert.Equal("ping", Encoding.ASCII.GetString(got));
        await accepted.GetStream().WriteAsync("pong"u8.ToArray());
        accepted.Close();
        var channels = await ReadAllAsync(socket);
        Assert.Equal("pong", channels[0][2..]);
        Assert.Contains("error forwarding port 1 to pod web", channels[3], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/containerLogs/default/web/main", 200, "hello\n")]
    [InlineData("/containerLogs/default/web/main?timestamps=true", 200, "2026-11-23T14:00:00.000000001Z hello\n")]
    [InlineData("/containerLogs/default/web/main?previous=true", 400, "previous terminated container \"main\" in pod \"web\" not found")]
    [InlineData("/containerLogs/default/web/late", 400, "container \"late\" in pod \"web\" is waiting to start: ContainerCreating")]
    [InlineData("/containerLogs/default/web/other", 404, "container \"other\" not found in pod \"web\"")]
    [InlineData("/containerLogs/default/gone/main", 404, "pod \"gone\" not found")]
    [InlineData("/exec/default/web/main?command=true&output=1", 400, "unable to upgrade: the request asks for neither WebSocket nor SPDY/3.1")]
    [InlineData("/exec/default/web/main?output=1", 400, "you must specify at least 1 command")]
    [InlineData("/nothing", 404, "404 page not found")]
    public async Task Answers(string path, int code, string body)
    {
        using var http = node.Http(node.Client());
        using var response = await http.GetAsync(path);
        Assert.Equal((code, body), ((int)response.StatusCode, await response.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task Usage_IsTheRuntimes()
    {
        using var http = node.Http(node.Client());
        var metrics = await http.GetStringAsync("/metrics/resource");
        Assert.Contains("container_cpu_usage_seconds_total{container=\"main\",namespace=\"default\",pod=\"web\"} 1.5 ", metrics, StringComparison.Ordinal);
        Assert.Contains("node_memory_working_set_bytes ", metrics, StringComparison.Ordinal);
        var summary = JsonNode.Parse(await http.GetStringAsync("/stats/summary"))!;
        Assert.Equal(2_000_000, (long)summary["pods"]![0]!["containers"]![0]!["memory"]!["workingSetBytes"]!);
        Assert.True((long)summary["node"]!["cpu"]!["usageCoreNanoSeconds"]! > 0);
        Assert.Equal("web", (string)JsonNode.Parse(await http.GetStringAsync("/pods"))!["items"]![0]!["metadata"]!["name"]!);
        Assert.Contains("kubelet_running_pods 1", await http.GetStringAsync("/metrics"), StringComparison.Ordinal);
    }

    private static Task SendAsync(ClientWebSocket socket, byte[] message) => socket.SendAsync(message, WebSocketMessageType.Binary, true, CancellationToken.None);

    private static async Task<Dictionary<int, string>> ReadAllAsync(ClientWebSocket socket)
    {
        var channels = new Dictionary<int, StringBuilder>();
        var message = new MemoryStream();
        var buffer = new byte[65536];
        while (true)
        {
            var received = await socket.ReceiveAsync(buffer, CancellationToken.None);
            if (received.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None);
                return channels.ToDictionary(c => c.Key, c => c.Value.ToString());
            }

            message.Write(buffer, 0, received.Count);
            if (received.EndOfMessage)
            {
                var bytes = message.ToArray();
                channels.TryAdd(bytes[0], new StringBuilder());
                channels[bytes[0]].Append(Encoding.Latin1.GetString(bytes[1..]));
                message.SetLength(0);
            }
        }
    }
}
