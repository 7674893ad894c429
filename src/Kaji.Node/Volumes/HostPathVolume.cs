using k8s.Models;
using Kaji.Linux.Files;
using Kaji.Node.Containers;

namespace Kaji.Node.Volumes;

/// <summary>A path of this host; its type says what must be there or is made. https://kubernetes.io/docs/concepts/storage/volumes/#hostpath-volume-types</summary>
internal sealed class HostPathVolume : IVolumeType
{
    private const uint Kind = 0xF000, Socket = 0xC000, CharDevice = 0x2000, BlockDevice = 0x6000;
    private const UnixFileMode DirectoryMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    public bool IsMirror => false;

    public bool Is(V1Volume volume) => volume.HostPath is not null;

    public Task<string> SetUpAsync(VolumeRequest request, CancellationToken cancellationToken) => Task.FromResult(Check(request.Volume.HostPath));

    internal static string Check(V1HostPathVolumeSource source)
    {
        var path = source.Path;
        switch (source.Type)
        {
            case "DirectoryOrCreate":
                Require(!File.Exists(path), path, "directory");
                Directory.CreateDirectory(path, DirectoryMode);
                break;
            case "FileOrCreate":
                Require(!Directory.Exists(path), path, "file");
                if (!File.Exists(path))
                {
                    File.WriteAllBytes(path, []);
                }

                break;
            case "Directory":
                Require(Directory.Exists(path), path, "directory");
                break;
            case "File":
                Require(File.Exists(path), path, "file");
                break;
            case "Socket":
                Require(Is(path, Socket), path, "socket file");
                break;
            case "CharDevice":
                Require(Is(path, CharDevice), path, "character device");
                break;
            case "BlockDevice":
                Require(Is(path, BlockDevice), path, "block device");
                break;
            case null or "" when !Path.Exists(path):
                // As container engines do for a bind mount whose source is not there.
                Directory.CreateDirectory(path, DirectoryMode);
                break;
        }

        return path;
    }

    private static bool Is(string path, uint kind) => FileSystem.Status(path) is { } status && (status.Mode & Kind) == kind;

    private static void Require(bool holds, string path, string what)
    {
        if (!holds)
        {
            throw new ConfigException($"hostPath type check failed: {path} is not a {what}");
        }
    }
}
