using k8s.Models;
using Kaji.Node.Containers;

namespace Kaji.Node.Volumes;

/// <summary>A hostPath's type says what must be there or is made.</summary>
internal static class HostPath
{
    public static string Check(V1HostPathVolumeSource source)
    {
        var path = source.Path;
        switch (source.Type)
        {
            case "DirectoryOrCreate":
                Directory.CreateDirectory(path);
                break;
            case "FileOrCreate":
                if (!File.Exists(path))
                {
                    File.WriteAllBytes(path, []);
                }

                break;
            case "Directory" when !Directory.Exists(path):
                throw new ConfigException($"hostPath type check failed: {path} is not a directory");
            case "File" when !File.Exists(path):
                throw new ConfigException($"hostPath type check failed: {path} is not a file");
            case "Socket" or "CharDevice" or "BlockDevice" when !File.Exists(path):
                throw new ConfigException($"hostPath type check failed: {path} is not a {source.Type}");
            case null or "" when !Path.Exists(path):
                Directory.CreateDirectory(path);
                break;
        }

        return path;
    }
}
