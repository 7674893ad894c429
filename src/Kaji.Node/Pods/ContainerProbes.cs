using k8s.Models;
using Kaji.Engine;
using Kaji.Node.Probes;

namespace Kaji.Node.Pods;

/// <summary>
/// The probes of a Pod's containers: the startup probe first, then readiness and liveness. Results are counted on the Pod's loop.
/// </summary>
/// <param name="post">Runs an action on the Pod's loop, which then looks again.</param>
/// <param name="kill">Ends a container whose probe says so; called on the loop.</param>
internal sealed class ContainerProbes(PodServices services, ContainerStarter starter, Func<V1Pod> pod, Action<Action> post, Action<ContainerTrack, ProbeKind, long?> kill)
{
    /// <summary>Begins (again) what the container's present stage asks for.</summary>
    /// <param name="adopted">It ran before this agent: no initial delays, and what was ready stays so until its probe says otherwise.</param>
    public void Start(ContainerTrack track, string address, bool adopted)
    {
        track.StopProbes();
        var container = track.Spec;
        if (container.StartupProbe is { } startup && !track.Started)
        {
            Begin(track, ProbeKind.Startup, startup, initially: false, address, adopted);
            return;
        }

        if (container.ReadinessProbe is { } readiness)
        {
            Begin(track, ProbeKind.Readiness, readiness, adopted && track.ReadyBefore, address, adopted);
        }

        if (container.LivenessProbe is { } liveness)
        {
            Begin(track, ProbeKind.Liveness, liveness, initially: true, address, adopted);
        }
    }

    private void Begin(ContainerTrack track, ProbeKind kind, V1Probe probe, bool initially, string address, bool adopted)
    {
        var (id, container) = (track.ContainerId!, track.Spec);
        track.AddProbe(new ProbeWorker(
            kind,
            probe,
            initially,
            adopted ? TimeSpan.Zero : TimeSpan.FromSeconds(probe.InitialDelaySeconds ?? 0),
            services.Time,
            token => services.Prober.RunAsync(probe, container, id, address, token),
            (worker, result) => post(() => Take(track, id, address, worker, result))));
    }

    private void Take(ContainerTrack track, string id, string address, ProbeWorker worker, ProbeResult result)
    {
        if (track.ContainerId != id || track.Probe(worker.Kind) != worker || services.Runtime.GetContainer(id)?.State != ContainerState.Running)
        {
            return;
        }

        if (!result.Healthy)
        {
            starter.Record(pod(), track.Role, track.Spec.Name, "Warning", "Unhealthy", $"{worker.Kind} probe failed: {result.Message}");
        }

        if (!worker.Thresholds.Take(result.Healthy))
        {
            return;
        }

        switch (worker.Kind, result.Healthy)
        {
            case (ProbeKind.Startup, true):
                track.Started = true;
                Start(track, address, adopted: false);
                break;
            case (ProbeKind.Startup or ProbeKind.Liveness, false):
                kill(track, worker.Kind, worker.Probe.TerminationGracePeriodSeconds);
                break;
        }
    }
}
