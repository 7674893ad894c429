namespace Kaji.Cluster;

/// <summary>Deletes a cluster's data directory, and only that: a directory that Kaji did not make is refused.</summary>
internal static class Purger
{
    public static void Delete(ClusterPaths paths)
    {
        if (!Directory.EnumerateFileSystemEntries(paths.Data).Any())
        {
            Directory.Delete(paths.Data);
            return;
        }

        if (!File.Exists(paths.Settings) && !Directory.Exists(paths.Images))
        {
            throw new UserError($"{paths.Data} does not look like a data directory of Kaji (it has no cluster.json): it is left alone.");
        }

        var mounted = File.ReadLines("/proc/self/mountinfo").Select(line => line.Split(' ', 6)[4]).FirstOrDefault(at => at.StartsWith(paths.Data + "/", StringComparison.Ordinal));
        if (mounted is not null)
        {
            throw new UserError($"{mounted} is still mounted: the data is left alone. Run `umount {mounted}` and try again.");
        }

        Directory.Delete(paths.Data, recursive: true);
    }
}
