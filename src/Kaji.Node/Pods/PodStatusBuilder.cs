using k8s.Models;
using Kaji.Engine;

namespace Kaji.Node.Pods;

/// <summary>What a Pod's status is computed from.</summary>
/// <param name="Before">The status written last; its times are kept where nothing changes.</param>
/// <param name="Failure">Set when the Pod as a whole failed: reason and message.</param>
/// <param name="Outcome">Succeeded or Failed when nothing of it runs or will run again.</param>
/// <param name="Terminated">All has been stopped because the Pod is being deleted.</param>
internal sealed record PodObservation(
    V1Pod Pod, V1PodStatus? Before, SandboxInfo? Sandbox, IReadOnlyList<ContainerTrack> Containers, Func<string, ContainerInfo?> Runtime, (string Reason, string Message)? Failure, string? Outcome,
    bool Terminated);

/// <summary>A Pod's status from what is observed, as kubelet writes it. Pure, but for the times it is given.</summary>
internal static class PodStatusBuilder
{
    public static V1PodStatus Build(PodObservation seen, NodeOptions options, DateTimeOffset now)
    {
        // Times in the API have seconds.
        now = new DateTimeOffset(now.Ticks - (now.Ticks % TimeSpan.TicksPerSecond), now.Offset);
        var pod = seen.Pod;
        var statuses = seen.Containers.Select(c => (Track: c, Status: Container(c, seen))).ToArray();
        var apps = statuses.Where(s => s.Track.Role == ContainerRole.App).ToArray();
        var debugging = statuses.Where(s => s.Track.Role == ContainerRole.Ephemeral).ToArray();
        var inits = statuses.Where(s => s.Track.IsInit).ToArray();
        var phase = Phase(seen, apps.Select(a => a.Status).ToArray(), inits);
        IReadOnlyList<string> known = [.. (seen.Before?.PodIPs ?? pod.Status?.PodIPs ?? []).Select(ip => ip.Ip)];
        var ips = seen.Sandbox is not { State: SandboxState.Ready } sandbox ? (phase is "Succeeded" or "Failed" ? known : []) : pod.Spec.HostNetwork == true ? [options.NodeIP] : sandbox.IPs;
        var status = new V1PodStatus
        {
            Phase = phase,
            QosClass = pod.Status?.QosClass,
            StartTime = seen.Before?.StartTime ?? pod.Status?.StartTime ?? now.UtcDateTime,
            HostIP = options.NodeIP,
            HostIPs = [new V1HostIP { Ip = options.NodeIP }],
            PodIP = ips.Count > 0 ? ips[0] : null,
            PodIPs = ips.Count > 0 ? [.. ips.Select(ip => new V1PodIP { Ip = ip })] : null,
            ContainerStatuses = [.. apps.Select(a => a.Status)],
            InitContainerStatuses = inits.Length > 0 ? [.. inits.Select(i => i.Status)] : null,
            EphemeralContainerStatuses = debugging.Length > 0 ? [.. debugging.Select(e => e.Status)] : null,
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
        var settled = track.Waiting is null || seen.Terminated || seen.Outcome is not null;
        if (running)
        {
            state.Running = new V1ContainerStateRunning { StartedAt = info!.StartedAt?.UtcDateTime };
        }
        else if (info?.State == ContainerState.Exited && settled)
        {
            state.Terminated = track.Termination(info);
        }
        else if (info is null && track.Lost is { } lost && settled)
        {
            state.Terminated = lost;
        }
        else
        {
            var (reason, message) = track.Waiting ?? (seen.Containers.Any(c => c.IsInit) ? "PodInitializing" : "ContainerCreating", "");
            state.Waiting = new V1ContainerStateWaiting { Reason = reason, Message = string.IsNullOrEmpty(message) ? null : message };
        }

        var done = track.IsInit && !track.IsSidecar && info is { State: ContainerState.Exited, ExitCode: 0 };
        return new V1ContainerStatus
        {
            Name = track.Spec.Name,
            Image = track.Spec.Image,
            ImageID = track.ImageId,
            ContainerID = track.ContainerId is { } container ? "crun://" + container : track.Lost?.ContainerID,
            RestartCount = track.Restarts,
            Ready = done || (running && track.Ready),
            Started = track.Role == ContainerRole.Ephemeral ? null : running && track.Started,
            State = state,
            LastState = track.LastTermination is { } last && !ReferenceEquals(last, state.Terminated) ? new V1ContainerState { Terminated = last } : new V1ContainerState(),
        };
    }

    public static V1ContainerStateTerminated Termination(ContainerInfo info, V1Container container)
    {
        var code = info.ExitCode ?? 137;
        return new V1ContainerStateTerminated
        {
            ContainerID = "crun://" + info.Id,
            ExitCode = code,
            Reason = info.OomKilled ? "OOMKilled" : code == 0 ? "Completed" : "Error",
            StartedAt = info.StartedAt?.UtcDateTime,
            FinishedAt = info.FinishedAt?.UtcDateTime,
            Message = TerminationMessages.Read(info, container),
        };
    }

    private static string Phase(PodObservation seen, V1ContainerStatus[] apps, (ContainerTrack Track, V1ContainerStatus Status)[] inits)
    {
        if (seen.Failure is not null)
        {
            return seen.Terminated || seen.Outcome is not null ? "Failed" : seen.Before?.Phase ?? seen.Pod.Status?.Phase ?? "Pending";
        }

        if (seen.Outcome is not null)
        {
            return seen.Outcome;
        }

        if (inits.Any(i => !i.Track.IsSidecar && i.Status.State.Terminated is not { ExitCode: 0 }))
        {
            return seen.Terminated ? "Failed" : "Pending";
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
            return seen.Terminated ? "Failed" : "Pending";
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

        // All have ended; until the plan says what has become of the Pod (its sidecars may run yet, or a restart be due) it is running.
        return "Running";
    }

    private static List<V1PodCondition> Conditions(
        PodObservation seen, V1PodStatus status, V1ContainerStatus[] apps, (ContainerTrack Track, V1ContainerStatus Status)[] inits, DateTimeOffset now)
    {
        var present = seen.Pod.Status?.Conditions ?? [];
        var own = seen.Before?.Conditions ?? present;
        var done = status.Phase is "Succeeded" or "Failed";
        static bool Initialized((ContainerTrack Track, V1ContainerStatus Status) init) =>
            init.Track.IsSidecar ? init.Status.Started == true || init.Status.RestartCount > 0 : init.Status.State.Terminated is { ExitCode: 0 };
        var initialized = inits.All(Initialized) || apps.Any(a => a.ContainerID is not null) || status.Phase == "Succeeded";
        var unready = apps.Where(a => !a.Ready).Select(a => a.Name).Concat(inits.Where(i => i.Track.IsSidecar && !i.Status.Ready).Select(i => i.Status.Name)).ToArray();
        var gates = (seen.Pod.Spec.ReadinessGates ?? []).Where(g => present.FirstOrDefault(c => c.Type == g.ConditionType)?.Status != "True").Select(g => g.ConditionType).ToArray();
        var why = unready.Length == 0 ? null : $"containers with unready status: [{string.Join(' ', unready)}]";

        var conditions = new List<V1PodCondition>();
        void Set(string type, bool value, string? reason = null, string? message = null)
        {
            var old = own.FirstOrDefault(c => c.Type == type);
            var text = value ? "True" : "False";
            conditions.Add(new V1PodCondition
            {
                Type = type, Status = text, Reason = value ? null : reason, Message = value ? null : message, ObservedGeneration = seen.Pod.Metadata.Generation,
                LastTransitionTime = old?.Status == text && old.LastTransitionTime is { } since ? since : now.UtcDateTime,
            });
        }

        var completed = status.Phase == "Succeeded" ? "PodCompleted" : status.Phase == "Failed" ? "PodFailed" : null;
        Set("PodReadyToStartContainers", seen.Sandbox is { State: SandboxState.Ready } && !seen.Terminated && !done);
        Set("Initialized", initialized, "ContainersNotInitialized", $"containers with incomplete status: [{string.Join(' ', inits.Where(i => !Initialized(i)).Select(i => i.Status.Name))}]");
        var containersReady = !done && unready.Length == 0 && initialized;
        Set("Ready", containersReady && gates.Length == 0, completed ?? (containersReady ? "ReadinessGatesNotReady" : "ContainersNotReady"), completed is not null ? null : gates.Length > 0 && containersReady ? GateMessage(gates[0], present) : why);
        Set("ContainersReady", containersReady, completed ?? "ContainersNotReady", completed is not null ? null : why);
        if (!done && Resizing.Problem(seen.Containers, seen.Runtime) is { } problem)
        {
            Set(Resizing.Pending, true);
            (conditions[^1].Reason, conditions[^1].Message) = ("Infeasible", problem);
        }

        return conditions;
    }

    private static string GateMessage(string gate, IEnumerable<V1PodCondition> present) => present.FirstOrDefault(c => c.Type == gate) is { } condition
        ? $"the status of pod readiness gate \"{gate}\" is not \"True\", but {condition.Status}"
        : $"corresponding condition of pod readiness gate \"{gate}\" does not exist.";
}
