using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;

[assembly: AssemblyFixture(typeof(Kaji.Conformance.ConformanceCluster))]

namespace Kaji.Conformance;

/// <summary>One cluster for all rows: the executable that users run, reached over TLS with the admin's certificate.</summary>
public sealed partial class ConformanceCluster : IAsyncLifetime
{
    private readonly Lazy<Task> _image;
    private int _namespaces;

    public ConformanceCluster() => _image = new Lazy<Task>(BuildImageAsync);

    public string Data { get; } = Directory.CreateTempSubdirectory("kaji-conformance-").FullName;

    public string Listen { get; } = $"127.0.0.1:{FreePort()}";

    public string Kubeconfig => Path.Combine(Data, "kubeconfig");

    public static string Home { get; } = FindHome();

    public static string Clients { get; } = Environment.GetEnvironmentVariable("KAJI_CLIENTS") ?? Path.Combine(Home, "out", "clients");

    /// <summary>As the cluster's admin.</summary>
    public Api Admin { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        await KajiAsync("up", "--no-merge", "--listen", Listen);
        Admin = new Api(Connect());
    }

    public async ValueTask DisposeAsync()
    {
        Admin?.Dispose();
        await KajiAsync("down", "--purge");
        if (Directory.Exists(Data))
        {
            Directory.Delete(Data, recursive: true);
        }
    }

    /// <summary>The image that Pods of the rows run: busybox, and the program of <c>Image/agent.c</c>.</summary>
    public Task ImageAsync() => _image.Value;

    /// <summary>A namespace of the test's own.</summary>
    public async Task<string> NamespaceAsync()
    {
        var name = $"row-{Interlocked.Increment(ref _namespaces)}";
        (await Admin.PostAsync("/api/v1/namespaces", $$"""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"{{name}}"} }""")).Ok(201);
        await Admin.UntilAsync($"/api/v1/namespaces/{name}/serviceaccounts/default", a => a.Code == 200);
        return name;
    }

    /// <param name="change">Headers such as Impersonate-User.</param>
    public HttpClient Connect(Action<HttpClient>? change = null)
    {
        var config = File.ReadAllText(Kubeconfig);
        var handler = new SocketsHttpHandler();
        using var certificate = X509Certificate2.CreateFromPem(Decode(config, "client-certificate-data"), Decode(config, "client-key-data"));
        handler.SslOptions.ClientCertificates = [X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null)];
        handler.SslOptions.LocalCertificateSelectionCallback = (_, _, local, _, _) => local[0];
        handler.SslOptions.CertificateChainPolicy = Trust(config);
        var client = new HttpClient(handler) { BaseAddress = new Uri($"https://{Listen}"), Timeout = TimeSpan.FromSeconds(60) };
        change?.Invoke(client);
        return client;
    }

    /// <summary>With a certificate and its key.</summary>
    public HttpClient ConnectWith(X509Certificate2 certificate)
    {
        var bound = X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
        var handler = new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = Trust(File.ReadAllText(Kubeconfig)), ClientCertificates = [bound], LocalCertificateSelectionCallback = (_, _, _, _, _) => bound } };
        return new HttpClient(handler) { BaseAddress = new Uri($"https://{Listen}"), Timeout = TimeSpan.FromSeconds(60) };
    }

    /// <summary>Without a certificate; <paramref name="token"/> as the bearer token.</summary>
    public HttpClient ConnectAs(string? token)
    {
        var client = new HttpClient(new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = Trust(File.ReadAllText(Kubeconfig)) } }) { BaseAddress = new Uri($"https://{Listen}"), Timeout = TimeSpan.FromSeconds(60) };
        if (token is not null)
        {
            client.DefaultRequestHeaders.Authorization = new("Bearer", token);
        }

        return client;
    }

    /// <summary>kubectl 1.35.</summary>
    /// <returns>Exit code, and standard output and error together.</returns>
    public Task<(int Code, string Output)> KubectlAsync(params string[] arguments) => RunAsync(Path.Combine(Clients, "kubectl-1.35"), null, ["--kubeconfig", Kubeconfig, .. arguments]);

    public Task<(int Code, string Output)> KubectlWithInputAsync(string input, params string[] arguments) =>
        RunAsync(Path.Combine(Clients, "kubectl-1.35"), input, ["--kubeconfig", Kubeconfig, .. arguments]);

    public static async Task<(int Code, string Output)> RunAsync(string program, string? input, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true })!;
        if (input is not null)
        {
            await process.StandardInput.WriteAsync(input);
        }

        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output + await error);
    }

    private async Task BuildImageAsync()
    {
        var files = Directory.CreateTempSubdirectory("kaji-conformance-image-").FullName;
        try
        {
            var bin = Directory.CreateDirectory(Path.Combine(files, "bin")).FullName;
            Directory.CreateDirectory(Path.Combine(files, "tmp"));
            var (code, output) = await RunAsync("gcc", null, "-static", "-Os", "-o", Path.Combine(files, "agent"), Path.Combine(AppContext.BaseDirectory, "Image", "agent.c"));
            Assert.True(code == 0, output);
            File.Copy("/bin/busybox", Path.Combine(bin, "busybox"));
            foreach (var tool in (string[])["sh", "cat", "echo", "sleep", "wget", "timeout", "hostname", "nslookup", "rm", "touch", "ls", "test"])
            {
                File.CreateSymbolicLink(Path.Combine(bin, tool), "busybox");
            }

            await KajiAsync("image", "build", Running.Workloads.Image, "--dir", files, "--entrypoint", "/agent");
        }
        finally
        {
            Directory.Delete(files, recursive: true);
        }
    }

    /// <returns>What it printed.</returns>
    public async Task<string> KajiAsync(params string[] arguments)
    {
        var (code, output) = await RunAsync(Path.Combine(Home, "kaji"), null, [.. arguments, "--data-dir", Data]);
        Assert.True(code == 0, output);
        return output;
    }

    private static X509ChainPolicy Trust(string config)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(X509Certificate2.CreateFromPem(Decode(config, "certificate-authority-data")));
        return policy;
    }

    private static string Decode(string config, string field) =>
        Encoding.ASCII.GetString(Convert.FromBase64String(Regex.Match(config, field + @":\s*""?([A-Za-z0-9+/=]+)", RegexOptions.None, TimeSpan.FromSeconds(1)).Groups[1].Value));

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

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
