using System.Text.Json.Nodes;
using k8s.Models;
using Kaji.Client;
using Kaji.Linux.Mounts;
using Kaji.Node.Containers;

namespace Kaji.Node.Volumes;

/// <summary>
/// A Pod's volumes as directories of this host. Those that mirror API objects are written again by each call of the setup, so that they follow changes;
/// Secrets lie in memory (tmpfs) only.
/// </summary>
internal sealed class PodVolumes(NodeOptions options, VolumeSources sources, TokenCache tokens)
{
    private readonly IVolumeType[] _types =
    [
        new EmptyDirVolume(), new HostPathVolume(), new ConfigMapVolume(sources), new SecretVolume(sources), new DownwardApiVolume(sources), new ProjectedVolume(sources, tokens),
    ];

    /// <summary>Whether a Pod's volume is written by the node, so that containers may only read it.</summary>
    public static bool IsMirror(V1Pod pod, string name) =>
        pod.Spec.Volumes?.FirstOrDefault(v => v.Name == name) is { } volume && (volume.ConfigMap is not null || volume.Secret is not null || volume.DownwardAPI is not null || volume.Projected is not null);

    public string DirectoryOf(string uid) => Path.Combine(options.DataDirectory, "pods", uid);

    /// <summary>Host path of each volume by name.</summary>
    /// <exception cref="ConfigException">A volume can't be made; the sentence says which and why.</exception>
    public async Task<IReadOnlyDictionary<string, string>> SetUpAsync(V1Pod pod, CancellationToken cancellationToken)
    {
        var result = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var volume in pod.Spec.Volumes ?? [])
        {
            try
            {
                var type = Array.Find(_types, t => t.Is(volume)) ?? throw new ConfigException($"volume type {TypeOf(volume)} is not supported by this node yet");
                result[volume.Name] = await type.SetUpAsync(new VolumeRequest(pod, volume, DirectoryOf(pod.Metadata.Uid)), cancellationToken);
            }
            catch (ConfigException e)
            {
                throw new ConfigException($"MountVolume.SetUp failed for volume \"{volume.Name}\" : {e.Message}");
            }
        }

        return result;
    }

    /// <summary>Takes down what is mounted, and leaves the files: the Pod comes back.</summary>
    public void Unmount(string uid)
    {
        foreach (var mount in Mount.Below(DirectoryOf(uid)).OrderByDescending(m => m.Target.Length))
        {
            Mount.Remove(mount.Target);
        }
    }

    /// <summary>Removes all of a Pod's files.</summary>
    public void TearDown(string uid)
    {
        var directory = DirectoryOf(uid);
        if (Directory.Exists(directory))
        {
            Unmount(uid);
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>The name of the field that says what a volume is.</summary>
    private static string TypeOf(V1Volume volume) =>
        JsonNode.Parse(ModelJson.Serialize(volume))!.AsObject().Select(p => p.Key).FirstOrDefault(k => k != "name") ?? "(none)";
}
