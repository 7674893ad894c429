using k8s.Models;
using Kaji.Client;
using Kaji.Engine;
using Kaji.Node.Containers;
using Kaji.Linux.Calls;

namespace Kaji.Node.Pods;

/// <summary>What a Pod's containers are put into: its volumes, then its sandbox.</summary>
internal sealed class SandboxStarter(PodServices services)
{
    /// <summary>Sandboxes of a Pod, oldest first.</summary>
    public IEnumerable<SandboxInfo> Of(string uid) => services.Runtime.ListSandboxes().Where(s => s.Labels.GetValueOrDefault(ContainerStarter.UidLabel) == uid).OrderBy(s => s.CreatedAt);

    /// <summary>Makes it, in place of one that has died.</summary>
    /// <param name="attempt">Tells it from earlier ones of the Pod.</param>
    /// <returns>The sandbox, or why there is none yet.</returns>
    public async Task<(SandboxInfo? Sandbox, string? Why)> StartAsync(V1Pod pod, int attempt, CancellationToken cancellationToken)
    {
        foreach (var dead in Of(pod.Metadata.Uid).ToArray())
        {
            await services.Runtime.RemoveSandboxAsync(dead.Id, cancellationToken);
        }

        try
        {
            return (await services.Runtime.RunSandboxAsync(Config(pod, attempt), cancellationToken), null);
        }
        catch (Exception e) when (e is EngineException or IOException)
        {
            services.Events.Record(Kinds.Pod, pod, "Warning", "FailedCreatePodSandBox", $"Failed to create pod sandbox: {e.Message}");
            return (null, $"Failed to create pod sandbox: {e.Message}");
        }
    }

    /// <summary>Makes the volumes or brings them up to date.</summary>
    public async Task<(IReadOnlyDictionary<string, string>? Volumes, string? Why)> MountAsync(V1Pod pod, CancellationToken cancellationToken)
    {
        try
        {
            return (await services.Volumes.SetUpAsync(pod, cancellationToken), null);
        }
        catch (Exception e) when (e is ConfigException or IOException or ApiException or HttpRequestException or UnauthorizedAccessException or KernelException)
        {
            services.Events.Record(Kinds.Pod, pod, "Warning", "FailedMount", e.Message);
            return (null, e.Message);
        }
    }

    private SandboxConfig Config(V1Pod pod, int attempt) => new()
    {
        Id = $"{pod.Metadata.Uid}-{attempt}",
        Labels = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [ContainerStarter.UidLabel] = pod.Metadata.Uid, [ContainerStarter.PodLabel] = pod.Metadata.Name, [ContainerStarter.NamespaceLabel] = pod.Metadata.NamespaceProperty,
        },
        Hostname = PodFiles.Hostname(pod, services.Options.NodeName),
        HostNetwork = pod.Spec.HostNetwork == true,
        HostPid = pod.Spec.HostPID == true,
        HostIpc = pod.Spec.HostIPC == true,
        ShareProcessNamespace = pod.Spec.ShareProcessNamespace == true,
        HostPorts = pod.Spec.HostNetwork == true ? [] :
            [.. pod.Spec.Containers.Concat((pod.Spec.InitContainers ?? []).Where(c => c.RestartPolicy == "Always")).SelectMany(c => c.Ports ?? []).Where(p => p.HostPort is > 0)
                .Select(p => new PortMapping(p.HostPort!.Value, p.ContainerPort, p.Protocol ?? "TCP", p.HostIP ?? ""))],
        Sysctls = (pod.Spec.SecurityContext?.Sysctls ?? []).ToDictionary(s => s.Name, s => s.Value, StringComparer.Ordinal),
        Limits = Resources.PodLimits(pod),
        QosClass = Resources.QosClass(pod).ToLowerInvariant(),
    };
}
