using System.Formats.Tar;
using System.Text.Json;
using Kaji.Engine.Layers;

namespace Kaji.Engine.Images;

/// <summary>An image found in an archive: its configuration and where its layers lie.</summary>
internal sealed record ArchivedImage(byte[] Config, IReadOnlyList<string> LayerFiles, IReadOnlyList<string> Names);

/// <summary>
/// Reads what <c>docker save</c> writes (<c>manifest.json</c>) and OCI layouts (<c>index.json</c>), spread into a temporary directory first because members come
/// in any order.
/// </summary>
internal sealed class ImageArchive(string temporary)
{
    private readonly Dictionary<string, string> _members = new(StringComparer.Ordinal);

    public async Task<IReadOnlyList<ArchivedImage>> ReadAsync(Stream archive, CancellationToken cancellationToken)
    {
        try
        {
            await using var plain = await Compression.OpenAsync(archive, cancellationToken).ConfigureAwait(false);
            await SpreadAsync(plain, cancellationToken).ConfigureAwait(false);
            if (_members.ContainsKey("manifest.json"))
            {
                return Docker();
            }

            if (_members.ContainsKey("index.json"))
            {
                return Layout();
            }
        }
        catch (Exception e) when (e is InvalidDataException or FormatException or EndOfStreamException or JsonException or KeyNotFoundException or InvalidOperationException or ZstdSharp.ZstdException)
        {
            throw new EngineException(EngineFault.ImageInvalid, $"The archive cannot be read: {e.Message}", e);
        }

        throw new EngineException(EngineFault.ImageInvalid, "The archive is neither from \"docker save\" (no manifest.json) nor an OCI layout (no index.json).");
    }

    private async Task SpreadAsync(Stream tar, CancellationToken cancellationToken)
    {
        var links = new List<(string Name, string Target)>();
        await using var reader = new TarReader(tar, leaveOpen: true);
        while (await reader.GetNextEntryAsync(false, cancellationToken).ConfigureAwait(false) is { } entry)
        {
            var name = Normal(entry.Name);
            switch (entry.EntryType)
            {
                case TarEntryType.RegularFile or TarEntryType.V7RegularFile:
                    // Numbered: what an archive calls its members never becomes a path.
                    var path = Path.Combine(temporary, $"{_members.Count}");
                    await using (var file = File.Create(path))
                    {
                        if (entry.DataStream is not null)
                        {
                            await entry.DataStream.CopyToAsync(file, cancellationToken).ConfigureAwait(false);
                        }
                    }

                    _members[name] = path;
                    break;
                case TarEntryType.SymbolicLink:
                    // docker save of old: ID/layer.tar -> ../OTHER/layer.tar
                    links.Add((name, Normal($"{Path.GetDirectoryName(name)}/{entry.LinkName}")));
                    break;
                case TarEntryType.HardLink:
                    links.Add((name, Normal(entry.LinkName)));
                    break;
            }
        }

        foreach (var (name, target) in links)
        {
            if (_members.TryGetValue(target, out var path))
            {
                _members[name] = path;
            }
        }
    }

    private List<ArchivedImage> Docker()
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(_members["manifest.json"]));
        var images = new List<ArchivedImage>();
        foreach (var image in document.RootElement.EnumerateArray())
        {
            var names = image.TryGetProperty("RepoTags", out var tags) && tags.ValueKind == JsonValueKind.Array ? tags.EnumerateArray().Select(t => t.GetString()!) : [];
            images.Add(new ArchivedImage(
                File.ReadAllBytes(Member(image.GetProperty("Config").GetString()!)),
                [.. image.GetProperty("Layers").EnumerateArray().Select(l => Member(l.GetString()!))],
                [.. names.Select(n => ImageReference.Parse(n).ToString())]));
        }

        return images;
    }

    private List<ArchivedImage> Layout()
    {
        var images = new List<ArchivedImage>();
        foreach (var entry in Manifest.Parse(File.ReadAllBytes(_members["index.json"])).Entries)
        {
            var manifest = Manifest.Parse(File.ReadAllBytes(Blob(entry.Descriptor)));
            if (manifest.Config is null)
            {
                manifest = Manifest.Parse(File.ReadAllBytes(Blob(manifest.Select("The archive").Descriptor)));
            }

            // A ref.name may be only a tag, which names nothing by itself.
            var name = entry.Name is { } n && n.AsSpan().IndexOfAny('/', ':') >= 0 ? ImageReference.Parse(n).ToString() : null;
            images.Add(new ArchivedImage(File.ReadAllBytes(Blob(manifest.Config!)), [.. manifest.Layers.Select(Blob)], name is null ? [] : [name]));
        }

        return images;
    }

    private string Blob(ContentDescriptor descriptor) => Member($"blobs/sha256/{Digests.Hex(descriptor.Digest)}");

    private string Member(string name) =>
        _members.TryGetValue(Normal(name), out var path) ? path : throw new EngineException(EngineFault.ImageInvalid, $"The archive lacks \"{name}\", which its manifest names.");

    private static string Normal(string name)
    {
        var parts = new List<string>();
        foreach (var part in name.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == ".." && parts.Count > 0)
            {
                parts.RemoveAt(parts.Count - 1);
            }
            else if (part is not ("." or ".."))
            {
                parts.Add(part);
            }
        }

        return string.Join('/', parts);
    }
}
