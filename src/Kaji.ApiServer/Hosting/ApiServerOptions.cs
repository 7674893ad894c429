using System.Net;
using System.Security.Cryptography.X509Certificates;
using Kaji.ApiServer.Aggregation;
using Kaji.ApiServer.Audit;

namespace Kaji.ApiServer.Hosting;

/// <summary>Where and how the API is served.</summary>
public sealed record ApiServerOptions
{
    /// <summary>Addresses to listen on, TLS.</summary>
    public required IReadOnlyList<IPEndPoint> Listen { get; init; }

    /// <summary>The serving certificate with its key, asked at each handshake, so that a renewed one is used at once.</summary>
    public required Func<X509Certificate2> ServingCertificate { get; init; }

    /// <summary>Bytes of a request's body at most.</summary>
    public long MaxBodyBytes { get; init; } = 3 * 1024 * 1024;

    /// <summary>Requests other than watches under way at once; more get 429.</summary>
    public int MaxRequestsInFlight { get; init; } = 800;

    /// <summary>What is audited; null for nothing.</summary>
    public AuditOptions? Audit { get; init; }

    /// <summary>How aggregated servers are called; null when there are none (tests).</summary>
    public AggregationOptions? Aggregation { get; init; }

    /// <exception cref="ArgumentException">A value makes no sense.</exception>
    public void Validate()
    {
        if (Listen.Count == 0)
        {
            throw new ArgumentException("no address to listen on");
        }

        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxBodyBytes);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxRequestsInFlight);
    }
}
