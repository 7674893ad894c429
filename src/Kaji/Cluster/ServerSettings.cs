using Kaji.ApiServer.Audit;

namespace Kaji.Cluster;

/// <summary>What the user asks of the API server beyond its address; see <see cref="Commands.ServerFlags"/>.</summary>
internal sealed record ServerSettings
{
    /// <summary>What is audited; null for nothing.</summary>
    public AuditOptions? Audit { get; init; }
}
