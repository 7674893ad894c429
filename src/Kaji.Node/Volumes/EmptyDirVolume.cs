using System.Globalization;
using k8s.Models;
using Kaji.Linux.Mounts;

namespace Kaji.Node.Volumes;

/// <summary>A directory that lives as long as its Pod; with medium Memory in a tmpfs of at most sizeLimit.</summary>
internal sealed class EmptyDirVolume : IVolumeType
{
    public bool IsMirror => false;

    public bool Is(V1Volume volume) => volume.EmptyDir is not null;

    public Task<string> SetUpAsync(VolumeRequest request, CancellationToken cancellationToken)
    {
        var (empty, path) = (request.Volume.EmptyDir, request.Place("empty-dir"));
        var isNew = !Directory.Exists(path);
        Directory.CreateDirectory(path);
        if (empty.Medium == "Memory" && !Memory.IsMounted(path))
        {
            Mount.Tmpfs(path, empty.SizeLimit is { } limit ? string.Create(CultureInfo.InvariantCulture, $"size={(long)(decimal)limit},mode=0777") : "mode=0777");
            isNew = true;
        }

        if (isNew)
        {
            Ownership.OpenDirectory(path, request.Group);
        }

        return Task.FromResult(path);
    }
}

/// <summary>Directories in memory.</summary>
internal static class Memory
{
    /// <summary>Whether something is mounted there: after a reboot the directory is, its mount is not.</summary>
    public static bool IsMounted(string path) => Mount.Below(path).Any(m => m.Target == path);
}
