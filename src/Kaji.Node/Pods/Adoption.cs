using k8s.Models;
using Kaji.Engine;

namespace Kaji.Node.Pods;

/// <summary>
/// Takes over what an earlier agent left: containers that the runtime still has are matched by their labels and go on; those that were lost with their sandbox (a
/// reboot, <c>kaji down</c>) are counted as ended.
/// </summary>
internal static class Adoption
{
    private const int UnknownExit = 137;

    /// <returns>The sandbox that lives, and the Pod's outcome where it has one already.</returns>
    public static (SandboxInfo? Sandbox, string? Outcome) Take(V1Pod pod, IReadOnlyList<ContainerTrack> tracks, IEnumerable<SandboxInfo> sandboxes, IContainerRuntime runtime)
    {
        var sandbox = sandboxes.LastOrDefault(s => s.State == SandboxState.Ready);
        var own = runtime.ListContainers().Where(c => c.Labels.GetValueOrDefault(ContainerStarter.UidLabel) == pod.Metadata.Uid).ToArray();
        var statuses = (pod.Status?.ContainerStatuses ?? []).Concat(pod.Status?.InitContainerStatuses ?? []).Concat(pod.Status?.EphemeralContainerStatuses ?? []).ToArray();
        var outcome = pod.Status?.Phase is "Succeeded" or "Failed" ? pod.Status.Phase : null;
        foreach (var track in tracks)
        {
            var known = statuses.FirstOrDefault(s => s.Name == track.Spec.Name);
            var newest = own.Where(c => c.Name == track.Spec.Name).OrderBy(c => c.Attempt).ThenBy(c => c.CreatedAt).LastOrDefault();
            track.LastTermination = known?.LastState?.Terminated;
            track.ImageId = string.IsNullOrEmpty(known?.ImageID) ? newest?.ImageId ?? "" : known.ImageID;
            if (newest is not null && (newest.SandboxId == sandbox?.Id || outcome is not null))
            {
                Keep(track, newest, known);
            }
            else
            {
                Lose(track, newest, known);
            }
        }

        return (sandbox, outcome);
    }

    private static void Keep(ContainerTrack track, ContainerInfo newest, V1ContainerStatus? known)
    {
        (track.ContainerId, track.Restarts) = (newest.Id, newest.Attempt);
        if (newest.State == ContainerState.Running)
        {
            track.Started = known?.Started == true || track.Spec.StartupProbe is null;
            track.PostStartDone = true;
            track.ReadyBefore = known?.Ready == true;
        }
    }

    private static void Lose(ContainerTrack track, ContainerInfo? newest, V1ContainerStatus? known)
    {
        var ended = newest is not null ? track.Termination(newest)
            : known?.State?.Terminated
            ?? (known?.State?.Running is { } running
                ? new V1ContainerStateTerminated
                {
                    ContainerID = known.ContainerID, ExitCode = UnknownExit, Reason = "ContainerStatusUnknown", StartedAt = running.StartedAt,
                    Message = "The container could not be located when the pod was terminated",
                }
                : null);
        track.Restarts = newest?.Attempt ?? known?.RestartCount ?? 0;
        if (ended is null)
        {
            return;
        }

        track.LastTermination = ended;
        if (track.IsInit)
        {
            // Initialization begins anew.
            track.Restarts++;
        }
        else
        {
            track.Lost = ended;
        }
    }
}
