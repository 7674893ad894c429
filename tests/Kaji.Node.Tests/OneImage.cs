using Kaji.Engine;

namespace Kaji.Node.Tests;

/// <summary>An image store that has one image, whatever it is asked for.</summary>
internal sealed class OneImage : IImageStore
{
    private static readonly ImageInfo Image = new("sha256:i", ["i"], [], 1, "", DateTimeOffset.UnixEpoch);

    public ImageInfo? Find(string reference) => Image;

    public IReadOnlyList<ImageInfo> List() => [Image];

    public Task<ImageInfo> PullAsync(string reference, RegistryCredential? credential = null, IProgress<string>? progress = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<IReadOnlyList<ImageInfo>> ImportAsync(Stream archive, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<ImageInfo> BuildAsync(ImageBuildSpec spec, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<bool> RemoveAsync(string reference, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
