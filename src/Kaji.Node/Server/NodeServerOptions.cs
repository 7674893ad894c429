using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace Kaji.Node.Server;

/// <summary>Where the node's server listens and whom it lets in.</summary>
public sealed record NodeServerOptions
{
    public required string NodeName { get; init; }

    public IPAddress ListenAddress { get; init; } = IPAddress.Loopback;

    /// <summary>0 for any that is free; see <see cref="NodeServer.Port"/>.</summary>
    public int Port { get; init; }

    /// <summary>The serving certificate with its key, asked at each handshake.</summary>
    public required Func<X509Certificate2> ServerCertificate { get; init; }

    /// <summary>Authorities whose client certificates count.</summary>
    public required X509Certificate2Collection ClientCa { get; init; }

    /// <summary>Which of the certificates that the authorities vouch for may connect. Default: the API server's.</summary>
    public Func<X509Certificate2, bool> Allow { get; init; } = ClientCertificates.IsApiServer;

    /// <summary>How long output is waited for after a command's process has ended (another process may hold the pipe).</summary>
    public TimeSpan OutputDrain { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a SPDY client may take to open the streams it asked for.</summary>
    public TimeSpan StreamCreation { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>WebSocket pings to clients.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(30);

    /// <exception cref="ArgumentException">A value makes no sense.</exception>
    public void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(NodeName);
        ArgumentOutOfRangeException.ThrowIfNegative(Port);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Port, IPEndPoint.MaxPort);
        if (ClientCa.Count == 0)
        {
            throw new ArgumentException("no authority for client certificates");
        }
    }
}
