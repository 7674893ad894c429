using System.Globalization;
using System.Text;
using k8s.Models;
using Kaji.Client;
using Kaji.Linux.Mounts;
using Kaji.Node.Containers;

namespace Kaji.Node.Volumes;

/// <summary>Files made of API objects, for the volume types that mirror them.</summary>
internal sealed class VolumeSources(ReferencedObjects references, PodFields fields, TimeProvider time)
{
    /// <summary>0644, where the volume names no other.</summary>
    public const int Mode = 0x1A4;

    public async Task<List<VolumeFile>> ConfigMapAsync(V1Pod pod, string name, IList<V1KeyToPath>? items, bool? optional, int mode, CancellationToken cancellationToken)
    {
        if (await references.FindAsync(Kinds.ConfigMap, pod.Metadata.Uid, pod.Metadata.NamespaceProperty, name, cancellationToken) is not { } map)
        {
            return optional == true ? [] : throw new ConfigException($"configmap \"{name}\" not found");
        }

        var data = (map.Data ?? new Dictionary<string, string>(StringComparer.Ordinal)).Select(d => KeyValuePair.Create(d.Key, Encoding.UTF8.GetBytes(d.Value)))
            .Concat(map.BinaryData ?? new Dictionary<string, byte[]>(StringComparer.Ordinal));
        return Select(data, items, optional, mode);
    }

    public async Task<List<VolumeFile>> SecretAsync(V1Pod pod, string name, IList<V1KeyToPath>? items, bool? optional, int mode, CancellationToken cancellationToken)
    {
        if (await references.FindAsync(Kinds.Secret, pod.Metadata.Uid, pod.Metadata.NamespaceProperty, name, cancellationToken) is not { } secret)
        {
            return optional == true ? [] : throw new ConfigException($"secret \"{name}\" not found");
        }

        return Select(secret.Data ?? new Dictionary<string, byte[]>(StringComparer.Ordinal), items, optional, mode);
    }

    public List<VolumeFile> Fields(V1Pod pod, IList<V1DownwardAPIVolumeFile>? items, int mode) =>
        [.. (items ?? []).Select(item => new VolumeFile(AtomicFiles.Checked(item.Path), Encoding.UTF8.GetBytes(Field(pod, item)), item.Mode ?? mode))];

    /// <summary>Writes them where the volume lies, all at once.</summary>
    public string Write(VolumeRequest request, string type, bool inMemory, IReadOnlyList<VolumeFile> files)
    {
        var path = request.Place(type);
        Directory.CreateDirectory(path);
        if (inMemory && !Memory.IsMounted(path))
        {
            Mount.Tmpfs(path, "mode=0755");
        }

        AtomicFiles.Write(path, files, time.GetUtcNow(), request.Group);
        return path;
    }

    private string Field(V1Pod pod, V1DownwardAPIVolumeFile item)
    {
        if (item.FieldRef is { } field)
        {
            return fields.Value(pod, field.FieldPath);
        }

        var name = item.ResourceFieldRef.ContainerName;
        var container = pod.Spec.Containers.Concat(pod.Spec.InitContainers ?? []).FirstOrDefault(c => c.Name == name) ?? throw new ConfigException($"container \"{name}\" not found in pod");
        return fields.Resource(pod, container, item.ResourceFieldRef).ToString(CultureInfo.InvariantCulture);
    }

    private static List<VolumeFile> Select(IEnumerable<KeyValuePair<string, byte[]>> data, IList<V1KeyToPath>? items, bool? optional, int mode)
    {
        if (items is not { Count: > 0 })
        {
            return [.. data.Select(d => new VolumeFile(d.Key, d.Value, mode))];
        }

        var all = data.ToDictionary(d => d.Key, d => d.Value, StringComparer.Ordinal);
        var files = new List<VolumeFile>();
        foreach (var item in items)
        {
            if (all.TryGetValue(item.Key, out var content))
            {
                files.Add(new VolumeFile(AtomicFiles.Checked(item.Path), content, item.Mode ?? mode));
            }
            else if (optional != true)
            {
                throw new ConfigException($"references non-existent config key: {item.Key}");
            }
        }

        return files;
    }
}
