using k8s.Models;
using Kaji.Engine;

namespace Kaji.Node.Pods;

/// <summary>What a Pod's status is computed from.</summary>
/// <param name="Failure">Set when the Pod as a whole failed: reason and message.</param>
internal sealed record PodObservation(
    V1Pod Pod, SandboxInfo? Sandbox, IReadOnlyList<ContainerTrack> Containers, Func<string, ContainerInfo?> Runtime, (string Reason, string Message)? Failure, bool Terminated);

/// <summary>A Pod's status from what is observed, as kubelet writes it. Pure, but for the times it is given.</summary>
internal static class PodStatusBuilder
{
    public static V1PodStatus Build(PodObservation seen, NodeOptions options, DateTimeOffset now)
    {
        var pod = seen.Pod;
        var statuses = seen.Containers.Select(c => (Track: c, Status: Container(c, seen))).ToArray();
        var apps = statuses.Where(s => !s.Track.IsInit).ToArray();
        var inits = statuses.Where(s => s.Track.IsInit).ToArray();
        var phase = Phase(seen, apps.Select(a => a.Status).ToArray(), inits);
        var ips = pod.Spec.HostNetwork == true ? [options.NodeIP] : seen.Sandbox?.IPs ?? [];
        var status = new V1PodStatus
        {
            Phase = phase,
            QosClass = pod.Status?.QosClass,
            StartTime = pod.Status?.StartTime ?? now.UtcDateTime,
            HostIP = options.NodeIP,
            HostIPs = [new V1HostIP { Ip = options.NodeIP }],
            PodIP = ips.Count > 0 && seen.Sandbox is not null ? ips[0] : null,
            PodIPs = ips.Count > 0 && seen.Sandbox is not null ? [.. ips.Select(ip => new V1PodIP { Ip = ip })] : null,
            ContainerStatuses = [.. apps.Select(a => a.Status)],
            InitContainerStatuses = inits.Length > 0 ? [.. inits.Select(i => i.Status)] : null,
            Reason = seen.Failure?.Reason,
            Message = seen.Failure?.Message,
            NominatedNodeName = pod.Status?.NominatedNodeName,
            ObservedGeneration = pod.Metadata.Generation,
        };
        status.Conditions = Conditions(seen, status, apps.Select(a => a.Status).ToArray(), inits, now);
        return status;
    }

    private static V1ContainerStatus Container(ContainerTrack track, PodObservation seen)
    {
        var info = track.ContainerId is { } id ? seen.Runtime(id) : null;
        var running = info?.State == ContainerState.Running;
        var state = new V1ContainerState();
        if (running)
        {
            state.Running = new V1ContainerStateRunning { StartedAt = info!.StartedAt?.UtcDateTime };
        }
        else if (info?.State == ContainerState.Exited && (track.Waiting is null || seen.Terminated))
        {
            state.Terminated = Termination(info, track);
        }
        else
        {
            var (reason, message) = track.Waiting ?? (seen.Containers.Any(c => c.IsInit && !c.IsSidecar) && !track.IsInit ? ("PodInitializing", null!) : ("ContainerCreating", null!));
            state.Waiting = new V1ContainerStateWaiting { Reason = reason, Message = string.IsNullOrEmpty(message) ? null : message };
        }

        var done = track.IsInit && !track.IsSidecar && info is { State: ContainerState.Exited, ExitCode: 0 };
        return new V1ContainerStatus
        {
            Name = track.Spec.Name,
            Image = track.Spec.Image,
            ImageID = track.ImageId,
            ContainerID = track.ContainerId is { } container ? "crun://" + container : null,
            RestartCount = track.Restarts,
            Ready = done || (running && track.Ready),
            Started = running ? track.Started : done ? false : track.IsInit && info is null ? null : false,
            State = state,
            LastState = track.LastTermination is { } last ? new V1ContainerState { Terminated = last } : new V1ContainerState(),
        };
    }

    public static V1ContainerStateTerminated Termination(ContainerInfo info, ContainerTrack track)
    {
        var code = info.ExitCode ?? 137;
        return new V1ContainerStateTerminated
        {
            ContainerID = "crun://" + info.Id,
            ExitCode = code,
            Reason = info.OomKilled ? "OOMKilled" : code == 0 ? "Completed" : "Error",
            StartedAt = info.StartedAt?.UtcDateTime,
            FinishedAt = info.FinishedAt?.UtcDateTime,
            Message = TerminationMessages.Read(info, track.Spec),
        };
    }

