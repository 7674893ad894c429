namespace Kaji.Engine.Images;

/// <summary>Where images lie and how they are fetched.</summary>
public sealed record ImageStoreOptions
{
    /// <summary>The data directory; <c>images/</c> and <c>layers/</c> are made in it.</summary>
    public required string Directory { get; init; }

    /// <summary>Registries (host or host:port) spoken to over HTTP besides localhost and 127.*.</summary>
    public IReadOnlyList<string> InsecureRegistries { get; init; } = [];

    /// <summary>Layers of one pull fetched at once.</summary>
    public int ParallelDownloads { get; init; } = 3;

    /// <summary>Tries of one request, the first included.</summary>
    public int Attempts { get; init; } = 4;

    /// <summary>Longest wait for the next bytes of an answer.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(60);
}
