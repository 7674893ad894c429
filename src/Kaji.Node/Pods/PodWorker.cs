using System.Threading.Channels;
using k8s.Models;
using Kaji.Client;
using Kaji.Engine;
using Kaji.Node.Containers;
using Kaji.Node.Probes;
using Microsoft.Extensions.Logging;

namespace Kaji.Node.Pods;

/// <summary>
/// The loop of one Pod: wakes when the Pod, a container, a probe or a deadline changes, looks at everything, takes the next steps, writes the status. It may be woken
/// too often or late, and begins anew after a restart of the agent from what the runtime has.
/// </summary>
internal sealed partial class PodWorker : IDisposable
{
    private readonly PodServices _services;
    private readonly ContainerStarter _starter;
    private readonly ILogger _log;
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly List<ContainerTrack> _tracks = [];
    private readonly Action<PodWorker> _gone;
    private readonly CancellationTokenSource _end = new();
    private V1Pod _pod;
    private SandboxInfo? _sandbox;
    private IReadOnlyDictionary<string, string> _volumes = new Dictionary<string, string>(StringComparer.Ordinal);
    private (string Reason, string Message)? _failure;
    private CancellationTokenSource _starting = new();
    private DateTimeOffset _volumesDue;
    private bool _shutdown;
    private bool _terminated;
    private byte[] _written = [];

    public PodWorker(V1Pod pod, PodServices services, Action<PodWorker> gone, ILogger log)
    {
        (_pod, _services, _gone, _log) = (pod, services, gone, log);
        _starter = new ContainerStarter(services);
        Uid = pod.Metadata.Uid;
    }

    public string Uid { get; }

    public V1Pod Pod => Volatile.Read(ref _pod);

    public string? SandboxId => _sandbox?.Id;

    public string? PodIP => _sandbox?.IPs.FirstOrDefault();

    /// <summary>A snapshot for the node's server.</summary>
    public IReadOnlyList<ContainerTrack> Tracks
    {
        get
        {
            lock (_tracks)
            {
                return [.. _tracks];
            }
        }
    }

    /// <summary>Completes when the Pod is gone from this node.</summary>
    public Task Completion { get; private set; } = Task.CompletedTask;

    public void Start() => Completion = Task.Run(RunAsync);

    public void Update(V1Pod pod)
    {
        Volatile.Write(ref _pod, pod);
        if (pod.Metadata.DeletionTimestamp is not null)
        {
            // A pull or a slow start must not hold up the end.
            _starting.Cancel();
        }

        Wake();
    }

    /// <summary>Ends the containers in order but leaves the object: the node goes down.</summary>
    public void ShutDown()
    {
        _shutdown = true;
        _starting.Cancel();
        Wake();
    }

    public void Wake() => _wake.Writer.TryWrite(true);

    public void Dispose()
    {
        _end.Cancel();
        foreach (var track in _tracks)
        {
            track.Dispose();
        }

        _starting.Dispose();
        _end.Dispose();
    }

    private async Task RunAsync()
    {
        Adopt();
        Wake();
        while (!_end.IsCancellationRequested)
        {
            var due = await StepAsync();
            if (due is null)
            {
                break;
            }

            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
            if (due.Value != DateTimeOffset.MaxValue)
            {
                var wait = due.Value - _services.Time.GetUtcNow();
                deadline.CancelAfter(wait > TimeSpan.Zero ? wait + TimeSpan.FromMilliseconds(1) : TimeSpan.Zero);
            }

            try
            {
                await _wake.Reader.ReadAsync(deadline.Token);
            }
            catch (OperationCanceledException)
            {
                // The deadline is here, or the agent stops: the loop's condition tells.
                continue;
            }
        }
    }

    /// <returns>When to look again at the latest; null when the Pod is gone.</returns>
    private async Task<DateTimeOffset?> StepAsync()
    {
        try
        {
            if (_shutdown || Pod.Metadata.DeletionTimestamp is not null)
            {
                await TerminateAsync();
                return null;
            }

            var due = await SyncAsync();
            await WriteStatusAsync();
            return due;
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            return null;
        }
        catch (OperationCanceledException)
        {
            // A start was cut short because the Pod is being deleted: look again.
            return _services.Time.GetUtcNow();
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            return _services.Time.GetUtcNow().AddSeconds(1);
        }
        catch (Exception e)
        {
            Failed(e, Pod.Metadata.NamespaceProperty, Pod.Metadata.Name);
            return _services.Time.GetUtcNow().AddSeconds(5);
        }
    }

