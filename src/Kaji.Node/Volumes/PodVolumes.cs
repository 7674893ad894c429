using System.Text;
using k8s.Models;
using Kaji.Client;
using Kaji.Linux.Mounts;
using Kaji.Node.Containers;

namespace Kaji.Node.Volumes;

/// <summary>
/// A Pod's volumes as directories of this host. Those that mirror API objects are written again by each call of the setup, so that they follow changes;
/// Secrets lie in memory (tmpfs) only.
/// </summary>
internal sealed class PodVolumes(IApiClient client, NodeOptions options, PodFields fields, TokenCache tokens, TimeProvider time)
{
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
                result[volume.Name] = await SetUpAsync(pod, volume, cancellationToken);
            }
            catch (ConfigException e)
            {
                throw new ConfigException($"MountVolume.SetUp failed for volume \"{volume.Name}\" : {e.Message}");
            }
        }

        return result;
    }

    /// <summary>Removes all of a Pod's files.</summary>
    public void TearDown(string uid)
    {
        var directory = DirectoryOf(uid);
        if (!Directory.Exists(directory))
        {
            return;
        }

        foreach (var mount in Mount.Below(directory).OrderByDescending(m => m.Target.Length))
        {
            Mount.Remove(mount.Target);
        }

        Directory.Delete(directory, recursive: true);
    }

    private async Task<string> SetUpAsync(V1Pod pod, V1Volume volume, CancellationToken cancellationToken)
    {
        string Place(string type) => Path.Combine(DirectoryOf(pod.Metadata.Uid), "volumes", type, volume.Name);
        var group = pod.Spec.SecurityContext?.FsGroup;
        if (volume.HostPath is { } host)
        {
            return HostPath.Check(host);
        }

        if (volume.EmptyDir is { } empty)
        {
            var path = Place("empty-dir");
            if (!Directory.Exists(path))
            {
                Directory.CreateDirectory(path);
                if (empty.Medium == "Memory")
                {
                    MountMemory(path, empty.SizeLimit is { } limit ? (long)(decimal)limit : null);
                }

                Ownership.OpenDirectory(path, group);
            }

            return path;
        }

        var files = new List<VolumeFile>();
        if (volume.ConfigMap is { } map)
        {
            await AddConfigMapAsync(pod, map.Name, map.Items, map.Optional, map.DefaultMode ?? 420, files, cancellationToken);
            return Write(Place("configmap"), files, group);
        }

        if (volume.Secret is { } secret)
        {
            await AddSecretAsync(pod, secret.SecretName, secret.Items, secret.Optional, secret.DefaultMode ?? 420, files, cancellationToken);
            return WriteSecret(Place("secret"), files, group);
        }

        if (volume.DownwardAPI is { } downward)
        {
            AddFields(pod, downward.Items, downward.DefaultMode ?? 420, files);
            return Write(Place("downward-api"), files, group);
        }

        if (volume.Projected is { } projected)
        {
            foreach (var source in projected.Sources ?? [])
            {
                var mode = projected.DefaultMode ?? 420;
                if (source.ConfigMap is { } m)
                {
                    await AddConfigMapAsync(pod, m.Name, m.Items, m.Optional, mode, files, cancellationToken);
                }
                else if (source.Secret is { } s)
                {
                    await AddSecretAsync(pod, s.Name, s.Items, s.Optional, mode, files, cancellationToken);
                }
                else if (source.DownwardAPI is { } d)
                {
                    AddFields(pod, d.Items, mode, files);
                }
                else if (source.ServiceAccountToken is { } token)
                {
                    var text = await tokens.GetAsync(pod, token.Audience, token.ExpirationSeconds ?? 3600, cancellationToken);
                    files.Add(new VolumeFile(AtomicFiles.Checked(token.Path), Encoding.ASCII.GetBytes(text), mode));
                }
                else
                {
                    throw new ConfigException("this source of a projected volume is not supported by this node");
                }
            }

            return WriteSecret(Place("projected"), files, group);
        }

        throw new ConfigException("this type of volume is not supported by this node (supported: emptyDir, hostPath, configMap, secret, downwardAPI, projected)");
    }

    private async Task AddConfigMapAsync(V1Pod pod, string name, IList<V1KeyToPath>? items, bool? optional, int mode, List<VolumeFile> files, CancellationToken cancellationToken)
    {
        var map = await client.FindAsync(Kinds.ConfigMap, pod.Metadata.NamespaceProperty, name, cancellationToken);
        if (map is null)
        {
            if (optional != true)
            {
                throw new ConfigException($"configmap \"{name}\" not found");
            }

            return;
        }

        var data = (map.Data ?? new Dictionary<string, string>(StringComparer.Ordinal)).Select(d => KeyValuePair.Create(d.Key, Encoding.UTF8.GetBytes(d.Value)))
            .Concat(map.BinaryData ?? new Dictionary<string, byte[]>(StringComparer.Ordinal));
        Add($"configmap {name}", data, items, optional, mode, files);
    }

    private async Task AddSecretAsync(V1Pod pod, string name, IList<V1KeyToPath>? items, bool? optional, int mode, List<VolumeFile> files, CancellationToken cancellationToken)
    {
        var secret = await client.FindAsync(Kinds.Secret, pod.Metadata.NamespaceProperty, name, cancellationToken);
        if (secret is null)
        {
            if (optional != true)
            {
                throw new ConfigException($"secret \"{name}\" not found");
            }

            return;
        }

        Add($"secret {name}", secret.Data ?? new Dictionary<string, byte[]>(StringComparer.Ordinal), items, optional, mode, files);
    }

    private static void Add(string what, IEnumerable<KeyValuePair<string, byte[]>> data, IList<V1KeyToPath>? items, bool? optional, int mode, List<VolumeFile> files)
    {
        if (items is not { Count: > 0 })
        {
            files.AddRange(data.Select(d => new VolumeFile(d.Key, d.Value, mode)));
            return;
        }

        var all = data.ToDictionary(d => d.Key, d => d.Value, StringComparer.Ordinal);
        foreach (var item in items)
        {
            if (all.TryGetValue(item.Key, out var content))
            {
                files.Add(new VolumeFile(AtomicFiles.Checked(item.Path), content, item.Mode ?? mode));
            }
            else if (optional != true)
            {
                throw new ConfigException($"references non-existent key {item.Key} of {what}");
            }
        }
    }

    private void AddFields(V1Pod pod, IList<V1DownwardAPIVolumeFile>? items, int mode, List<VolumeFile> files)
    {
        foreach (var item in items ?? [])
        {
            var text = item.FieldRef is { } field
                ? fields.Value(pod, field.FieldPath)
                : fields.Resource(pod, pod.Spec.Containers.First(c => c.Name == item.ResourceFieldRef.ContainerName), item.ResourceFieldRef).ToString(System.Globalization.CultureInfo.InvariantCulture);
            files.Add(new VolumeFile(AtomicFiles.Checked(item.Path), Encoding.UTF8.GetBytes(text), item.Mode ?? mode));
        }
    }

    private string Write(string path, List<VolumeFile> files, long? group)
    {
        AtomicFiles.Write(path, files, time.GetUtcNow(), group);
        return path;
    }

    private string WriteSecret(string path, List<VolumeFile> files, long? group)
    {
        if (!Directory.Exists(path))
        {
            Directory.CreateDirectory(path);
            MountMemory(path, null);
        }

        return Write(path, files, group);
    }

    private static void MountMemory(string path, long? size) =>
        Mount.Tmpfs(path, size is { } bytes ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"size={bytes},mode=0777") : "mode=0755");
}
