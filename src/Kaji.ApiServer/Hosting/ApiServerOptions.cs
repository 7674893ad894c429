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

    /// <summary>Requests under way at once, shared by the priority levels: what is more waits, or gets 429. Watches count until they have started.</summary>
    public int MaxRequestsInFlight { get; init; } = 600;

    /// <summary>How long a request may wait for its turn.</summary>
    public TimeSpan MaxQueueWait { get; init; } = TimeSpan.FromSeconds(15);

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
