using k8s.Models;
using Kaji.Engine;

namespace Kaji.Node.Pods;

/// <summary>Ends containers as their Pod asks: preStop, then the stop signal, then after what is left of the grace SIGKILL.</summary>
internal sealed class ContainerStopper(PodServices services, ContainerStarter starter)
{
    /// <summary>Even a hook that took all of the grace leaves the program a moment to end by itself (kubelet's minimum).</summary>
    private static readonly TimeSpan LeastGrace = TimeSpan.FromSeconds(2);

    /// <summary>One container; returns after its exit is recorded.</summary>
    public async Task StopAsync(V1Pod pod, ContainerTrack track, TimeSpan grace, string address, CancellationToken cancellationToken)
    {
        if (track.ContainerId is not { } id || services.Runtime.GetContainer(id) is not { State: ContainerState.Running })
        {
            return;
        }

        var began = services.Time.GetTimestamp();
        if (track.Spec.Lifecycle?.PreStop is { } hook && grace > TimeSpan.Zero && !track.PreStopDone)
        {
            track.PreStopDone = true;
            if (await Hooks.RunAsync(services, hook, track.Spec, id, address, grace, cancellationToken) is { } why)
            {
                starter.Record(pod, track.Role, track.Spec.Name, "Warning", "FailedPreStopHook", $"PreStopHook failed: {why}");
            }
        }

        var left = grace - services.Time.GetElapsedTime(began);
        await services.Runtime.StopContainerAsync(id, grace == TimeSpan.Zero ? TimeSpan.Zero : left > LeastGrace ? left : LeastGrace, track.Spec.Lifecycle?.StopSignal, cancellationToken);
    }

    /// <summary>All of a Pod's: sidecars last, one after the other from the last, in what is left of the grace.</summary>
    public async Task StopAllAsync(V1Pod pod, IReadOnlyList<ContainerTrack> tracks, TimeSpan grace, string address, CancellationToken cancellationToken)
    {
        var began = services.Time.GetTimestamp();
        foreach (var track in tracks.Where(t => t.ContainerId is { } id && services.Runtime.GetContainer(id)?.State == ContainerState.Running))
        {
            starter.Record(pod, track.Role, track.Spec.Name, "Normal", "Killing", $"Stopping container {track.Spec.Name}");
        }

        await Task.WhenAll(tracks.Where(t => !t.IsSidecar).Select(t => StopAsync(pod, t, grace, address, cancellationToken)));
        foreach (var sidecar in tracks.Where(t => t.IsSidecar).Reverse())
        {
            var left = grace - services.Time.GetElapsedTime(began);
            await StopAsync(pod, sidecar, left > TimeSpan.Zero ? left : grace == TimeSpan.Zero ? TimeSpan.Zero : LeastGrace, address, cancellationToken);
        }
    }
}
