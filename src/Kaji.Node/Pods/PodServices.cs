using k8s.Models;
using Kaji.Client;
using Kaji.Engine;
using Kaji.Node.Containers;
using Kaji.Node.Guard;
using Kaji.Node.Probes;
using Kaji.Node.Volumes;

namespace Kaji.Node.Pods;

/// <summary>What all Pod workers of a node share.</summary>
internal sealed record PodServices(
    NodeOptions Options, IApiClient Client, IContainerRuntime Runtime, ImagePuller Images, PodVolumes Volumes, ReferencedObjects References, EnvironmentBuilder Environment, Prober Prober,
    TokenCache Tokens, EventRecorder Events, TimeProvider Time, long NodeMemory, IPodWarden? Warden = null)
{
    public PodCgroups Cgroups { get; } = new(Options.CgroupParent);

    /// <summary>Removes all that this node keeps of a Pod beside its sandbox.</summary>
    public void Forget(V1Pod pod)
    {
        var uid = pod.Metadata.Uid;
        Volumes.TearDown(uid);
        References.Forget(uid);
        Tokens.Forget(uid);
        Images.Forget(uid);
        var logs = Path.GetDirectoryName(ContainerStarter.LogDirectory(Options, pod, "x"))!;
        if (Directory.Exists(logs))
        {
            Directory.Delete(logs, recursive: true);
        }
    }
}
