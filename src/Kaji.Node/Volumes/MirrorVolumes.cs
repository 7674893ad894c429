using k8s.Models;
using Kaji.Linux.Mounts;

namespace Kaji.Node.Volumes;

/// <summary>A ConfigMap's entries as files.</summary>
internal sealed class ConfigMapVolume(VolumeSources sources) : IVolumeType
{
    public bool IsMirror => true;

    public bool Is(V1Volume volume) => volume.ConfigMap is not null;

    public async Task<string> SetUpAsync(VolumeRequest request, CancellationToken cancellationToken)
    {
        var map = request.Volume.ConfigMap;
        return sources.Write(request, "configmap", inMemory: false, await sources.ConfigMapAsync(request.Pod, map.Name, map.Items, map.Optional, map.DefaultMode ?? VolumeSources.Mode, cancellationToken));
    }
}

/// <summary>A Secret's entries as files in memory.</summary>
internal sealed class SecretVolume(VolumeSources sources) : IVolumeType
{
    public bool IsMirror => true;

    public bool Is(V1Volume volume) => volume.Secret is not null;

    public async Task<string> SetUpAsync(VolumeRequest request, CancellationToken cancellationToken)
    {
        var secret = request.Volume.Secret;
        return sources.Write(
            request, "secret", inMemory: true, await sources.SecretAsync(request.Pod, secret.SecretName, secret.Items, secret.Optional, secret.DefaultMode ?? VolumeSources.Mode, cancellationToken));
    }
}

/// <summary>The Pod's own fields as files.</summary>
internal sealed class DownwardApiVolume(VolumeSources sources) : IVolumeType
{
    public bool IsMirror => true;

    public bool Is(V1Volume volume) => volume.DownwardAPI is not null;

    public Task<string> SetUpAsync(VolumeRequest request, CancellationToken cancellationToken)
    {
        var downward = request.Volume.DownwardAPI;
        return Task.FromResult(sources.Write(request, "downward-api", inMemory: false, sources.Fields(request.Pod, downward.Items, downward.DefaultMode ?? VolumeSources.Mode)));
    }
}
