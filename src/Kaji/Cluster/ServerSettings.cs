using Kaji.ApiServer.Admission.Limits;
using Kaji.ApiServer.Audit;
using Kaji.ApiServer.Authentication;

namespace Kaji.Cluster;

/// <summary>What the user asks of the API server beyond its address; see <see cref="Commands.ServerFlags"/>.</summary>
internal sealed record ServerSettings
{
    /// <summary>What is audited; null for nothing.</summary>
    public AuditOptions? Audit { get; init; }

    /// <summary>Address under which other machines reach the API; null when only this one does.</summary>
    public System.Net.IPAddress? Advertise { get; init; }

    /// <summary>Whether this server runs the bots' operator and its node agents are their wardens.</summary>
    public bool Bots { get; init; } = true;

    /// <summary>An OpenID Connect issuer; null for none.</summary>
    public OidcOptions? Oidc { get; init; }

    /// <summary>Bounds on events; empty for none.</summary>
    public IReadOnlyList<EventLimit> EventLimits { get; init; } = [];
}