    /// <summary>Takes over what an earlier agent left running.</summary>
    private void Adopt()
    {
        SyncTracks();
        _sandbox = Sandboxes().LastOrDefault(s => s.State == SandboxState.Ready);
        var own = _services.Runtime.ListContainers().Where(c => c.Labels.GetValueOrDefault(ContainerStarter.UidLabel) == Uid).ToArray();
        foreach (var track in _tracks)
        {
            var attempts = own.Where(c => c.Name == track.Spec.Name).OrderBy(c => c.Attempt).ThenBy(c => c.CreatedAt).ToArray();
            if (attempts.Length == 0)
            {
                continue;
            }

            var newest = attempts[^1];
            track.ContainerId = newest.Id;
            track.Restarts = newest.Attempt;
            track.ImageId = newest.ImageId;
            var known = (Pod.Status?.ContainerStatuses ?? []).Concat(Pod.Status?.InitContainerStatuses ?? []).FirstOrDefault(s => s.Name == track.Spec.Name);
            track.LastTermination = known?.LastState?.Terminated;
            if (!string.IsNullOrEmpty(known?.ImageID))
            {
                track.ImageId = known.ImageID;
            }

            if (newest.State == ContainerState.Running)
            {
                track.Started = known?.Started ?? track.Spec.StartupProbe is null;
                track.PostStartDone = true;
                StartProbes(track, adopted: true);
            }
        }
    }

    private IEnumerable<SandboxInfo> Sandboxes() => _services.Runtime.ListSandboxes().Where(s => s.Labels.GetValueOrDefault(ContainerStarter.UidLabel) == Uid).OrderBy(s => s.CreatedAt);

    private void SyncTracks()
    {
        lock (_tracks)
        {
            foreach (var (spec, init) in (Pod.Spec.InitContainers ?? []).Select(c => (c, true)).Concat(Pod.Spec.Containers.Select(c => (c, false))))
            {
                if (_tracks.FirstOrDefault(t => t.Spec.Name == spec.Name) is { } known)
                {
                    known.Spec = spec;
                }
                else
                {
                    _tracks.Add(new ContainerTrack(spec, init));
                }
            }
        }
    }

    private async Task<DateTimeOffset> SyncAsync()
    {
        var pod = Pod;
        var now = _services.Time.GetUtcNow();
        SyncTracks();
        if (pod.Status?.Phase is "Succeeded" or "Failed" || _failure is not null)
        {
            await StopAllAsync(TimeSpan.FromSeconds(pod.Spec.TerminationGracePeriodSeconds ?? 30), "pod has ended");
            return DateTimeOffset.MaxValue;
        }

        var due = DateTimeOffset.MaxValue;
        if (pod.Spec.ActiveDeadlineSeconds is { } seconds && pod.Status?.StartTime is { } began)
        {
            var end = new DateTimeOffset(DateTime.SpecifyKind(began, DateTimeKind.Utc)).AddSeconds(seconds);
            if (now >= end)
            {
                _failure = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline");
                Record("Normal", "DeadlineExceeded", "Pod was active on the node longer than the specified deadline");
                return now;
            }

            due = end;
        }

        _starting = _starting.IsCancellationRequested && pod.Metadata.DeletionTimestamp is null && !_shutdown ? new CancellationTokenSource() : _starting;
        var token = _starting.Token;
        if (!await EnsureSandboxAsync(pod, token))
        {
            return Earlier(due, now.AddSeconds(5));
        }

        if (now >= _volumesDue)
        {
            _volumes = await _services.Volumes.SetUpAsync(pod, token);
            _volumesDue = now + _services.Options.VolumeRefresh;
        }

        due = Earlier(due, _volumesDue);
        foreach (var track in _tracks.ToArray())
        {
            var (next, goOn) = await SyncContainerAsync(pod, track, token);
            due = Earlier(due, next);
            if (!goOn)
            {
                break;
            }
        }

        return due;
    }

