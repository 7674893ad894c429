using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using YamlDotNet.RepresentationModel;

namespace Kaji.Client;

/// <summary>A kubeconfig's current context, and a transport made of it. Understands embedded certificates and tokens.</summary>
public sealed record Kubeconfig(Uri Server, string AuthorityPem, string? CertificatePem, string? KeyPem, string? Token)
{
    /// <exception cref="FormatException">Not a kubeconfig; the message names the file.</exception>
    public static Kubeconfig Load(string file)
    {
        var yaml = new YamlStream();
        using (var reader = new StreamReader(file))
        {
            yaml.Load(reader);
        }

        if (yaml.Documents.Count == 0 || yaml.Documents[0].RootNode is not YamlMappingNode root)
        {
            throw new FormatException($"{file} is not a kubeconfig");
        }

        var context = Named(root, "contexts", Text(root, "current-context"), "context", file);
        var cluster = Named(root, "clusters", Text(context, "cluster"), "cluster", file);
        var user = Named(root, "users", Text(context, "user"), "user", file);
        return new Kubeconfig(
            new Uri(Text(cluster, "server")), Pem(cluster, "certificate-authority") ?? "", Pem(user, "client-certificate"), Pem(user, "client-key"), Text(user, "token") is { Length: > 0 } token ? token : null);
    }

    /// <summary>A client of the API server.</summary>
    public HttpMessageInvoker Connect()
    {
        X509Certificate2? certificate = null;
        if (CertificatePem is not null && KeyPem is not null)
        {
            using var pem = X509Certificate2.CreateFromPem(CertificatePem, KeyPem);
            certificate = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
        }

        return Connect(AuthorityPem, certificate is null ? null : () => certificate, Token is null ? null : () => Token);
    }

    /// <summary>A client of an API server.</summary>
    /// <param name="certificate">Asked for with each new connection, so that a renewed one is taken up; null for none.</param>
    /// <param name="token">Asked for with each request; null for none.</param>
    public static HttpMessageInvoker Connect(string authorityPem, Func<X509Certificate2>? certificate, Func<string>? token)
    {
        var handler = new SocketsHttpHandler { PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5), EnableMultipleHttp2Connections = true, ConnectTimeout = TimeSpan.FromSeconds(5), ConnectCallback = ConnectAsync };
        handler.SslOptions = new SslClientAuthenticationOptions
        {
            CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck },
        };
        handler.SslOptions.CertificateChainPolicy.CustomTrustStore.ImportFromPem(authorityPem);
        if (certificate is not null)
        {
            handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate();
        }

        return new HttpMessageInvoker(token is null ? handler : new BearerHandler(token, handler));
    }

    /// <summary>A watch may be silent for a long time: keep-alive and a limit on unacknowledged data tell a peer that is gone from one that has nothing to say.</summary>
    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        const int UserTimeout = 18;
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 5);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 2);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
            socket.SetRawSocketOption((int)SocketOptionLevel.Tcp, UserTimeout, BitConverter.GetBytes(10_000));
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static YamlMappingNode Named(YamlMappingNode root, string list, string name, string field, string file)
    {
        if (root.Children.TryGetValue(list, out var node) && node is YamlSequenceNode entries)
        {
            foreach (var entry in entries.OfType<YamlMappingNode>().Where(e => Text(e, "name") == name))
            {
                if (entry.Children.TryGetValue(field, out var found) && found is YamlMappingNode map)
                {
                    return map;
                }
            }
        }

        throw new FormatException($"{file}: {list} holds no \"{name}\"");
    }

    private static string Text(YamlMappingNode node, string name) => node.Children.TryGetValue(name, out var value) ? (value as YamlScalarNode)?.Value ?? "" : "";

    private static string? Pem(YamlMappingNode node, string name) =>
        Text(node, name + "-data") is { Length: > 0 } data ? Encoding.UTF8.GetString(Convert.FromBase64String(data))
        : Text(node, name) is { Length: > 0 } file ? File.ReadAllText(file)
        : null;

    private sealed class BearerHandler(Func<string> token, HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Headers.Authorization = new System.Net.Http.Headers.AuthenticationHeaderValue("Bearer", token());
            return base.SendAsync(request, cancellationToken);
        }
    }
}