    private static string Phase(PodObservation seen, V1ContainerStatus[] apps, (ContainerTrack Track, V1ContainerStatus Status)[] inits)
    {
        if (seen.Failure is not null)
        {
            return "Failed";
        }

        var policy = seen.Pod.Spec.RestartPolicy ?? "Always";
        foreach (var (track, status) in inits.Where(i => !i.Track.IsSidecar))
        {
            if (status.State.Terminated is { ExitCode: not 0 } && policy == "Never")
            {
                return "Failed";
            }

            if (status.State.Terminated is not { ExitCode: 0 })
            {
                return "Pending";
            }
        }

        var (running, waiting, stopped, succeeded) = (0, 0, 0, 0);
        foreach (var status in apps)
        {
            if (status.State.Running is not null)
            {
                running++;
            }
            else if (status.State.Terminated is { } terminated)
            {
                stopped++;
                succeeded += terminated.ExitCode == 0 ? 1 : 0;
            }
            else if (status.LastState.Terminated is not null)
            {
                stopped++;
            }
            else
            {
                waiting++;
            }
        }

        if (waiting > 0)
        {
            return "Pending";
        }

        if (running > 0)
        {
            return "Running";
        }

        if (stopped == 0)
        {
            return "Pending";
        }

        if (seen.Terminated)
        {
            return stopped == succeeded ? "Succeeded" : "Failed";
        }

        return policy switch
        {
            "Always" => "Running",
            _ when stopped == succeeded => "Succeeded",
            "Never" => "Failed",
            _ => "Running",
        };
    }

    private static List<V1PodCondition> Conditions(
        PodObservation seen, V1PodStatus status, V1ContainerStatus[] apps, (ContainerTrack Track, V1ContainerStatus Status)[] inits, DateTimeOffset now)
    {
        var present = seen.Pod.Status?.Conditions ?? [];
        var done = status.Phase is "Succeeded" or "Failed";
        var initialized = inits.All(i => i.Track.IsSidecar ? i.Status.Started == true : i.Status.State.Terminated is { ExitCode: 0 }) || (done && status.Phase == "Succeeded");
        var unready = apps.Where(a => !a.Ready).Select(a => a.Name).Concat(inits.Where(i => i.Track.IsSidecar && !i.Status.Ready).Select(i => i.Status.Name)).ToArray();
        var gates = (seen.Pod.Spec.ReadinessGates ?? []).Where(g => present.FirstOrDefault(c => c.Type == g.ConditionType)?.Status != "True").Select(g => g.ConditionType).ToArray();
        var why = unready.Length == 0 ? null : $"containers with unready status: [{string.Join(' ', unready)}]";

        var conditions = new List<V1PodCondition>();
        void Set(string type, bool value, string? reason = null, string? message = null)
        {
            var old = present.FirstOrDefault(c => c.Type == type);
            var text = value ? "True" : "False";
            conditions.Add(new V1PodCondition
            {
                Type = type, Status = text, Reason = value ? null : reason, Message = value ? null : message, ObservedGeneration = seen.Pod.Metadata.Generation,
                LastTransitionTime = old?.Status == text && old.LastTransitionTime is { } since ? since : now.UtcDateTime,
            });
        }

        var completed = status.Phase == "Succeeded" ? "PodCompleted" : status.Phase == "Failed" ? "PodFailed" : null;
        Set("PodReadyToStartContainers", seen.Sandbox is not null && !seen.Terminated);
        Set("Initialized", initialized, "ContainersNotInitialized", $"containers with incomplete status: [{string.Join(' ', inits.Where(i => i.Status.State.Terminated is not { ExitCode: 0 }).Select(i => i.Status.Name))}]");
        var containersReady = !done && unready.Length == 0 && initialized;
        Set("Ready", containersReady && gates.Length == 0, completed ?? (containersReady ? "ReadinessGatesNotReady" : "ContainersNotReady"), completed is not null ? null : containersReady ? $"corresponding condition of pod readiness gate \"{gates.FirstOrDefault()}\" does not exist." : why);
        Set("ContainersReady", containersReady, completed ?? "ContainersNotReady", completed is not null ? null : why);
        conditions.AddRange(present.Where(p => conditions.All(c => c.Type != p.Type)));
        return conditions;
    }
}
