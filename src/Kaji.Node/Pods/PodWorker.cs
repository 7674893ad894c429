using System.Threading.Channels;
using k8s.Models;
using Kaji.Client;
using Kaji.Engine;
using Microsoft.Extensions.Logging;

namespace Kaji.Node.Pods;

/// <summary>
/// The loop of one Pod: wakes when the Pod, a container, a probe or a deadline changes, observes, plans (<see cref="PodPlan"/>), begins the next steps, offers the status.
/// The loop itself never waits for a step: what takes time runs beside it and posts its outcome back, so that all state changes on the loop alone. It may be woken too
/// often or late, and begins anew after a restart of the agent from what the runtime has.
/// </summary>
internal sealed partial class PodWorker : IDisposable
{
    /// <summary>A start that is quicker than this is not announced as ContainerCreating.</summary>
    private static readonly TimeSpan QuickStart = TimeSpan.FromMilliseconds(150);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FirstSandboxBackOff = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MaxSandboxBackOff = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(1);
    private readonly PodServices _services;
    private readonly ContainerStarter _starter;
    private readonly ContainerStopper _stopper;
    private readonly SandboxStarter _sandboxes;
    private readonly ContainerProbes _probes;
    private readonly StatusWriter _writer;
    private readonly ILogger _log;
    private readonly Action<PodWorker> _gone;

