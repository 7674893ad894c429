using k8s.Models;
using Kaji.Engine;
using Kaji.Node.Probes;

namespace Kaji.Node.Pods;

/// <summary>What a container is to its Pod.</summary>
internal enum ContainerRole
{
    /// <summary>Runs to its end before what follows.</summary>
    Init,

    /// <summary>An init container with restartPolicy Always: it goes on beside the others.</summary>
    Sidecar,

    App,

    /// <summary>Added for debugging, never restarted.</summary>
    Ephemeral,
}

/// <summary>What is being done with a container in the background, if anything.</summary>
internal enum Operation
{
    None,
    Starting,
    Stopping,
}

/// <summary>Why the node ended a container; decides whether its exit counts as the program's own.</summary>
internal enum KilledBy
{
    Nobody,
    Probe,
    Hook,

    /// <summary>Its image was changed: it is started again whatever the restart policy.</summary>
    Change,
}

/// <summary>What the worker of a Pod knows of one container, beside what the runtime says. Changed on the worker's loop only.</summary>
internal sealed class ContainerTrack(V1Container spec, ContainerRole role) : IDisposable
{
    private readonly List<ProbeWorker> _probes = [];
    private (string Id, V1ContainerStateTerminated State)? _termination;

    /// <summary>As in the Pod's spec now.</summary>
    public V1Container Spec { get; set; } = spec;

    public ContainerRole Role { get; } = role;

    public bool IsInit => Role is ContainerRole.Init or ContainerRole.Sidecar;

    public bool IsSidecar => Role == ContainerRole.Sidecar;

    /// <summary>For an ephemeral container: whose processes it sees.</summary>
    public string? Target { get; init; }

    /// <summary>Id of the newest attempt; null before the first.</summary>
    public string? ContainerId { get; set; }

    /// <summary>Restarts so far.</summary>
    public int Restarts { get; set; }

    /// <summary>The image's id as shown in status.</summary>
    public string ImageId { get; set; } = "";

    /// <summary>Why it is not running; null when nothing is to be said.</summary>
    public (string Reason, string Message)? Waiting { get; set; }

    /// <summary>Not to be tried before.</summary>
    public DateTimeOffset NotBefore { get; set; }

    /// <summary>Back-off after the next exit.</summary>
    public TimeSpan BackOff { get; set; }

    /// <summary>The exit whose back-off was computed already, by container id.</summary>
    public string? HandledExit { get; set; }

    public KilledBy Killed { get; set; }

    /// <summary>How the attempt before ended.</summary>
    public V1ContainerStateTerminated? LastTermination { get; set; }

    /// <summary>How it ended, where the runtime no longer knows: it was lost with its sandbox.</summary>
    public V1ContainerStateTerminated? Lost { get; set; }

    /// <summary>The startup probe has passed (or there is none) since the attempt began.</summary>
    public bool Started { get; set; }

    public bool PostStartDone { get; set; }

    /// <summary>The preStop hook of this attempt has been run: it is not run twice.</summary>
    public bool PreStopDone { get; set; }

    /// <summary>Taken over from an earlier agent as ready: it stays so until its probe says otherwise.</summary>
    public bool ReadyBefore { get; set; }

    public Operation Operation { get; set; }

    /// <summary>The background work of <see cref="Operation"/>.</summary>
    public Task Work { get; set; } = Task.CompletedTask;

    public bool Ready => Started && PostStartDone && (Probe(ProbeKind.Readiness)?.Thresholds.Healthy ?? true);

    /// <summary>What the last attempt's end looks like in status; read once from the termination log.</summary>
    public V1ContainerStateTerminated Termination(ContainerInfo info)
    {
        if (_termination is not { } known || known.Id != info.Id)
        {
            _termination = known = (info.Id, PodStatusBuilder.Termination(info, Spec));
        }

        return known.State;
    }

    public ProbeWorker? Probe(ProbeKind kind) => _probes.FirstOrDefault(p => p.Kind == kind);

    public void AddProbe(ProbeWorker probe) => _probes.Add(probe);

    public void StopProbes()
    {
        foreach (var probe in _probes)
        {
            probe.Dispose();
        }

        _probes.Clear();
    }

    public void StopProbe(ProbeKind kind)
    {
        foreach (var probe in _probes.Where(p => p.Kind == kind).ToArray())
        {
            probe.Dispose();
            _probes.Remove(probe);
        }
    }

    public void Dispose() => StopProbes();
}
