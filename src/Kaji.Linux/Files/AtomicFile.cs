namespace Kaji.Linux.Files;

/// <summary>Replaces files as a whole: a reader sees the old or the new content, never half.</summary>
public static class AtomicFile
{
    /// <summary>With <paramref name="durable"/> it survives a power cut; without, the content may be empty after one.</summary>
    public static void Write(string path, ReadOnlySpan<byte> content, bool durable = false)
    {
        var temporary = $"{path}.{Environment.CurrentManagedThreadId}.tmp";
        using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 0))
        {
            stream.Write(content);
            stream.Flush(durable);
        }

        FileSystem.Rename(temporary, path);
    }
}
