namespace Kaji.Linux.Files;

/// <summary>Whole directory trees.</summary>
public static class Tree
{
    /// <summary>Deletes a tree without following links, device nodes and whiteouts included. No error when it is gone.</summary>
    public static void Delete(string path)
    {
        if (FileSystem.Status(path) is not { } status)
        {
            return;
        }

        if (!status.IsDirectory)
        {
            FileSystem.Unlink(path);
            return;
        }

        foreach (var entry in Directory.EnumerateFileSystemEntries(path, "*", new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = false }))
        {
            Delete(entry);
        }

        if (!FileSystem.RemoveDirectory(path))
        {
            var why = Calls.KernelException.Last($"rmdir {path}");
            if (FileSystem.Status(path) is not null)
            {
                throw why;
            }
        }
    }
}