    // Bounded by what can be under way: a few entries a container.
    private readonly Channel<Action> _mail = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });
    private readonly List<ContainerTrack> _tracks = [];
    private readonly CancellationTokenSource _end = new();
    private readonly CancellationTokenSource _working;
    private readonly ITimer _timer;
    private V1Pod _pod;
    private V1PodStatus? _status;
    private SandboxInfo? _sandbox;
    private IReadOnlyDictionary<string, string>? _volumes;
    private Task _volumeWork = Task.CompletedTask;
    private Task _sandboxWork = Task.CompletedTask;
    private DateTimeOffset _volumesDue;
    private bool _volumesChanged;
    private DateTimeOffset _sandboxDue;
    private TimeSpan _sandboxBackOff;
    private (string Reason, string Message)? _failure;
    private string? _outcome;
    private Task? _release;
    private DateTimeOffset _began;
    private int _woken;
    private volatile bool _shutdown;
    private IPodWard? _ward;

    /// <param name="rejected">Why the node does not admit the Pod; null when it does.</param>
    public PodWorker(V1Pod pod, PodServices services, (string Reason, string Message)? rejected, Action<PodWorker> gone, ILogger log)
    {
        (_pod, _services, _failure, _gone, _log) = (pod, services, rejected, gone, log);
        Uid = pod.Metadata.Uid;
        _working = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        _starter = new ContainerStarter(services);
        _stopper = new ContainerStopper(services, _starter);
        _sandboxes = new SandboxStarter(services);
        _probes = new ContainerProbes(services, _starter, () => Pod, Post, StopForProbe);
        _writer = new StatusWriter(services.Client, services.Time, Uid, log);
        _timer = services.Time.CreateTimer(_ => Wake(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public string Uid { get; }

    public V1Pod Pod => Volatile.Read(ref _pod);

    public string? SandboxId => _sandbox?.Id;

    public string? PodIP => _sandbox?.IPs.FirstOrDefault();

    /// <summary>Whether nothing of the Pod runs or will run again: it takes no resources.</summary>
    public bool HasEnded => _outcome is not null || Pod.Status?.Phase is "Succeeded" or "Failed";

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

    /// <summary>Completes when the Pod is gone from this node, or the worker is stopped.</summary>
    public Task Completion { get; private set; } = Task.CompletedTask;

    /// <summary>Where the Pod's servers are reached from here.</summary>
    private string Address => Pod.Spec.HostNetwork == true ? _services.Options.NodeIP : PodIP ?? "127.0.0.1";

    public void Start() => Completion = Task.Run(RunAsync);

    public void Update(V1Pod pod)
    {
        var before = Pod;
        Volatile.Write(ref _pod, pod);
        _ward?.Changed(pod);
        if (PodDiffers.InFields(before, pod))
        {
            Post(() => _volumesChanged = true);
        }

        Wake();
    }

    /// <summary>A ConfigMap or Secret that the Pod names has changed.</summary>
    public void ReferencesChanged() => Post(() =>
    {
        (_volumesChanged, _sandboxDue) = (true, default);
        foreach (var track in _tracks.Where(t => t.Waiting?.Reason == "CreateContainerConfigError"))
        {
            track.NotBefore = default;
        }
    });

    /// <summary>Ends the containers in order but leaves the object: the node goes down.</summary>
    public void ShutDown()
    {
        _shutdown = true;
        Wake();
    }

    public void Wake()
    {
        if (Interlocked.Exchange(ref _woken, 1) == 0)
        {
            Post(() => Volatile.Write(ref _woken, 0));
        }
    }

    /// <summary>Stops the worker; containers go on.</summary>
    public void Dispose() => _end.Cancel();

    private void Post(Action action) => _mail.Writer.TryWrite(action);

    private async Task RunAsync()
    {
        try
        {
            _began = _services.Time.GetUtcNow();
            SyncTracks();
            (_sandbox, _outcome) = Adoption.Take(Pod, _tracks, _sandboxes.Of(Uid), _services.Runtime);
            _ward = _services.Warden?.Take(Pod, this, _tracks.Any(IsRunning));
            foreach (var track in _tracks.Where(IsRunning))
            {
                _probes.Start(track, Address, adopted: true);
            }

            while (Step() is { } due)
            {
                Arm(due);
                (await _mail.Reader.ReadAsync(_end.Token))();
                while (_mail.Reader.TryRead(out var next))
                {
                    next();
                }
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            return;
        }
        finally
        {
            _timer.Dispose();
            _ward?.Dispose();
            foreach (var track in _tracks)
            {
                track.Dispose();
            }
        }
    }

    private void Arm(DateTimeOffset due)
    {
        var wait = due == DateTimeOffset.MaxValue ? Timeout.InfiniteTimeSpan : due - _services.Time.GetUtcNow();
        _timer.Change(wait == Timeout.InfiniteTimeSpan || wait < LongestTimer ? wait < TimeSpan.Zero && wait != Timeout.InfiniteTimeSpan ? TimeSpan.Zero : wait : LongestTimer, Timeout.InfiniteTimeSpan);
    }

    /// <returns>When to look again at the latest; null when the Pod is gone.</returns>
    private DateTimeOffset? Step()
    {
        try
        {
            SyncTracks();
            NoteExits();
            if (_shutdown || Pod.Metadata.DeletionTimestamp is not null)
            {
                return End();
            }

            return _outcome is null ? Advance() : Settle();
        }
        catch (Exception e) when (e is EngineException or IOException or UnauthorizedAccessException)
        {
            Failed(e, Pod.Metadata.NamespaceProperty, Pod.Metadata.Name);
            return _services.Time.GetUtcNow() + RetryAfter;
        }
    }

    private void SyncTracks()
    {
        var spec = Pod.Spec;
        lock (_tracks)
        {
            foreach (var (container, role, target) in (spec.InitContainers ?? []).Select(c => (c, c.RestartPolicy == "Always" ? ContainerRole.Sidecar : ContainerRole.Init, (string?)null))
                .Concat(spec.Containers.Select(c => (c, ContainerRole.App, (string?)null)))
                .Concat((spec.EphemeralContainers ?? []).Select(e => (EphemeralContainers.AsContainer(e), ContainerRole.Ephemeral, (string?)e.TargetContainerName))))
            {
                if (_tracks.FirstOrDefault(t => t.Spec.Name == container.Name) is { } known)
                {
                    known.Spec = container;
                }
                else
                {
                    _tracks.Add(new ContainerTrack(container, role) { Target = target });
                }
            }
        }
    }

    private bool IsRunning(ContainerTrack track) => track.ContainerId is { } id && _services.Runtime.GetContainer(id)?.State == ContainerState.Running;

    private ContainerView View(ContainerTrack track)
    {
        var info = track.ContainerId is { } id ? _services.Runtime.GetContainer(id) : null;
        return new ContainerView(track.Spec.Name, track.Role)
        {
            State = info?.State,
            ExitCode = info is null ? track.Lost?.ExitCode : info.State == ContainerState.Exited ? info.ExitCode ?? 137 : null,
            Started = track.Started && track.PostStartDone,
            Changed = track.Role != ContainerRole.Ephemeral && info?.Labels.GetValueOrDefault(ContainerStarter.ImageLabel) is { } image && image != track.Spec.Image && track.Killed == KilledBy.Nobody,
            Killed = track.Killed,
            Operation = track.Operation,
            NotBefore = track.NotBefore,
        };
    }

    /// <summary>For each attempt that has ended and will be followed by another: its back-off, once.</summary>
    private void NoteExits()
    {
        foreach (var track in _tracks)
        {
            if (track.ContainerId is not { } id || track.HandledExit == id || _services.Runtime.GetContainer(id) is not { State: ContainerState.Exited } info)
            {
                continue;
            }

            track.HandledExit = id;
            track.StopProbes();
            var view = View(track);
            if (PodPlan.AfterExitOf(Pod.Spec.RestartPolicy ?? "Always", view) is var after && after != AfterExit.Restart)
            {
                TellEnd(track, after, view.ExitCode, info.FinishedAt ?? _services.Time.GetUtcNow());
                continue;
            }

            track.LastTermination = track.Termination(info);
            if (track.Killed != KilledBy.Change)
            {
                var ran = (info.FinishedAt ?? _services.Time.GetUtcNow()) - (info.StartedAt ?? info.CreatedAt);
                BackOff(track, ran, "CrashLoopBackOff", null);
            }
        }
    }

    /// <summary>Tells the warden that the Pod's work is over: a main container has ended for good, or will never start.</summary>
    private void TellEnd(ContainerTrack track, AfterExit? after, int? exitCode, DateTimeOffset at)
    {
        if (track.Role == ContainerRole.App || (track.Role == ContainerRole.Init && after == AfterExit.Failed))
        {
            _ward?.Ended(track.Spec.Name, exitCode, at);
        }
    }

    private void BackOff(ContainerTrack track, TimeSpan ran, string reason, string? message)
    {
        var (delay, next) = RestartRules.BackOff(track.BackOff, ran, _services.Options);
        track.BackOff = next;
        track.NotBefore = _services.Time.GetUtcNow() + delay;
        var who = $"container={track.Spec.Name} pod={Pod.Metadata.Name}_{Pod.Metadata.NamespaceProperty}({Uid})";
        if (delay > TimeSpan.Zero)
        {
            track.Waiting = (reason, message ?? $"back-off {Duration(delay)} restarting failed {who}");
            _starter.Record(Pod, track.Role, track.Spec.Name, "Warning", "BackOff", $"Back-off restarting failed container {track.Spec.Name} in pod {Pod.Metadata.Name}_{Pod.Metadata.NamespaceProperty}({Uid})");
        }
    }

    /// <summary>As Go prints it: 10s, 1m20s, 5m0s.</summary>
    private static string Duration(TimeSpan delay) => delay < TimeSpan.FromMinutes(1) ? $"{delay.TotalSeconds:0}s" : $"{(int)delay.TotalMinutes}m{delay.Seconds}s";

    private DateTimeOffset Advance()
    {
        var (pod, now) = (Pod, _services.Time.GetUtcNow());
        var due = DateTimeOffset.MaxValue;
        if (pod.Spec.ActiveDeadlineSeconds is { } seconds && _failure is null && (pod.Status?.StartTime ?? _status?.StartTime) is { } began)
        {
            due = new DateTimeOffset(DateTime.SpecifyKind(began, DateTimeKind.Utc)).AddSeconds(seconds);
            if (now >= due)
            {
                _failure = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline");
                Record("Normal", "DeadlineExceeded", "Pod was active on the node longer than the specified deadline");
                due = DateTimeOffset.MaxValue;
            }
        }

        var plan = PodPlan.Of(new PodView
        {
            Now = now, RestartPolicy = pod.Spec.RestartPolicy ?? "Always", HasSandbox = _sandbox is not null && _volumes is not null, Failed = _failure is not null, Containers = [.. _tracks.Select(View)],
        });
        if (plan.Outcome is not null)
        {
            _outcome = plan.Outcome;
            return Settle();
        }

        due = Earlier(due, plan.Due);
        foreach (var step in plan.Steps)
        {
            due = Earlier(due, Begin(step, now));
        }

        if (_sandbox is not null)
        {
            due = Earlier(due, Mount(pod, now));
        }

        if (_status is null && now < _began + QuickStart && _tracks.All(t => t.ContainerId is null && t.Waiting is null))
        {
            return Earlier(due, _began + QuickStart);
        }

        Publish(terminated: false);
        return due;
    }

    /// <summary>Nothing runs any more: says so once, gives back what containers need to run, and waits for the Pod's deletion.</summary>
    private DateTimeOffset Settle()
    {
        if (Pod.Status?.Phase is not ("Succeeded" or "Failed"))
        {
            Publish(terminated: false);
        }

        _release ??= Background(async token =>
        {
            // First: what can't be cleaned up must not keep the epoch from the next.
            await FinishWardAsync(token);
            foreach (var sandbox in _sandboxes.Of(Uid).Where(s => s.State == SandboxState.Ready).ToArray())
            {
                await _services.Runtime.StopSandboxAsync(sandbox.Id, token);
            }

            _services.Volumes.TearDown(Uid);
            _services.References.Forget(Uid);
        });
        return DateTimeOffset.MaxValue;
    }

    private DateTimeOffset Begin(PodStep step, DateTimeOffset now)
    {
        switch (step.Kind)
        {
            case StepKind.MakeSandbox:
                return MakeSandbox(Pod, now);
            case StepKind.Start:
                StartContainer(Pod, _tracks.First(t => t.Spec.Name == step.Container));
                break;
            case StepKind.Stop:
                var track = _tracks.First(t => t.Spec.Name == step.Container);
                var changed = _failure is null && View(track).Changed;
                StopContainer(track, changed ? KilledBy.Change : track.Killed, changed ? $"Container {track.Spec.Name} definition changed, will be restarted" : $"Stopping container {track.Spec.Name}", null);
                break;
        }

        return DateTimeOffset.MaxValue;
    }

    private void Publish(bool terminated)
    {
        _status = PodStatusBuilder.Build(new PodObservation(Pod, _status, _sandbox, _tracks, _services.Runtime.GetContainer, _failure, _outcome, terminated), _services.Options, _services.Time.GetUtcNow());
        _writer.Offer(Pod, _status, _end.Token);
    }

    private void Record(string type, string reason, string message) => _services.Events.Record(Kinds.Pod, Pod, type, reason, message);

    private static DateTimeOffset Earlier(DateTimeOffset a, DateTimeOffset b) => a < b ? a : b;

    [LoggerMessage(1, LogLevel.Error, "pod {namespace}/{pod}: a step failed")]
    private partial void Failed(Exception e, string @namespace, string pod);
}
