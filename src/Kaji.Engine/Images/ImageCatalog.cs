using System.Text.Json;
using Kaji.Linux.Files;

namespace Kaji.Engine.Images;

/// <summary>
/// The index of images and their configurations on disk, shared by processes. Lock order: the gate (<c>images/gate</c>: shared while content is added or taken
/// into use, exclusive while unused content is deleted), then the index lock (<c>images/lock</c>: each change of the index reads, changes and replaces it).
/// Readers take neither: they look whether the file was replaced.
/// </summary>
internal sealed class ImageCatalog
{
    private readonly string _directory;
    private readonly Lock _gate = new();
    private ImageIndex _index = new();
    private (ulong Inode, long Seconds, uint Nanoseconds) _seen;

    public ImageCatalog(string directory)
    {
        _directory = directory;
        Directory.CreateDirectory(Path.Combine(directory, "blobs", "sha256"));
        Directory.CreateDirectory(Path.Combine(directory, "downloads"));
        Directory.CreateDirectory(Path.Combine(directory, "uses"));
    }

    public string DownloadsPath => Path.Combine(_directory, "downloads");

    private string IndexPath => Path.Combine(_directory, "index.json");

    public ImageIndex Read()
    {
        lock (_gate)
        {
            if (FileSystem.Status(IndexPath) is not { } status)
            {
                return _index = new ImageIndex();
            }

            var seen = (status.Inode, status.ModifiedSeconds, status.ModifiedNanoseconds);
            if (seen != _seen)
            {
                var index = JsonSerializer.Deserialize(File.ReadAllBytes(IndexPath), ImageJson.Default.ImageIndex) ?? new ImageIndex();
                if (index.Version != 1)
                {
                    throw new EngineException(EngineFault.Invalid, $"{IndexPath} has version {index.Version}; this Kaji knows version 1. It was written by a newer one.");
                }

                (_index, _seen) = (index, seen);
            }

            return _index;
        }
    }

    /// <summary>Content is being added or taken into use: nothing is deleted meanwhile.</summary>
    public FileLock Using() => FileLock.AcquireShared(Path.Combine(_directory, "gate"));

    /// <summary>Null when content is in the making.</summary>
    public FileLock? TryCollecting() => FileLock.TryAcquire(Path.Combine(_directory, "gate"));

    public ImageIndex Change(Func<ImageIndex, ImageIndex> change)
    {
        using var held = FileLock.Acquire(Path.Combine(_directory, "lock"));
        var index = change(Read());
        AtomicFile.Write(IndexPath, JsonSerializer.SerializeToUtf8Bytes(index, ImageJson.Default.ImageIndex), durable: true);
        return index;
    }

    /// <summary>Adds an image, or names to one that is there; names move to it from others.</summary>
    public ImageRecord Add(ImageRecord image) => Change(index =>
    {
        var known = index.Images.FirstOrDefault(i => i.Id == image.Id);
        var merged = image with
        {
            Names = [.. (known?.Names ?? []).Union(image.Names, StringComparer.Ordinal)],
            Digests = [.. (known?.Digests ?? []).Union(image.Digests, StringComparer.Ordinal)],
        };
        var others = index.Images.Where(i => i.Id != image.Id)
            .Select(i => i with { Names = [.. i.Names.Except(image.Names, StringComparer.Ordinal)] })
            .Where(i => i.Names.Count + i.Digests.Count > 0);
        return index with { Images = [.. others.Append(merged).OrderBy(i => i.Id, StringComparer.Ordinal)] };
    }).Images.Single(i => i.Id == image.Id);

    public byte[] ReadBlob(string digest) => File.ReadAllBytes(BlobPath(digest));

    public void WriteBlob(string digest, ReadOnlySpan<byte> content)
    {
        if (!File.Exists(BlobPath(digest)))
        {
            AtomicFile.Write(BlobPath(digest), content, durable: true);
        }
    }

    public void Hold(string holder, ImageUse use) => AtomicFile.Write(UsePath(holder), JsonSerializer.SerializeToUtf8Bytes(use, ImageJson.Default.ImageUse));

    public ImageUse? Drop(string holder)
    {
        var path = UsePath(holder);
        if (!File.Exists(path))
        {
            return null;
        }

        var use = ReadUse(path);
        File.Delete(path);
        return use;
    }

    public IReadOnlyList<ImageUse> Uses() => [.. Directory.GetFiles(Path.Combine(_directory, "uses")).Select(ReadUse).OfType<ImageUse>()];

    /// <summary>Deletes configurations that are not in <paramref name="used"/> and broken-off downloads. Call with the gate held exclusively.</summary>
    public void Collect(IReadOnlySet<string> used)
    {
        var keep = used.Select(BlobPath).ToHashSet(StringComparer.Ordinal);
        foreach (var file in Directory.GetFiles(Path.Combine(_directory, "blobs", "sha256")).Where(f => !keep.Contains(f)).Concat(Directory.GetFileSystemEntries(DownloadsPath)))
        {
            Tree.Delete(file);
        }
    }

    private static ImageUse? ReadUse(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), ImageJson.Default.ImageUse);
        }
        catch (Exception e) when (e is JsonException or FileNotFoundException)
        {
            // Cut off by a crash of the machine (then no container lives), or dropped meanwhile.
            return null;
        }
    }

    private string BlobPath(string digest) => Path.Combine(_directory, "blobs", "sha256", Digests.Hex(digest));

    private string UsePath(string holder) => Path.Combine(_directory, "uses", holder);
}
