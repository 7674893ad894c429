using k8s.Models;

namespace Kaji.Node.Volumes;

/// <summary>One volume of a Pod that is to be there.</summary>
/// <param name="Directory">The Pod's own directory on this host.</param>
internal sealed record VolumeRequest(V1Pod Pod, V1Volume Volume, string Directory)
{
    /// <summary>The group that may use it; null for none.</summary>
    public long? Group => Pod.Spec.SecurityContext?.FsGroup;

    /// <summary>Where the volume of a type lies.</summary>
    public string Place(string type) => Path.Combine(Directory, "volumes", type, Volume.Name);
}

/// <summary>A type of volume: one file here and one line in <see cref="PodVolumes"/>'s table.</summary>
internal interface IVolumeType
{
    bool Is(V1Volume volume);

    /// <summary>Its files are written from API objects: containers may not change them.</summary>
    bool IsMirror { get; }

    /// <summary>Makes it, or brings it up to date. Called again when what it mirrors has changed.</summary>
    /// <returns>Its path on this host.</returns>
    /// <exception cref="Containers.ConfigException">It can't be made; the sentence says why.</exception>
    Task<string> SetUpAsync(VolumeRequest request, CancellationToken cancellationToken);
}
