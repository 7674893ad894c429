using System.Formats.Tar;
using Kaji.Linux.Files;

namespace Kaji.Engine.Layers;

/// <summary>
/// A directory as a layer's tar. The same files give the same bytes: entries sorted, owner root, time zero; GNU format, because .NET writes its process id into
/// pax headers.
/// </summary>
internal static class LayerWriter
{
    public static void Write(string directory, string targetPath, Stream output, CancellationToken cancellationToken)
    {
        using var writer = new TarWriter(output, TarEntryFormat.Gnu, leaveOpen: true);
        var prefix = "";
        foreach (var part in targetPath.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part is "." or "..")
            {
                throw new EngineException(EngineFault.Invalid, $"The target path \"{targetPath}\" must be absolute and plain.");
            }

            prefix += part + "/";
            writer.WriteEntry(Entry(TarEntryType.Directory, prefix, 0x1ed));
        }

        Add(writer, directory, prefix, cancellationToken);
    }

    private static void Add(TarWriter writer, string directory, string prefix, CancellationToken cancellationToken)
    {
        var entries = Directory.GetFileSystemEntries(directory, "*", new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = false });
        Array.Sort(entries, StringComparer.Ordinal);
        foreach (var path in entries)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var name = prefix + Path.GetFileName(path);
            var status = FileSystem.Status(path) ?? throw new EngineException(EngineFault.Invalid, $"{path} vanished while it was read.");
            if (status.IsLink)
            {
                var link = Entry(TarEntryType.SymbolicLink, name, 0x1ff);
                link.LinkName = FileSystem.ReadLink(path);
                writer.WriteEntry(link);
            }
            else if (status.IsDirectory)
            {
                writer.WriteEntry(Entry(TarEntryType.Directory, name + "/", status.Mode));
                Add(writer, path, name + "/", cancellationToken);
            }
            else if (status.IsRegular)
            {
                using var content = File.OpenRead(path);
                var file = Entry(TarEntryType.RegularFile, name, status.Mode);
                file.DataStream = content;
                writer.WriteEntry(file);
            }
            else
            {
                throw new EngineException(EngineFault.Invalid, $"{path} is neither file, directory nor link; images are built of these.");
            }
        }
    }

    private static GnuTarEntry Entry(TarEntryType type, string name, uint mode) =>
        new(type, name) { Mode = (UnixFileMode)(mode & 0xfff), ModificationTime = DateTimeOffset.UnixEpoch, Uid = 0, Gid = 0, UserName = "", GroupName = "" };
}
