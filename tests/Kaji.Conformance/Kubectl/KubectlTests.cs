using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Kaji.Conformance.Kubectl;

/// <summary>Rows about kubectl itself.</summary>
public sealed class KubectlTests(ConformanceCluster cluster)
{
    [Fact]
    [ConformanceRow("[sig-cli] Kubectl client Kubectl api-versions should check if v1 is in available api versions [Conformance]")]
    public async Task ApiVersions_HaveV1() => Assert.Contains("v1", (await RunAsync("api-versions")).Split('\n'));

    [Fact]
    [ConformanceRow("[sig-cli] Kubectl client Kubectl cluster-info should check if Kubernetes control plane services is included in cluster-info [Conformance]")]
    public async Task ClusterInfo_NamesTheControlPlane()
    {
        var output = await RunAsync("cluster-info");
        Assert.Contains("Kubernetes control plane", output, StringComparison.Ordinal);
        Assert.Contains($"https://{cluster.Listen}", output, StringComparison.Ordinal);
    }

    [Fact]
    [ConformanceRow("[sig-cli] Kubectl client Kubectl version should check is all data is printed [Conformance]")]
    public async Task Version_PrintsAll()
    {
        var versions = JsonNode.Parse(await RunAsync("version", "-o", "json"))!;
        foreach (var side in (string[])["clientVersion", "serverVersion"])
        {
            foreach (var field in (string[])["major", "minor", "gitVersion", "gitCommit", "buildDate", "goVersion", "platform"])
            {
                Assert.False(string.IsNullOrEmpty((string?)versions[side]![field]), $"{side}.{field}");
            }
        }
    }

    [Fact]
    [ConformanceRow("[sig-cli] Kubectl client Kubectl diff should check if kubectl diff finds a difference for Deployments [Conformance]")]
    public async Task Diff_ShowsTheImage()
    {
        var ns = await cluster.NamespaceAsync();
        const string Deployment =
            """{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"replicas":0,"selector":{"matchLabels":{"app":"d"}},"template":{"metadata":{"labels":{"app":"d"}},"spec":{"containers":[{"name":"c","image":"one/one:1"}]}}}}""";
        Assert.Equal(0, (await cluster.KubectlWithInputAsync(Deployment, "-n", ns, "create", "-f", "-")).Code);
        var (code, output) = await cluster.KubectlWithInputAsync(Deployment.Replace("one/one:1", "two/two:2", StringComparison.Ordinal), "-n", ns, "diff", "-f", "-");
        Assert.Equal(1, code);
        Assert.Contains("+      - image: two/two:2", output, StringComparison.Ordinal);
    }

    [Fact]
    [ConformanceRow("[sig-cli] Kubectl client Kubectl run pod should create a pod from an image when restart is Never [Conformance]")]
    public async Task Run_WithoutRestart_IsABarePod()
    {
        var ns = await cluster.NamespaceAsync();
        await RunAsync("-n", ns, "run", "bare", "--restart=Never", "--image=none/none:1");
        var pod = (await cluster.Admin.GetAsync($"/api/v1/namespaces/{ns}/pods/bare")).Ok().Json["spec"]!;
        Assert.Equal(("none/none:1", "Never"), ((string)pod["containers"]![0]!["image"]!, (string)pod["restartPolicy"]!));
    }

    [Fact]
    [ConformanceRow("[sig-cli] Kubectl client Proxy server should support proxy with --port 0 [Conformance]")]
    public async Task Proxy_AtAnyPort()
    {
        await using var proxy = Start("proxy", "--port=0");
        var line = await proxy.Process.StandardOutput.ReadLineAsync() ?? "";
        using var http = new HttpClient();
        var versions = JsonNode.Parse(await http.GetStringAsync($"http://{line[(line.LastIndexOf(' ') + 1)..]}/api/"))!;
        Assert.NotEmpty(versions["versions"]!.AsArray());
    }

    [Fact]
    [ConformanceRow("[sig-cli] Kubectl client Proxy server should support --unix-socket=/path [Conformance]")]
    public async Task Proxy_OnAUnixSocket()
    {
        var directory = Directory.CreateTempSubdirectory("kaji-proxy-").FullName;
        var path = Path.Combine(directory, "sock");
        await using var proxy = Start("proxy", $"--unix-socket={path}");
        await proxy.Process.StandardOutput.ReadLineAsync();
        using var http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, token) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), token);
                return new NetworkStream(socket, ownsSocket: true);
            },
        });
        try
        {
            Assert.NotEmpty(JsonNode.Parse(await http.GetStringAsync("http://localhost/api/"))!["versions"]!.AsArray());
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Theory]
    [InlineData("pods.spec.containers.resources", "requests")]
    [InlineData("deployments.spec.strategy.rollingUpdate", "maxSurge")]
    [InlineData("services.spec.ports", "nodePort")]
    public async Task Explain_KnowsBuiltInFields(string what, string field) => Assert.Contains(field, await RunAsync("explain", what), StringComparison.Ordinal);

    private async Task<string> RunAsync(params string[] arguments)
    {
        var (code, output) = await cluster.KubectlAsync(arguments);
        Assert.True(code == 0, output);
        return output;
    }

    private Background Start(params string[] arguments) =>
        new(Process.Start(new ProcessStartInfo(Path.Combine(ConformanceCluster.Clients, "kubectl-1.35"), ["--kubeconfig", cluster.Kubeconfig, .. arguments]) { RedirectStandardOutput = true })!);

    /// <summary>A process that ends with the test, however that goes.</summary>
    private sealed record Background(Process Process) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            Process.Kill();
            await Process.WaitForExitAsync();
            Process.Dispose();
        }
    }
}
