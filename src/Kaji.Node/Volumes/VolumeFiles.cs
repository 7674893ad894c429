using Kaji.Node.Containers;

namespace Kaji.Node.Volumes;

/// <summary>A file of a volume that mirrors API objects.</summary>
/// <param name="Path">Relative, without <c>..</c>.</param>
/// <param name="Mode">Permission bits.</param>
internal sealed record VolumeFile(string Path, byte[] Content, int Mode);

/// <summary>
/// Writes a volume's files so that a reader sees the old set or the new one, never a mixture: each set is a directory of its own, <c>..data</c> is a link that is
/// switched with one rename, and the visible names are links through it (kubelet's AtomicWriter).
/// </summary>
/// <example>
/// <code>
/// ..2026_11_23_12_00_00.123/key    ..data -> ..2026_11_23_12_00_00.123    key -> ..data/key
/// </code>
/// </example>
internal static class AtomicFiles
{
    private const string Link = "..data";

    /// <summary>Makes the directory hold these files and no others; does nothing when it does already.</summary>
    public static bool Write(string directory, IReadOnlyList<VolumeFile> files, DateTimeOffset now, long? group)
    {
        // Of two sources of one path the later one counts.
        files = [.. files.GroupBy(f => f.Path, StringComparer.Ordinal).Select(g => g.Last())];
        Directory.CreateDirectory(directory);
        var present = Path.Combine(directory, Link);
        if (Directory.Exists(present) && Same(present, files))
        {
            return false;
        }

        var name = $"..{now.UtcDateTime:yyyy_MM_dd_HH_mm_ss}.{Random.Shared.Next():x8}";
        var next = Path.Combine(directory, name);
        Directory.CreateDirectory(next);
        Own(next, group);
        foreach (var file in files)
        {
            var path = Path.Combine(next, file.Path);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, file.Content);
            File.SetUnixFileMode(path, (UnixFileMode)(file.Mode & 0x1FF));
            Own(path, group);
        }

        var old = new FileInfo(present).LinkTarget;
        var switching = Path.Combine(directory, "..data_tmp");
        File.Delete(switching);
        File.CreateSymbolicLink(switching, name);
        Ownership.Rename(switching, present);

        var visible = files.Select(f => f.Path.Split('/')[0]).ToHashSet(StringComparer.Ordinal);
        foreach (var entry in visible.Where(v => new FileInfo(Path.Combine(directory, v)).LinkTarget is null))
        {
            File.CreateSymbolicLink(Path.Combine(directory, entry), $"{Link}/{entry}");
        }

        foreach (var stale in Directory.EnumerateFileSystemEntries(directory).Where(e => Path.GetFileName(e) is var n && !n.StartsWith("..", StringComparison.Ordinal) && !visible.Contains(n)).ToArray())
        {
            File.Delete(stale);
        }

        if (old is not null && Directory.Exists(Path.Combine(directory, old)))
        {
            Directory.Delete(Path.Combine(directory, old), recursive: true);
        }

        return true;
    }

    /// <exception cref="ConfigException">A path that leads out of the volume.</exception>
    public static string Checked(string path) =>
        path.Length > 0 && !Path.IsPathRooted(path) && !path.Split('/').Contains("..", StringComparer.Ordinal) ? path : throw new ConfigException($"the path \"{path}\" leads out of the volume");

    private static bool Same(string directory, IReadOnlyList<VolumeFile> files)
    {
        var present = Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(directory, f)).ToHashSet(StringComparer.Ordinal);
        return present.SetEquals(files.Select(f => f.Path)) && files.All(f => Path.Combine(directory, f.Path) is var path && new FileInfo(path).Length == f.Content.Length && File.ReadAllBytes(path).AsSpan().SequenceEqual(f.Content));
    }

    private static void Own(string path, long? group)
    {
        if (group is { } gid)
        {
            Ownership.SetGroup(path, gid);
        }
    }
}
