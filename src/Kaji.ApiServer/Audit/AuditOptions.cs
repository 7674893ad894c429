namespace Kaji.ApiServer.Audit;

/// <summary>What is audited, and where it is written.</summary>
/// <param name="Policy">Which requests.</param>
/// <param name="Path">The file, or <c>-</c> for standard output.</param>
public sealed record AuditOptions(AuditPolicy Policy, string Path)
{
    /// <summary>Megabytes after which a file is put away and a new one begun.</summary>
    public int MaxSize { get; init; } = 100;

    /// <summary>Files put away that are kept; 0 for all.</summary>
    public int MaxBackups { get; init; }

    /// <summary>Days that files put away are kept; 0 for ever.</summary>
    public int MaxAge { get; init; }

    /// <summary>Events that may wait to be written; when it is full, requests wait too.</summary>
    public int MaxWaiting { get; init; } = 10_000;
}
