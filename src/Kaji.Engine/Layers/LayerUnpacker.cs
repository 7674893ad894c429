using System.Formats.Tar;
using System.Text;
using Kaji.Linux.Files;

namespace Kaji.Engine.Layers;

/// <summary>
/// Unpacks one layer's tar into a directory that overlayfs takes as a lower one. OCI whiteouts become overlay's: <c>.wh.NAME</c> a character device 0/0,
/// <c>.wh..wh..opq</c> the attribute <c>trusted.overlay.opaque</c>. Nothing is ever written outside <paramref name="root"/>: names with <c>..</c> are refused,
/// links on the way are resolved as if <paramref name="root"/> were /.
/// </summary>
internal sealed class LayerUnpacker(string root)
{
    private const string Whiteout = ".wh.", Opaque = ".wh..wh..opq", AttributePrefix = "SCHILY.xattr.";
    private readonly Dictionary<string, string> _directories = new(StringComparer.Ordinal) { [""] = root };
    private readonly List<(string Path, DateTimeOffset Time)> _times = [];

    /// <summary>Bytes of file content unpacked.</summary>
    public long Size { get; private set; }

    public void Unpack(Stream tar, CancellationToken cancellationToken)
    {
        using var reader = new TarReader(tar, leaveOpen: true);
        while (reader.GetNextEntry() is { } entry)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (entry.EntryType is not (TarEntryType.GlobalExtendedAttributes or TarEntryType.ExtendedAttributes))
            {
                Place(entry);
            }
        }

        // Adding files changes their directory's time, so directories come last, deepest first.
        for (var i = _times.Count - 1; i >= 0; i--)
        {
            FileSystem.SetTime(_times[i].Path, _times[i].Time);
        }
    }

    private void Place(TarEntry entry)
    {
        var name = Clean(entry.Name);
        if (name.Length == 0)
        {
            Decorate(entry, root);
            return;
        }

        var slash = name.LastIndexOf('/');
        var parent = Parent(slash < 0 ? "" : name[..slash]);
        var last = name[(slash + 1)..];
        if (last == Opaque)
        {
            FileSystem.SetAttribute(parent, "trusted.overlay.opaque", "y"u8);
            return;
        }

        if (last.StartsWith(Whiteout, StringComparison.Ordinal))
        {
            var hidden = $"{parent}/{last[Whiteout.Length..]}";
            if (last.Length > Whiteout.Length && FileSystem.Status(hidden) is null)
            {
                FileSystem.MakeNode(hidden, 0x2000, 0, 0);
            }

            return;
        }

        Create(entry, name, $"{parent}/{last}");
    }

    private void Create(TarEntry entry, string name, string path)
    {
        var existing = FileSystem.Status(path);
        var isDirectory = entry.EntryType == TarEntryType.Directory;
        if (existing is { } was && !(isDirectory && was.IsDirectory))
        {
            Tree.Delete(path);
            foreach (var known in _directories.Keys.Where(k => k == name || k.StartsWith(name + "/", StringComparison.Ordinal)).ToList())
            {
                _directories.Remove(known);
            }
        }

        switch (entry.EntryType)
        {
            case TarEntryType.Directory:
                if (existing is not { IsDirectory: true })
                {
                    FileSystem.MakeDirectory(path, 0x1ed);
                    if (existing is { IsWhiteout: true })
                    {
                        FileSystem.SetAttribute(path, "trusted.overlay.opaque", "y"u8);
                    }
                }

                _directories[name] = path;
                break;
            case TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile:
                using (var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
                {
                    entry.DataStream?.CopyTo(file, 256 * 1024);
                    Size += file.Length;
                }

                break;
            case TarEntryType.SymbolicLink:
                FileSystem.SymbolicLink(entry.LinkName, path);
                break;
            case TarEntryType.HardLink:
                var target = Clean(entry.LinkName);
                var slash = target.LastIndexOf('/');
                var source = $"{Parent(slash < 0 ? "" : target[..slash])}/{target[(slash + 1)..]}";
                if (FileSystem.Status(source) is null)
                {
                    throw new EngineException(EngineFault.ImageInvalid, $"A layer has \"{name}\" as a hard link to \"{target}\", which is not in that layer.");
                }

                FileSystem.HardLink(source, path);
                return;
            case TarEntryType.CharacterDevice or TarEntryType.BlockDevice when entry is PosixTarEntry device:
                FileSystem.MakeNode(path, entry.EntryType == TarEntryType.CharacterDevice ? 0x2000u : 0x6000u, (uint)device.DeviceMajor, (uint)device.DeviceMinor);
                break;
            case TarEntryType.Fifo:
                FileSystem.MakeNode(path, 0x1000, 0, 0);
                break;
            default:
                throw new EngineException(EngineFault.ImageInvalid, $"A layer has an entry of kind {entry.EntryType} (\"{name}\"), which images do not have.");
        }

        Decorate(entry, path);
    }

    /// <summary>Owner first: it clears set-user-id bits and capabilities.</summary>
    private void Decorate(TarEntry entry, string path)
    {
        if (entry.Uid != 0 || entry.Gid != 0)
        {
            FileSystem.ChangeOwner(path, (uint)entry.Uid, (uint)entry.Gid);
        }

        if (entry.EntryType != TarEntryType.SymbolicLink)
        {
            FileSystem.ChangeMode(path, (uint)entry.Mode);
        }

        if (entry is PaxTarEntry pax)
        {
            foreach (var (key, value) in pax.ExtendedAttributes)
            {
                if (key.StartsWith(AttributePrefix, StringComparison.Ordinal) && !key.AsSpan(AttributePrefix.Length).StartsWith("trusted.overlay."))
                {
                    FileSystem.SetAttribute(path, key[AttributePrefix.Length..], Encoding.UTF8.GetBytes(value));
                }
            }
        }

        if (entry.EntryType == TarEntryType.Directory)
        {
            _times.Add((path, entry.ModificationTime));
        }
        else
        {
            FileSystem.SetTime(path, entry.ModificationTime);
        }
    }

    /// <summary>The host's path of a directory in the layer, made when missing.</summary>
    private string Parent(string directory)
    {
        if (_directories.TryGetValue(directory, out var known))
        {
            return known;
        }

        var slash = directory.LastIndexOf('/');
        var path = $"{Parent(slash < 0 ? "" : directory[..slash])}/{directory[(slash + 1)..]}";
        var status = FileSystem.Status(path);
        if (status is { IsLink: true })
        {
            path = RootedPath.Resolve(root, path[root.Length..]);
            status = FileSystem.Status(path);
            if (status is null)
            {
                Directory.CreateDirectory(path);
                return _directories[directory] = path;
            }
        }

        switch (status)
        {
            case null:
                FileSystem.MakeDirectory(path, 0x1ed);
                break;
            case { IsWhiteout: true }:
                FileSystem.Unlink(path);
                FileSystem.MakeDirectory(path, 0x1ed);
                FileSystem.SetAttribute(path, "trusted.overlay.opaque", "y"u8);
                break;
            case { IsDirectory: false }:
                throw new EngineException(EngineFault.ImageInvalid, $"A layer has entries below \"{directory}\", which is not a directory.");
        }

        return _directories[directory] = path;
    }

    private static string Clean(string name)
    {
        var parts = name.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (parts.Contains("..") || name.Contains('\0'))
        {
            throw new EngineException(EngineFault.ImageInvalid, $"A layer has an entry named \"{name}\", which leads outside the image.");
        }

        return string.Join('/', parts.Where(p => p != "."));
    }
}
