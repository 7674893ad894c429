namespace Kaji.Network.Addresses;

/// <summary>
/// A kernel setting that several clusters need. The first to come notes what the machine had, the last to go puts it back; the notes are kept a boot in
/// <c>RUN/sysctls/BOOT/NAME/</c>: <c>original</c> and one file a user.
/// </summary>
internal sealed class SharedSysctl(string runDirectory, string name)
{
    private const string Original = "original";

    /// <summary>Makes the setting <paramref name="value"/> for <paramref name="user"/>; nothing to note when the machine already has it by itself.</summary>
    public void Hold(string user, string value)
    {
        var directory = NotesDirectory();
        Directory.CreateDirectory(directory);
        using var gate = FileLock.Take(directory + ".lock");
        var current = Read();
        var original = Path.Combine(directory, Original);
        if (!File.Exists(original))
        {
            if (current == value)
            {
                return;
            }

            File.WriteAllText(original, current);
        }

        File.WriteAllText(Path.Combine(directory, "user-" + user), "");
        if (current != value)
        {
            Write(value);
        }
    }

    /// <summary>Ends <paramref name="user"/>'s need.</summary>
    public void Release(string user)
    {
        var directory = NotesDirectory();
        if (!Directory.Exists(directory))
        {
            return;
        }

        using (FileLock.Take(directory + ".lock"))
        {
            File.Delete(Path.Combine(directory, "user-" + user));
            var original = Path.Combine(directory, Original);
            if (Directory.EnumerateFiles(directory, "user-*").Any() || !File.Exists(original))
            {
                return;
            }

            Write(File.ReadAllText(original));
            Directory.Delete(directory, recursive: true);
        }

        File.Delete(directory + ".lock");
    }

    private string NotesDirectory()
    {
        var boot = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
        return Path.Combine(runDirectory, "sysctls", boot, name);
    }

    private string Read() => File.ReadAllText(Sysctl.PathOf(name)).Trim();

    private void Write(string value) => Sysctl.Write(name, value);
}