    /// <returns>When to look at it again, and whether the containers after it may go on.</returns>
    private async Task<(DateTimeOffset Due, bool GoOn)> SyncContainerAsync(V1Pod pod, ContainerTrack track, CancellationToken cancellationToken)
    {
        var now = _services.Time.GetUtcNow();
        var info = track.ContainerId is { } id ? _services.Runtime.GetContainer(id) : null;
        var blocks = track.IsInit;
        switch (info?.State)
        {
            case ContainerState.Running:
                if (info.Labels.GetValueOrDefault(ContainerStarter.ImageLabel) is { } image && image != track.Spec.Image && !track.Killing)
                {
                    await KillAsync(track, $"Container {track.Spec.Name} definition changed, will be restarted", null);
                    return (now, false);
                }

                return (DateTimeOffset.MaxValue, !blocks || (track.IsSidecar && track.Started));
            case ContainerState.Exited:
                var after = RestartRules.Decide(pod.Spec.RestartPolicy ?? "Always", track.IsInit, track.IsSidecar, info.ExitCode ?? 137);
                if (after == AfterExit.Done && !track.Killing)
                {
                    track.StopProbes();
                    return (DateTimeOffset.MaxValue, true);
                }

                if (after == AfterExit.Failed && !track.Killing)
                {
                    track.StopProbes();
                    return (DateTimeOffset.MaxValue, !blocks);
                }

                if (track.HandledExit != info.Id)
                {
                    Exited(pod, track, info, now);
                }

                break;
        }

        if (now < track.NotBefore)
        {
            return (track.NotBefore, !blocks);
        }

        if (info?.State == ContainerState.Exited)
        {
            track.Restarts++;
            RemoveOlderAttempts(track, info);
        }

        track.Started = false;
        track.PostStartDone = false;
        if (!await _starter.StartAsync(pod, track, _sandbox!, _volumes, cancellationToken))
        {
            if (info?.State == ContainerState.Exited && track.ContainerId == info.Id)
            {
                track.Restarts--;
            }

            return (track.NotBefore, !blocks);
        }

        track.Started = track.Spec.StartupProbe is null;
        await PostStartAsync(track, cancellationToken);
        StartProbes(track, adopted: false);
        return (DateTimeOffset.MaxValue, !blocks || (track.IsSidecar && track.Started));
    }

    private void Exited(V1Pod pod, ContainerTrack track, ContainerInfo info, DateTimeOffset now)
    {
        track.HandledExit = info.Id;
        track.StopProbes();
        track.LastTermination = PodStatusBuilder.Termination(info, track);
        var ran = (info.FinishedAt ?? now) - (info.StartedAt ?? info.CreatedAt);
        var (delay, next) = RestartRules.BackOff(track.BackOff, ran, _services.Options);
        track.BackOff = next;
        track.NotBefore = now + delay;
        if (delay > TimeSpan.Zero)
        {
            var message = $"back-off {delay.TotalSeconds:0}s restarting failed container={track.Spec.Name} pod={pod.Metadata.Name}_{pod.Metadata.NamespaceProperty}({Uid})";
            track.Waiting = ("CrashLoopBackOff", message);
            _starter.Record(pod, track, "Warning", "BackOff", $"Back-off restarting failed container {track.Spec.Name} in pod {pod.Metadata.Name}_{pod.Metadata.NamespaceProperty}({Uid})");
        }
    }

    /// <summary>Keeps one ended attempt of a container (for <c>logs --previous</c>); older ones go.</summary>
    private void RemoveOlderAttempts(ContainerTrack track, ContainerInfo newest)
    {
        foreach (var old in _services.Runtime.ListContainers().Where(c => c.SandboxId == newest.SandboxId && c.Name == track.Spec.Name && c.Id != newest.Id && c.State == ContainerState.Exited).ToArray())
        {
            _ = RemoveAsync(old);
        }
    }

    private async Task RemoveAsync(ContainerInfo old)
    {
        try
        {
            await _services.Runtime.RemoveContainerAsync(old.Id);
            foreach (var file in Directory.EnumerateFiles(Path.GetDirectoryName(old.LogPath)!, $"{old.Attempt}.log*"))
            {
                File.Delete(file);
            }
        }
        catch (Exception e) when (e is EngineException or IOException)
        {
            CleanUpFailed(e, Pod.Metadata.NamespaceProperty, Pod.Metadata.Name);
        }
    }

