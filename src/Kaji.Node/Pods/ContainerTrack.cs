using k8s.Models;
using Kaji.Engine;
using Kaji.Node.Probes;

namespace Kaji.Node.Pods;

/// <summary>What the worker of a Pod knows of one container, beside what the runtime says. Changed on the worker's loop only.</summary>
internal sealed class ContainerTrack(V1Container spec, bool init) : IDisposable
{
    private readonly List<ProbeWorker> _probes = [];

    /// <summary>As in the Pod's spec now.</summary>
    public V1Container Spec { get; set; } = spec;

    public bool IsInit { get; } = init;

    /// <summary>An init container with restartPolicy Always: it goes on beside the others.</summary>
    public bool IsSidecar => IsInit && Spec.RestartPolicy == "Always";

    /// <summary>Id of the newest attempt; null before the first.</summary>
    public string? ContainerId { get; set; }

    /// <summary>Restarts so far.</summary>
    public int Restarts { get; set; }

    /// <summary>The image's name and id as shown in status.</summary>
    public string ImageId { get; set; } = "";

    /// <summary>Why it is not running; null when nothing is to be said.</summary>
    public (string Reason, string Message)? Waiting { get; set; }

    /// <summary>Not to be tried before.</summary>
    public DateTimeOffset NotBefore { get; set; }

    /// <summary>Back-off after the next exit.</summary>
    public TimeSpan BackOff { get; set; }

    /// <summary>Exits whose back-off was computed already, by container id.</summary>
    public string? HandledExit { get; set; }

    /// <summary>Killed because of a probe or a changed image: the exit is not the program's own.</summary>
    public bool Killing { get; set; }

    /// <summary>How the attempt before ended.</summary>
    public V1ContainerStateTerminated? LastTermination { get; set; }

    /// <summary>The startup probe has passed (or there is none) since the attempt began.</summary>
    public bool Started { get; set; }

    public bool PostStartDone { get; set; }

    public bool Ready => Started && PostStartDone && (Probe(ProbeKind.Readiness)?.Thresholds.Healthy ?? true);

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
