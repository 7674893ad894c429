using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Kaji.Linux.Events;
using Kaji.Linux.Inotify;
using Kaji.Node.Server;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaji.Node.Tests;

/// <summary>A running <see cref="NodeServer"/> with one Pod, default/web, and clients of it.</summary>
public sealed class ServerFixture : IAsyncLifetime, IPodDirectory
{
    private readonly string _directory = Directory.CreateTempSubdirectory("kaji-node-").FullName;
    private readonly X509Certificate2 _ca;
    private readonly X509Certificate2 _serving;
    private readonly EventLoop _loop = new();
    private readonly InotifyHub _hub;

    public ServerFixture()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=kaji-ca", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _ca = request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddHours(-1), TimeProvider.System.GetUtcNow().AddDays(1));
        _serving = Sign("CN=node", "1.3.6.1.5.5.7.3.1");
        _hub = new InotifyHub(_loop);
        Runtime = new HostRuntime(LogPath);
        Options = new NodeServerOptions { NodeName = "node", ServerCertificate = () => _serving, ClientCa = [_ca] };
        Server = new NodeServer(Options, this, Runtime, _hub, TimeProvider.System, NullLoggerFactory.Instance);
    }

    internal HostRuntime Runtime { get; }

    internal NodeServerOptions Options { get; }

    internal InotifyHub Inotify => _hub;

    public NodeServer Server { get; }

    public string LogPath => Path.Combine(_directory, "0.log");

    public async ValueTask InitializeAsync()
    {
        await File.WriteAllTextAsync(LogPath, "2026-11-23T14:00:00.000000001+00:00 stdout F hello\n");
        await Server.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        _hub.Dispose();
        _loop.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    public PodPlace? Find(string @namespace, string pod) => (@namespace, pod) == ("default", "web") ? List()[0] : null;

    public IReadOnlyList<PodPlace> List() =>
    [
        new(
            new V1Pod { ApiVersion = "v1", Kind = "Pod", Metadata = new V1ObjectMeta { Name = "web", NamespaceProperty = "default", Uid = "u1" } },
            HostRuntime.SandboxId,
            [new ContainerPlace { Name = "main", ContainerId = HostRuntime.ContainerId, LogPath = LogPath }, new ContainerPlace { Name = "late", WaitingReason = "ContainerCreating" }]),
    ];

    public X509Certificate2 Client(string subject = "CN=kube-apiserver-kubelet-client") => Sign(subject, "1.3.6.1.5.5.7.3.2");

    public HttpClient Http(X509Certificate2? certificate)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, server, _, _) => server!.GetCertHashString() == _serving.GetCertHashString();
        handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate!;
        return new HttpClient(handler) { BaseAddress = new Uri($"https://127.0.0.1:{Server.Port}") };
    }

    public async Task<ClientWebSocket> SocketAsync(string pathAndQuery, string protocol)
    {
        var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol(protocol);
        socket.Options.ClientCertificates.Add(Client());
        socket.Options.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        await socket.ConnectAsync(new Uri($"wss://127.0.0.1:{Server.Port}{pathAndQuery}"), CancellationToken.None);
        return socket;
    }

    private X509Certificate2 Sign(string subject, string usage)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        using var signed = request.Create(_ca, TimeProvider.System.GetUtcNow().AddMinutes(-5), TimeProvider.System.GetUtcNow().AddHours(1), RandomNumberGenerator.GetBytes(8));
        using var whole = signed.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null);
    }
}
