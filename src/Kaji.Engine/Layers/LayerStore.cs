using Kaji.Linux.Files;

namespace Kaji.Engine.Layers;

/// <summary>
/// Layers unpacked once, by the digest of their plain tar, in <c>layers/</c>. A layer is unpacked beside and renamed, so one that is there is whole. Directory
/// names are short (32 of the 64 digits): an overlay's list of layers must fit one page.
/// </summary>
internal sealed class LayerStore
{
    private const long MaxLayerBytes = 64L << 30;
    private readonly string _directory;

    public LayerStore(string directory)
    {
        _directory = directory;
        Directory.CreateDirectory(Path.Combine(directory, "empty"));
    }

    public string PathOf(string diffId) => Path.Combine(_directory, Images.Digests.Hex(diffId)[..32]);

    /// <summary>What an image without layers is mounted on.</summary>
    public string Empty => Path.Combine(_directory, "empty");

    public bool Has(string diffId) => Directory.Exists(PathOf(diffId));

    /// <summary>
    /// Unpacks a layer (plain, gzip or zstd). <paramref name="diffId"/> null takes any content. Returns its digest and the bytes of its files. The stream is disposed.
    /// </summary>
    public async Task<(string DiffId, long Size)> AddAsync(Stream blob, string? diffId, CancellationToken cancellationToken)
    {
        await using var plain = await Compression.OpenAsync(blob, cancellationToken).ConfigureAwait(false);
        return await Task.Run(() => Unpack(plain, diffId, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Deletes those that are not in <paramref name="used"/>, and what interrupted unpacking left.</summary>
    public void Collect(IReadOnlySet<string> used)
    {
        var keep = used.Select(PathOf).Append(Empty).ToHashSet(StringComparer.Ordinal);
        foreach (var directory in Directory.GetDirectories(_directory).Where(d => !keep.Contains(d)))
        {
            // Renamed first: a half deleted layer must not look whole.
            var doomed = directory.Contains("/.") ? directory : Path.Combine(_directory, $".{Guid.NewGuid():n}");
            if (doomed != directory)
            {
                FileSystem.Rename(directory, doomed);
            }

            Tree.Delete(doomed);
        }
    }

    private (string DiffId, long Size) Unpack(Stream plain, string? diffId, CancellationToken cancellationToken)
    {
        var temporary = Path.Combine(_directory, $".{Guid.NewGuid():n}");
        FileSystem.MakeDirectory(temporary, 0x1ed);
        try
        {
            using var hashing = new HashingStream(plain, MaxLayerBytes);
            var unpacker = new LayerUnpacker(temporary);
            unpacker.Unpack(hashing, cancellationToken);
            var actual = hashing.Finish();
            if (diffId is not null && actual != diffId)
            {
                throw new EngineException(EngineFault.ImageInvalid, $"A layer's content has digest {actual}, its image says {diffId}.");
            }

            var target = PathOf(actual);
            if (!Directory.Exists(target))
            {
                FileSystem.Sync(temporary);
                try
                {
                    FileSystem.Rename(temporary, target);
                }
                catch (IOException) when (Directory.Exists(target))
                {
                    // Another process unpacked the same layer meanwhile; ours goes with the temporary directory.
                }
            }

            return (actual, unpacker.Size);
        }
        catch (Exception e) when (e is InvalidDataException or FormatException or EndOfStreamException or ZstdSharp.ZstdException)
        {
            throw new EngineException(EngineFault.ImageInvalid, $"A layer cannot be unpacked: {e.Message}", e);
        }
        finally
        {
            Tree.Delete(temporary);
        }
    }
}
