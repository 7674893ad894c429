using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Kaji.Node.Logs;
using Kaji.Node.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Kaji.Node.Tests;

/// <summary>
/// The real kubectl against the node's handlers, in every protocol that it has. In front of them stands just enough of an API server for kubectl to find the
/// Pod; the real one passes the same bytes on.
/// </summary>
public sealed class KubectlTests(ServerFixture node) : IClassFixture<ServerFixture>, IAsyncLifetime
{
    private static readonly string Clients = Environment.GetEnvironmentVariable("KAJI_CLIENTS") ?? "";
    private readonly string _home = Directory.CreateTempSubdirectory("kaji-kubectl-").FullName;
    private WebApplication? _front;
    private string _address = "";

    private CancellationTokenSource Deadline { get; } = new(TimeSpan.FromSeconds(20));

    /// <summary>Version of kubectl, and whether it may use WebSocket.</summary>
    public static TheoryData<string, bool> Ways { get; } = new() { { "kubectl-1.32", true }, { "kubectl-1.32", false }, { "kubectl-1.35", true }, { "kubectl-1.35", false } };

    public async ValueTask InitializeAsync()
    {
        var exec = new ExecHandler(node, node.Runtime, node.Options, TimeProvider.System);
        var ports = new PortForwardHandler(node, node.Runtime, node.Options);
        var logs = new LogHandler(node, new LogReader(new DirectoryChanges(node.Inotify)), new ContainerExits(node.Runtime), TimeProvider.System);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0));
        _front = builder.Build();
        _front.Run(context => context.Request.Path.Value switch
        {
            "/api" => JsonAsync(context, """{"kind":"APIVersions","versions":["v1"]}"""),
            "/apis" => JsonAsync(context, """{"kind":"APIGroupList","apiVersion":"v1","groups":[]}"""),
            "/api/v1" => JsonAsync(context, """{"kind":"APIResourceList","groupVersion":"v1","resources":[{"name":"pods","singularName":"pod","namespaced":true,"kind":"Pod","verbs":["get","list"]}]}"""),
            "/api/v1/namespaces/default/pods/web" => JsonAsync(context, """{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web","namespace":"default"},"spec":{"containers":[{"name":"main","image":"x","stdin":true}]},"status":{"phase":"Running"}}"""),
            "/api/v1/namespaces/default/pods/web/exec" => exec.ExecAsync(context, "default", "web", "main"),
            "/api/v1/namespaces/default/pods/web/attach" => exec.AttachAsync(context, "default", "web", "main"),
            "/api/v1/namespaces/default/pods/web/portforward" => ports.HandleAsync(context, "default", "web"),
            "/api/v1/namespaces/default/pods/web/log" => logs.HandleAsync(context, "default", "web", "main"),
            _ => Task.FromResult(context.Response.StatusCode = 404),
        });
        await _front.StartAsync();
        _address = _front.Urls.First();
    }

    public async ValueTask DisposeAsync()
    {
        await _front!.StopAsync(new CancellationToken(canceled: true));
        await _front.DisposeAsync();
        Deadline.Dispose();
        Directory.Delete(_home, recursive: true);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Exec_GivesOutputErrorAndExitCode(string kubectl, bool webSocket)
    {
        using var process = Start(kubectl, webSocket, "exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 7");
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        Assert.Equal(("out\n", "err\ncommand terminated with exit code 7\n", 7), (await output, await error, process.ExitCode));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task ExecWithInput_EndsWhenTheInputEnds(string kubectl, bool webSocket)
    {
        using var process = Start(kubectl, webSocket, "exec", "-i", "web", "--", "cat");
        var sent = new string('x', 3_000_000);
        var output = process.StandardOutput.ReadToEndAsync();
        await process.StandardInput.WriteAsync(sent);
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        Assert.Equal((0, sent.Length), (process.ExitCode, (await output).Length));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Copy_GoesBothWays(string kubectl, bool webSocket)
    {
        var (from, there, back) = (Path.Combine(_home, "from"), Path.Combine(_home, "there"), Path.Combine(_home, "back"));
        await File.WriteAllBytesAsync(from, Enumerable.Range(0, 700_000).Select(i => (byte)(i * 7)).ToArray());
        foreach (var (source, target) in ((string, string)[])[(from, $"web:{there}"), ($"web:{there}", back)])
        {
            using var process = Start(kubectl, webSocket, "cp", source, target);
            var error = process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();
            Assert.True(process.ExitCode == 0, await error);
        }

        Assert.Equal(await File.ReadAllBytesAsync(from), await File.ReadAllBytesAsync(back));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Attach_JoinsTheStreams(string kubectl, bool webSocket)
    {
        using var process = Start(kubectl, webSocket, "attach", "-i", "web");
        await process.StandardInput.WriteLineAsync("hello");
        Assert.Equal("hello", await process.StandardOutput.ReadLineAsync());
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task PortForward_CarriesConnections_AndGoesOnAfterAFailedOne(string kubectl, bool webSocket)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        using var process = Start(kubectl, webSocket, "port-forward", "web", $":{port}", ":1", "--address", "127.0.0.1");
        var errors = process.StandardError.ReadToEndAsync();
        try
        {
            var local = LocalPort(await process.StandardOutput.ReadLineAsync());
            var broken = LocalPort(await process.StandardOutput.ReadLineAsync());
            for (var round = 0; round < 3; round++)
            {
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, local);
                var near = client.GetStream();
                await near.WriteAsync(new byte[100_000]);
                client.Client.Shutdown(SocketShutdown.Send);
                using var server = await listener.AcceptTcpClientAsync(Deadline.Token);
                var far = server.GetStream();
                using var received = new MemoryStream();
                await far.CopyToAsync(received, Deadline.Token);
                await far.WriteAsync(received.ToArray());
                server.Close();
                using var answered = new MemoryStream();
                await near.CopyToAsync(answered, Deadline.Token);
                Assert.Equal((100_000, 100_000), (received.Length, answered.Length));
            }

            using var refused = new TcpClient();
            await refused.ConnectAsync(IPAddress.Loopback, broken);
            Assert.Equal(0, await refused.GetStream().ReadAsync(new byte[1], Deadline.Token));
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
            TestContext.Current.TestOutputHelper!.WriteLine(await errors);
        }

        Assert.Contains("error forwarding port 1 to pod web", await errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("kubectl-1.32")]
    [InlineData("kubectl-1.35")]
    public async Task Logs_AreShown(string kubectl)
    {
        using var process = Start(kubectl, webSocket: true, "logs", "web", "--timestamps", "--tail=1");
        Assert.Equal("2026-11-23T14:00:00.000000001Z hello\n", await process.StandardOutput.ReadToEndAsync());
    }

    private static int LocalPort(string? line) => int.Parse(line!.Split(" -> ")[0].Split(':')[^1], System.Globalization.CultureInfo.InvariantCulture);

    private static Task JsonAsync(HttpContext context, string json)
    {
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(json);
    }

    private Process Start(string kubectl, bool webSocket, params string[] arguments)
    {
        var path = Path.Combine(Clients, kubectl);
        Assert.SkipUnless(File.Exists(path), $"{kubectl} is not in KAJI_CLIENTS; tests/fetch-clients.sh puts it there");
        var start = new ProcessStartInfo(path, [$"--server={_address}", "-n", "default", .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["HOME"] = _home;
        start.Environment["KUBECONFIG"] = "";
        start.Environment["KUBECTL_REMOTE_COMMAND_WEBSOCKETS"] = start.Environment["KUBECTL_PORT_FORWARD_WEBSOCKETS"] = webSocket ? "true" : "false";
        return Process.Start(start)!;
    }
}
