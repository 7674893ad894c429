using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Kaji.EndToEnd;

/// <summary>A cluster of its own for a test class: the executable that users run, a data directory and ports nobody else has.</summary>
public sealed class TestCluster : IAsyncLifetime
{
    private readonly string[] _flags;

    public TestCluster()
        : this([])
    {
    }

    /// <param name="flags">Of each <c>kaji up</c>.</param>
    internal TestCluster(string[] flags) => _flags = flags;

    public const string Image = "test/busybox:1";

    public static string Kaji { get; } = Path.Combine(Home, "kaji");

    public static string Clients { get; } = Environment.GetEnvironmentVariable("KAJI_CLIENTS") ?? Path.Combine(Home, "out", "clients");

    /// <summary>Versions of kubectl that must work.</summary>
    public static TheoryData<string> Kubectls { get; } = ["kubectl-1.32", "kubectl-1.35"];

    public string Data { get; } = Directory.CreateTempSubdirectory("kaji-e2e-").FullName;

    public string Listen { get; } = $"127.0.0.1:{FreePort()}";

    public string Kubeconfig => Path.Combine(Data, "kubeconfig");

    /// <summary>The checkout.</summary>
    public static string Home
    {
        get
        {
            var at = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(at!.FullName, "Kaji.slnx")))
            {
                at = at.Parent;
            }

            return at.FullName;
        }
    }

    public async ValueTask InitializeAsync()
    {
        var files = Directory.CreateTempSubdirectory("kaji-e2e-image-").FullName;
        try
        {
            var bin = Directory.CreateDirectory(Path.Combine(files, "bin")).FullName;
            Directory.CreateDirectory(Path.Combine(files, "tmp"));
            File.Copy((await Command.RunAsync("sh", "-c", "command -v busybox")).Ok().Output.Trim(), Path.Combine(bin, "busybox"));
            foreach (var tool in "sh ls cat echo sleep httpd wget tar kill ps env id hostname nslookup nc stty touch rm mkdir true false date head dd tail test seq".Split(' '))
            {
                File.CreateSymbolicLink(Path.Combine(bin, tool), "busybox");
            }

            await RunKajiAsync("image", "build", Image, "--dir", files, "--entrypoint", "/bin/sh").ContinueWith(t => t.Result.Ok(), TaskScheduler.Default);
        }
        finally
        {
            Directory.Delete(files, recursive: true);
        }

        (await UpAsync()).Ok();
    }

    public async ValueTask DisposeAsync()
    {
        var outcome = await RunKajiAsync("down", "--purge");
        if (Directory.Exists(Data) && outcome.Code == 0)
        {
            Directory.Delete(Data, recursive: true);
        }

        outcome.Ok();
    }

    public Task<Outcome> UpAsync(params string[] more) => RunKajiAsync(["up", "--no-merge", "--listen", Listen, .. _flags, .. more]);

    /// <summary>SIGKILL to the server; its containers run on.</summary>
    public async Task KillServerAsync()
    {
        var server = ServerPid();
        (await Command.RunAsync("kill", "-9", server)).Ok();
        await Eventually.HoldsAsync("the server is gone", async () => (await Command.RunAsync("kill", "-0", server)).Code != 0);
    }

    public Task<Outcome> RunKajiAsync(params string[] arguments) => Command.RunAsync(Kaji, [.. arguments, "--data-dir", Data]);

    public Task<Outcome> KubectlAsync(params string[] arguments) => KubectlWithAsync("kubectl-1.35", arguments);

    public Task<Outcome> KubectlWithAsync(string version, params string[] arguments) =>
        Command.RunAsync(Path.Combine(Clients, version), ["--kubeconfig", Kubeconfig, .. arguments]);

    public async Task ApplyAsync(string yaml, string version = "kubectl-1.35") =>
        (await Command.RunAsync(Path.Combine(Clients, version), ["--kubeconfig", Kubeconfig, "apply", "-f", "-"], yaml, null)).Ok();

    public async Task<JsonNode> GetAsync(params string[] what) => JsonNode.Parse((await KubectlAsync(["get", "-o", "json", .. what])).Ok().Output)!;

    /// <summary>Makes a namespace for one test; deleted with everything by <see cref="DisposeAsync"/>.</summary>
    public async Task<string> NamespaceAsync()
    {
        var name = "t-" + Guid.NewGuid().ToString("N")[..8];
        (await KubectlAsync("create", "namespace", name)).Ok();
        return name;
    }

    /// <summary>A Deployment of the test image with a web server on 8080 that answers <paramref name="answer"/>.</summary>
    public static string WebDeployment(string ns, string name, int replicas, string answer, string extra = "") => $$$"""
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: {{{name}}}, namespace: {{{ns}}}}
        spec:
          replicas: {{{replicas}}}
          selector: {matchLabels: {app: {{{name}}} } }
          strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0} }
          template:
            metadata: {labels: {app: {{{name}}} } }
            spec:
              terminationGracePeriodSeconds: 10
              containers:
              - name: web
                image: {{{Image}}}
                command: ["/bin/sh", "-c", "mkdir -p /tmp/www; echo {{{answer}}} > /tmp/www/index.html; touch /tmp/ready; trap 'exit 0' TERM; httpd -f -p 8080 -h /tmp/www & wait"]
                ports: [{containerPort: 8080, name: http}]
                readinessProbe: {exec: {command: ["/bin/ls", "/tmp/ready"]}, periodSeconds: 1}
                lifecycle: {preStop: {exec: {command: ["/bin/sleep", "2"]} } }
                resources: {requests: {cpu: 10m, memory: 8Mi}, limits: {memory: 64Mi} }
        {{{extra}}}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: {{{name}}}, namespace: {{{ns}}}}
        spec: {selector: {app: {{{name}}}}, ports: [{port: 80, targetPort: http}]}
        """;

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Process id of the server of this data directory.</summary>
    public string ServerPid() => PidOf(Data);

    /// <summary>Process id of the server or agent of a data directory.</summary>
    public static string PidOf(string data) => Read(Path.Combine(RunOf(data), "kaji.pid"));

    /// <summary>What a server or agent that lives keeps under /run.</summary>
    public static string RunOf(string data) => Directory.EnumerateDirectories("/run/kaji").First(directory =>
        Path.Combine(directory, "kaji.pid") is var file && File.Exists(file) && Read(file) is { Length: > 0 } pid && Directory.Exists($"/proc/{pid}") && File.ReadAllText($"/proc/{pid}/cmdline").Contains(data, StringComparison.Ordinal));

    private static string Read(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Trim();
    }
}
