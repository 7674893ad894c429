using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Kaji.Bench;

/// <summary>A cluster of the real executable, started for the measurement and purged after it.</summary>
internal sealed partial class ClusterUnderTest : IAsyncDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("kaji-bench-").FullName;
    private readonly string _listen = $"127.0.0.1:{Random.Shared.Next(20_000, 30_000)}";

    private string[] _flags = [];

    /// <summary>`kaji up` from nothing to ready.</summary>
    public TimeSpan FirstStart { get; private set; }

    public string Data => _data;

    /// <summary>The newest kubectl that the tests fetch.</summary>
    public static string Kubectl => Path.Combine(Environment.GetEnvironmentVariable("KAJI_CLIENTS") ?? Path.Combine(Home, "out", "clients"), "kubectl-1.35");

    private static string Home { get; } = FindHome();

    /// <param name="flags">Of `kaji up`.</param>
    public static async Task<ClusterUnderTest> StartAsync(params string[] flags)
    {
        var cluster = new ClusterUnderTest { _flags = flags };
        await cluster.KajiAsync("--version");
        cluster.FirstStart = await cluster.UpAsync();
        return cluster;
    }

    public async Task<TimeSpan> UpAsync()
    {
        var clock = Stopwatch.StartNew();
        await KajiAsync(["up", "--no-merge", "--listen", _listen, "--data-dir", _data, .. _flags]);
        return clock.Elapsed;
    }

    /// <summary>The example fleet's program, built; its directory.</summary>
    public static async Task<string> FleetAsync()
    {
        var directory = Path.Combine(Home, "out", "fleet");
        await RunAsync("bash", Path.Combine(Home, "examples", "fleet", "build.sh"), directory);
        return directory;
    }

    public Task StopAsync() => KajiAsync("stop", "--data-dir", _data);

    public Task KajiAsync(params string[] arguments) => RunAsync(Path.Combine(Home, "kaji"), arguments);

    public static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true }) ?? throw new InvalidOperationException(program);
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {output}");
    }

    /// <summary>A client with the admin's certificate.</summary>
    /// <param name="connections">At most so many; HTTP/1.1, one request at a time each.</param>
    public HttpClient Connect(int connections)
    {
        var config = File.ReadAllText(Path.Combine(_data, "kubeconfig"));
        var certificate = X509Certificate2.CreateFromPem(Decode(config, "client-certificate-data"), Decode(config, "client-key-data"));
        var authority = X509Certificate2.CreateFromPem(Decode(config, "certificate-authority-data"));
        var handler = new SocketsHttpHandler { MaxConnectionsPerServer = connections };
        handler.SslOptions.ClientCertificates = [X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null)];
        handler.SslOptions.LocalCertificateSelectionCallback = (_, _, local, _, _) => local[0];
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        handler.SslOptions.CertificateChainPolicy.CustomTrustStore.Add(authority);
        var client = new HttpClient(handler) { BaseAddress = new Uri($"https://{_listen}") };
        client.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        return client;
    }

    public int ServerPid => int.Parse(
        RunAsync("pgrep", "-f", $"kaji server --data-dir {_data}").GetAwaiter().GetResult().Split('\n')[0], CultureInfo.InvariantCulture);

    /// <summary>Resident bytes and CPU time of the server.</summary>
    public (long Resident, TimeSpan Cpu) Usage()
    {
        using var process = Process.GetProcessById(ServerPid);
        return (process.WorkingSet64, process.TotalProcessorTime);
    }

    public async ValueTask DisposeAsync()
    {
        await KajiAsync("down", "--purge", "--data-dir", _data);
    }

    public static ByteArrayContent Json(string text)
    {
        var content = new ByteArrayContent(System.Text.Encoding.UTF8.GetBytes(text));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    public static JsonObject Pod(string ns, string name, string image) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Pod",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = ns, ["labels"] = new JsonObject { ["app"] = "bench" } },
        ["spec"] = new JsonObject
        {
            ["terminationGracePeriodSeconds"] = 0,
            ["containers"] = new JsonArray((JsonNode)new JsonObject { ["name"] = "c", ["image"] = image, ["command"] = new JsonArray("/bin/sleep", "100000") }),
        },
    };

    private static string Decode(string config, string field) =>
        System.Text.Encoding.ASCII.GetString(Convert.FromBase64String(Regex.Match(config, field + @":\s*""?([A-Za-z0-9+/=]+)", RegexOptions.None, TimeSpan.FromSeconds(1)).Groups[1].Value));

    private static string FindHome()
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(at!.FullName, "Kaji.slnx")))
        {
            at = at.Parent;
        }

        return at.FullName;
    }
}