    private async Task<bool> EnsureSandboxAsync(V1Pod pod, CancellationToken cancellationToken)
    {
        if (_sandbox is not null && Sandboxes().FirstOrDefault(s => s.Id == _sandbox.Id) is { State: SandboxState.Ready } alive)
        {
            _sandbox = alive;
            return true;
        }

        foreach (var dead in Sandboxes().ToArray())
        {
            // After a reboot or `kaji down`: what is left of it is counted as ended, then goes.
            foreach (var track in _tracks.Where(t => t.ContainerId is { } id && _services.Runtime.GetContainer(id)?.SandboxId == dead.Id))
            {
                track.StopProbes();
                track.Restarts++;
                track.ContainerId = null;
                track.Waiting = null;
            }

            await _services.Runtime.RemoveSandboxAsync(dead.Id, cancellationToken);
        }

        try
        {
            if (_volumesDue == default)
            {
                _volumes = await _services.Volumes.SetUpAsync(pod, cancellationToken);
                _volumesDue = _services.Time.GetUtcNow() + _services.Options.VolumeRefresh;
            }
        }
        catch (Exception e) when (e is ConfigException or IOException or ApiException or UnauthorizedAccessException)
        {
            Record("Warning", "FailedMount", e.Message);
            foreach (var track in _tracks)
            {
                track.Waiting = ("ContainerCreating", e.Message);
            }

            return false;
        }

        var attempt = _tracks.Count == 0 ? 0 : _tracks.Max(t => t.Restarts);
        try
        {
            _sandbox = await _services.Runtime.RunSandboxAsync(
                new SandboxConfig
                {
                    Id = $"{Uid}-{attempt}",
                    Labels = new Dictionary<string, string>(StringComparer.Ordinal)
                    {
                        [ContainerStarter.UidLabel] = Uid, [ContainerStarter.PodLabel] = pod.Metadata.Name, [ContainerStarter.NamespaceLabel] = pod.Metadata.NamespaceProperty,
                    },
                    Hostname = PodFiles.Hostname(pod, _services.Options.NodeName),
                    HostNetwork = pod.Spec.HostNetwork == true,
                    HostPid = pod.Spec.HostPID == true,
                    HostIpc = pod.Spec.HostIPC == true,
                    ShareProcessNamespace = pod.Spec.ShareProcessNamespace == true,
                    HostPorts = [.. pod.Spec.Containers.SelectMany(c => c.Ports ?? []).Where(p => p.HostPort is > 0 && pod.Spec.HostNetwork != true).Select(p => new PortMapping(p.HostPort!.Value, p.ContainerPort, p.Protocol ?? "TCP", p.HostIP ?? ""))],
                    Sysctls = (pod.Spec.SecurityContext?.Sysctls ?? []).ToDictionary(s => s.Name, s => s.Value, StringComparer.Ordinal),
                    QosClass = Resources.QosClass(pod).ToLowerInvariant(),
                },
                cancellationToken);
            return true;
        }
        catch (EngineException e)
        {
            Record("Warning", "FailedCreatePodSandBox", $"Failed to create pod sandbox: {e.Message}");
            return false;
        }
    }

    private async Task PostStartAsync(ContainerTrack track, CancellationToken cancellationToken)
    {
        if (track.Spec.Lifecycle?.PostStart is { } hook
            && await Hooks.RunAsync(_services, hook, track.Spec, track.ContainerId!, PodIP ?? "", TimeSpan.FromSeconds(Pod.Spec.TerminationGracePeriodSeconds ?? 30), cancellationToken) is { } why)
        {
            _starter.Record(Pod, track, "Warning", "FailedPostStartHook", $"PostStartHook failed: {why}");
            await KillAsync(track, "FailedPostStartHook", null);
            return;
        }

        track.PostStartDone = true;
    }

    private void StartProbes(ContainerTrack track, bool adopted)
    {
        track.StopProbes();
        var container = track.Spec;
        if (container.StartupProbe is { } startup && !track.Started)
        {
            Begin(track, ProbeKind.Startup, startup);
            return;
        }

        if (container.ReadinessProbe is { } readiness)
        {
            Begin(track, ProbeKind.Readiness, adopted ? WithoutDelay(readiness) : readiness);
        }

        if (container.LivenessProbe is { } liveness)
        {
            Begin(track, ProbeKind.Liveness, adopted ? WithoutDelay(liveness) : liveness);
        }
    }

