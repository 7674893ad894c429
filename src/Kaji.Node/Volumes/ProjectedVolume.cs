using System.Text;
using k8s.Models;
using Kaji.Node.Containers;

namespace Kaji.Node.Volumes;

/// <summary>Several sources in one directory, in memory: ConfigMaps, Secrets, fields, and tokens of the Pod's service account.</summary>
internal sealed class ProjectedVolume(VolumeSources sources, TokenCache tokens) : IVolumeType
{
    private const int OwnerOnly = 0x180;
    private const long DefaultTokenSeconds = 3600;

    public bool IsMirror => true;

    public bool Is(V1Volume volume) => volume.Projected is not null;

    public async Task<string> SetUpAsync(VolumeRequest request, CancellationToken cancellationToken)
    {
        var (pod, projected) = (request.Pod, request.Volume.Projected);
        var mode = projected.DefaultMode ?? VolumeSources.Mode;
        var files = new List<VolumeFile>();
        foreach (var source in projected.Sources ?? [])
        {
            files.AddRange(source switch
            {
                { ConfigMap: { } map } => await sources.ConfigMapAsync(pod, map.Name, map.Items, map.Optional, mode, cancellationToken),
                { Secret: { } secret } => await sources.SecretAsync(pod, secret.Name, secret.Items, secret.Optional, mode, cancellationToken),
                { DownwardAPI: { } downward } => sources.Fields(pod, downward.Items, mode),
                { ServiceAccountToken: { } token } => [await TokenAsync(pod, token, mode, cancellationToken)],
                _ => throw new ConfigException(
                    $"a projected volume's source {(source.ClusterTrustBundle is not null ? "clusterTrustBundle" : "podCertificate")} is not supported by this node yet"),
            });
        }

        return sources.Write(request, "projected", inMemory: true, files);
    }

    private async Task<VolumeFile> TokenAsync(V1Pod pod, V1ServiceAccountTokenProjection token, int mode, CancellationToken cancellationToken)
    {
        var text = await tokens.GetAsync(pod, token.Audience, token.ExpirationSeconds ?? DefaultTokenSeconds, cancellationToken);

        // With a group of the Pod's own, nobody outside it needs the token.
        return new VolumeFile(AtomicFiles.Checked(token.Path), Encoding.ASCII.GetBytes(text), pod.Spec.SecurityContext?.FsGroup is null ? mode : OwnerOnly);
    }
}
