namespace Kaji.Engine;

/// <summary>
/// Images on this host: content by digest, layers unpacked once. Names are resolved as Docker does (<c>nginx</c> is <c>docker.io/library/nginx:latest</c>).
/// Failures are <see cref="EngineException"/>.
/// </summary>
public interface IImageStore
{
    /// <summary>The image a reference (name, name@digest, or id) stands for, if it is here.</summary>
    ImageInfo? Find(string reference);

    /// <summary>All images.</summary>
    IReadOnlyList<ImageInfo> List();

    /// <summary>Fetches from the reference's registry.</summary>
    Task<ImageInfo> PullAsync(string reference, RegistryCredential? credential = null, IProgress<string>? progress = null, CancellationToken cancellationToken = default);

    /// <summary>Takes in a <c>docker save</c> archive or an OCI layout archive (plain, gzip or zstd tar); returns the images in it.</summary>
    Task<IReadOnlyList<ImageInfo>> ImportAsync(Stream archive, CancellationToken cancellationToken = default);

    /// <summary>Makes an image of a directory's files on scratch or on an image already here. The same input gives the same id.</summary>
    Task<ImageInfo> BuildAsync(ImageBuildSpec spec, CancellationToken cancellationToken = default);

    /// <summary>Forgets a name; content that nothing uses any more is deleted. False when there is no such image.</summary>
    Task<bool> RemoveAsync(string reference, CancellationToken cancellationToken = default);
}

/// <summary>An image.</summary>
/// <param name="Id">Digest of its configuration, <c>sha256:…</c>.</param>
/// <param name="Names">Full references with tags.</param>
/// <param name="Digests">Full references with digests.</param>
/// <param name="Size">Bytes unpacked.</param>
/// <param name="User">The image's user, as <c>1000:1000</c>, <c>nobody</c> or empty.</param>
public sealed record ImageInfo(string Id, IReadOnlyList<string> Names, IReadOnlyList<string> Digests, long Size, string User, DateTimeOffset CreatedAt);

/// <summary>User and password for a registry.</summary>
public sealed record RegistryCredential(string User, string Password);

/// <summary>What <c>kaji image build</c> is told.</summary>
public sealed record ImageBuildSpec
{
    /// <summary>Name with optional tag.</summary>
    public required string Name { get; init; }

    /// <summary>Directory whose files are copied; null for none.</summary>
    public string? Directory { get; init; }

    /// <summary>Where in the image they go.</summary>
    public string TargetPath { get; init; } = "/";

    /// <summary>Reference of the image below; null for scratch.</summary>
    public string? From { get; init; }

    public IReadOnlyList<string> Entrypoint { get; init; } = [];

    public IReadOnlyList<string> Cmd { get; init; } = [];

    public IReadOnlyList<KeyValuePair<string, string>> Env { get; init; } = [];

    public string? WorkingDir { get; init; }

    public string? User { get; init; }
}