    private static V1Probe WithoutDelay(V1Probe probe)
    {
        var copy = ModelJson.Clone(probe);
        copy.InitialDelaySeconds = 0;
        return copy;
    }

    private void Begin(ContainerTrack track, ProbeKind kind, V1Probe probe)
    {
        var id = track.ContainerId!;
        track.AddProbe(new ProbeWorker(
            kind,
            probe,
            _services.Time,
            token => _services.Prober.RunAsync(probe, track.Spec, id, Pod.Spec.HostNetwork == true ? "127.0.0.1" : PodIP ?? "127.0.0.1", token),
            (worker, changed, result) => _ = TakeProbeAsync(track, id, worker, changed, result)));
    }

    private async Task TakeProbeAsync(ContainerTrack track, string id, ProbeWorker worker, bool changed, ProbeResult result)
    {
        if (track.ContainerId != id || _services.Runtime.GetContainer(id)?.State != ContainerState.Running)
        {
            return;
        }

        if (!result.Healthy)
        {
            _starter.Record(Pod, track, "Warning", "Unhealthy", $"{worker.Kind} probe failed: {result.Message}");
        }

        if (!changed)
        {
            return;
        }

        try
        {
            switch (worker.Kind, worker.Thresholds.Healthy)
            {
                case (ProbeKind.Startup, true):
                    track.Started = true;
                    track.StopProbe(ProbeKind.Startup);
                    StartProbes(track, adopted: false);
                    break;
                case (ProbeKind.Startup or ProbeKind.Liveness, false):
                    track.StopProbes();
                    await KillAsync(track, $"Container {track.Spec.Name} failed {worker.Kind.ToString().ToLowerInvariant()} probe, will be restarted", worker.Probe.TerminationGracePeriodSeconds);
                    break;
            }
        }
        catch (Exception e) when (e is EngineException or OperationCanceledException)
        {
            Failed(e, Pod.Metadata.NamespaceProperty, Pod.Metadata.Name);
        }

        Wake();
    }

    private async Task KillAsync(ContainerTrack track, string message, long? graceSeconds)
    {
        track.Killing = true;
        _starter.Record(Pod, track, "Normal", "Killing", message);
        await StopContainerAsync(track, TimeSpan.FromSeconds(graceSeconds ?? Pod.Spec.TerminationGracePeriodSeconds ?? 30));
        Wake();
    }

    private async Task WriteStatusAsync()
    {
        var status = PodStatusBuilder.Build(new PodObservation(Pod, _sandbox, _tracks, _services.Runtime.GetContainer, _failure, _terminated), _services.Options, _services.Time.GetUtcNow());
        var patch = StatusPatch.Of(Uid, status);
        if (patch.AsSpan().SequenceEqual(_written))
        {
            return;
        }

        try
        {
            await _services.Client.PatchAsync(Kinds.Pod, Pod.Metadata.NamespaceProperty, Pod.Metadata.Name, Patch.Merge(patch), "status", _end.Token);
            _written = patch;
        }
        catch (ApiException e) when (e.IsNotFound || e.IsConflict)
        {
            // The object is gone, or another of the same name took its place: the informer will tell.
            StatusRefused(Pod.Metadata.NamespaceProperty, Pod.Metadata.Name, e.Message);
        }
    }

    private void Record(string type, string reason, string message) => _services.Events.Record(Kinds.Pod, Pod, type, reason, message);

    private static DateTimeOffset Earlier(DateTimeOffset a, DateTimeOffset b) => a < b ? a : b;

    [LoggerMessage(1, LogLevel.Error, "pod {namespace}/{pod}: a step failed")]
    private partial void Failed(Exception e, string @namespace, string pod);

    [LoggerMessage(2, LogLevel.Warning, "pod {namespace}/{pod}: an ended container could not be removed")]
    private partial void CleanUpFailed(Exception e, string @namespace, string pod);

    [LoggerMessage(3, LogLevel.Debug, "pod {namespace}/{pod}: status not taken: {why}")]
    private partial void StatusRefused(string @namespace, string pod, string why);
}
