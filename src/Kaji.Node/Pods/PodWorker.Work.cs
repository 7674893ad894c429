using k8s.Models;
using Kaji.Client;
using Kaji.Engine;
using Kaji.Node.Probes;
using Microsoft.Extensions.Logging;

namespace Kaji.Node.Pods;

/// <content>What runs beside the loop: volumes, sandbox, starts, stops, and the Pod's end.</content>
internal sealed partial class PodWorker
{
    /// <summary>What a program has after SIGTERM even when bringing it to rest took all of the grace.</summary>
    private static readonly TimeSpan LeastForStop = TimeSpan.FromSeconds(2);
    private CancellationTokenSource? _endingCancel;
    private Task? _ending;
    private TimeSpan _endingGrace;
    private bool _stopped;
    private bool _finished;
    private Task? _finishing;
    private DateTimeOffset _finishDue;

    /// <summary>Runs work beside the loop; its failure is logged, and the loop looks again in any case.</summary>
    private async Task Background(Func<CancellationToken, Task> work, CancellationToken cancellationToken = default)
    {
        var token = cancellationToken.CanBeCanceled ? cancellationToken : _end.Token;
        try
        {
            await Task.Run(() => work(token), token);
        }
        catch (OperationCanceledException) when (token.IsCancellationRequested)
        {
            // Cut short by the Pod's deletion or the agent's end.
            return;
        }
        catch (Exception e)
        {
            // Whatever it is, the other containers and the Pod's end go on; each step has set when it is tried again.
            Failed(e, Pod.Metadata.NamespaceProperty, Pod.Metadata.Name);
        }
        finally
        {
            Wake();
        }
    }

    private DateTimeOffset MakeSandbox(V1Pod pod, DateTimeOffset now)
    {
        if (!_sandboxWork.IsCompleted || !_volumeWork.IsCompleted)
        {
            return DateTimeOffset.MaxValue;
        }

        if (now < _sandboxDue)
        {
            return _sandboxDue;
        }

        (_sandboxDue, _volumesChanged) = (now + RetryAfter, false);
        var (have, attempt) = (_sandbox, _tracks.Count == 0 ? 0 : _tracks.Max(t => t.Lost is null ? t.Restarts : t.Restarts + 1));
        _sandboxWork = Background(
            async token =>
            {
                var (volumes, why) = await _sandboxes.MountAsync(pod, token);
                var sandbox = have;
                if (volumes is not null && sandbox is null)
                {
                    (sandbox, why) = await _sandboxes.StartAsync(pod, attempt, token);
                }

                Post(() => TookSandbox(sandbox, volumes, why));
            },
            _working.Token);
        return DateTimeOffset.MaxValue;
    }

    private void TookSandbox(SandboxInfo? sandbox, IReadOnlyDictionary<string, string>? volumes, string? why)
    {
        (_sandbox, _volumes) = (sandbox, volumes ?? _volumes);
        _volumesDue = _services.Tokens.NextRenewal(Uid);
        if (why is null)
        {
            (_sandboxBackOff, _sandboxDue) = (default, default);
            foreach (var track in _tracks.Where(t => t.Waiting?.Reason == "ContainerCreating"))
            {
                track.Waiting = null;
            }

            return;
        }

        _sandboxBackOff = _sandboxBackOff == default ? FirstSandboxBackOff : TimeSpan.FromTicks(Math.Min(MaxSandboxBackOff.Ticks, _sandboxBackOff.Ticks * 2));
        _sandboxDue = _services.Time.GetUtcNow() + _sandboxBackOff;
        foreach (var track in _tracks.Where(t => t.ContainerId is null))
        {
            track.Waiting = ("ContainerCreating", why);
        }
    }

    /// <summary>Brings the volumes of a Pod that runs up to date: references that changed, tokens that are to be renewed.</summary>
    private DateTimeOffset Mount(V1Pod pod, DateTimeOffset now)
    {
        if (!_volumeWork.IsCompleted || !_sandboxWork.IsCompleted || _volumes is null)
        {
            return DateTimeOffset.MaxValue;
        }

        if (now < _volumesDue && !_volumesChanged)
        {
            return _volumesDue;
        }

        // What changes while the files are written asks for another round.
        (_volumesDue, _volumesChanged) = (now + MaxSandboxBackOff, false);
        _volumeWork = Background(
            async token =>
            {
                var (volumes, why) = await _sandboxes.MountAsync(pod, token);
                if (why is null)
                {
                    Post(() => (_volumes, _volumesDue) = (volumes, _services.Tokens.NextRenewal(Uid)));
                }
            },
            _working.Token);
        return DateTimeOffset.MaxValue;
    }

    private void StartContainer(V1Pod pod, ContainerTrack track)
    {
        var old = track.ContainerId is { } id ? _services.Runtime.GetContainer(id) : null;
        var attempt = old?.State == ContainerState.Exited || track.Lost is not null ? track.Restarts + 1 : track.Restarts;
        var target = track.Target is { Length: > 0 } name ? _tracks.FirstOrDefault(t => t.Spec.Name == name)?.ContainerId : null;
        var request = new StartRequest(pod, track.Spec, track.Role, attempt, _sandbox!, _volumes!, target);
        (track.Operation, track.NotBefore) = (Operation.Starting, _services.Time.GetUtcNow() + RetryAfter);
        track.Work = Background(
            async token =>
            {
                try
                {
                    if (old?.State == ContainerState.Created)
                    {
                        // Left by an agent that was ended between create and start.
                        await _services.Runtime.RemoveContainerAsync(old.Id, token);
                    }

                    var result = await _starter.StartAsync(request, _ward, token);
                    Post(() => Took(track, request, result));
                    if (result.ContainerId is { } started)
                    {
                        _ward?.Started(track.Spec.Name);
                        var lives = await PostStartAsync(request, started, token);
                        Post(() => AfterPostStart(track, started, lives));
                        await Attempts.KeepTwoAsync(_services, request, _log, token);
                    }
                }
                finally
                {
                    Post(() => Done(track, Operation.Starting));
                }
            },
            _working.Token);
    }

    private static void Done(ContainerTrack track, Operation operation)
    {
        if (track.Operation == operation)
        {
            track.Operation = Operation.None;
        }
    }

    private void Took(ContainerTrack track, StartRequest request, StartResult result)
    {
        track.ImageId = result.ImageId.Length > 0 ? result.ImageId : track.ImageId;
        if (result.ContainerId is { } id)
        {
            (track.ContainerId, track.Restarts, track.Lost, track.Waiting, track.Killed) = (id, request.Attempt, null, null, KilledBy.Nobody);
            track.NotBefore = default;
            (track.Started, track.PostStartDone, track.PreStopDone) = (track.Spec.StartupProbe is null, track.Spec.Lifecycle?.PostStart is null, false);
            return;
        }

        track.Waiting = result.Waiting;
        if (result.Ended is { } ended)
        {
            // The program never ran: kubelet counts that as an end with code 128.
            (track.ContainerId, track.Lost, track.LastTermination, track.Restarts, track.Killed) = (null, ended, ended, request.Attempt, KilledBy.Nobody);
            if (RestartRules.Decide(request.Pod.Spec.RestartPolicy ?? "Always", track.Role, ended.ExitCode) is var after and not AfterExit.Restart)
            {
                track.Waiting = null;
                if (ended.Reason != ContainerStarter.Fenced)
                {
                    // What the warden itself has barred it knows.
                    TellEnd(track, after, ended.ExitCode, _services.Time.GetUtcNow());
                }

                return;
            }
        }

        if (result.RetryAfter is { } retry)
        {
            track.NotBefore = _services.Time.GetUtcNow() + retry;
        }
        else
        {
            track.BackOff = track.BackOff == TimeSpan.Zero ? _services.Options.FirstRestartBackOff : track.BackOff;
            BackOff(track, TimeSpan.Zero, result.Waiting!.Value.Reason, result.Waiting.Value.Message);
        }
    }

    /// <returns>Whether the container may go on.</returns>
    private async Task<bool> PostStartAsync(StartRequest request, string id, CancellationToken cancellationToken)
    {
        if (request.Container.Lifecycle?.PostStart is not { } hook)
        {
            return true;
        }

        if (await Hooks.RunAsync(_services, hook, request.Container, id, Address, _services.Options.PostStartLimit, cancellationToken) is not { } why)
        {
            return true;
        }

        _starter.Record(request.Pod, request.Role, request.Container.Name, "Warning", "FailedPostStartHook", $"PostStartHook failed: {why}");
        return false;
    }

    private void AfterPostStart(ContainerTrack track, string id, bool lives)
    {
        if (track.ContainerId != id)
        {
            return;
        }

        track.PostStartDone = lives;
        if (lives)
        {
            _probes.Start(track, Address, adopted: false);
        }
        else
        {
            track.Operation = Operation.None;
            StopContainer(track, KilledBy.Hook, $"Container {track.Spec.Name} failed its postStart hook, will be restarted", null);
        }
    }

    private void StopForProbe(ContainerTrack track, ProbeKind kind, long? graceSeconds) =>
        StopContainer(track, KilledBy.Probe, $"Container {track.Spec.Name} failed {kind.ToString().ToLowerInvariant()} probe, will be restarted", graceSeconds);

    private void StopContainer(ContainerTrack track, KilledBy why, string message, long? graceSeconds)
    {
        if (track.Operation != Operation.None || !IsRunning(track) || Pod.Metadata.DeletionTimestamp is not null)
        {
            return;
        }

        track.StopProbes();
        (track.Operation, track.Killed) = (Operation.Stopping, why);
        _starter.Record(Pod, track.Role, track.Spec.Name, "Normal", "Killing", message);
        var (pod, address, grace) = (Pod, Address, TimeSpan.FromSeconds(graceSeconds ?? Pod.Spec.TerminationGracePeriodSeconds ?? 30));
        track.Work = Background(
            async token =>
            {
                try
                {
                    await _stopper.StopAsync(pod, track, grace, address, token);
                }
                finally
                {
                    Post(() => Done(track, Operation.Stopping));
                }
            },
            _working.Token);
    }

    /// <summary>The Pod is deleted, or the node goes down: stop all, say so, clean up, let go of the object.</summary>
    private DateTimeOffset? End()
    {
        var leave = _shutdown && Pod.Metadata.DeletionTimestamp is null;
        var grace = TimeSpan.FromSeconds(leave ? Pod.Spec.TerminationGracePeriodSeconds ?? 30 : Pod.Metadata.DeletionGracePeriodSeconds ?? 0);
        if (_finished)
        {
            _gone(this);
            return null;
        }

        if (_ending is null || (!_stopped && (grace < _endingGrace || _ending.IsCompleted)))
        {
            StopAll(grace);
        }

        if (Pod.Status?.Phase is not ("Succeeded" or "Failed"))
        {
            Publish(_stopped);
        }

        var now = _services.Time.GetUtcNow();
        if (!_stopped || _finishing is { IsCompleted: false })
        {
            return DateTimeOffset.MaxValue;
        }

        if (now < _finishDue)
        {
            return _finishDue;
        }

        _finishDue = now + RetryAfter;
        _finishing = Background(async token =>
        {
            await (leave ? LeaveAsync(token) : DeleteAsync(token));
            Post(() => _finished = true);
        });
        return DateTimeOffset.MaxValue;
    }

    private void StopAll(TimeSpan grace)
    {
        // A pull, a slow start, a longer grace must not hold up the end.
        _working.Cancel();
        _endingCancel?.Cancel();
        _endingCancel = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        _endingGrace = grace;
        var (pod, address, before, tracks) = (Pod, Address, _ending ?? Task.CompletedTask, Tracks);
        foreach (var track in tracks)
        {
            track.StopProbes();
        }

        Task[] works = [before, _sandboxWork, _volumeWork, _release ?? Task.CompletedTask, .. tracks.Select(t => t.Work)];
        _ending = Background(
            async token =>
            {
                await Task.WhenAll(works).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                var began = _services.Time.GetTimestamp();
                if (_ward is not null && grace > TimeSpan.Zero)
                {
                    await _ward.StopAsync(_shutdown ? "the node goes down" : "its Pod was deleted", grace, token);
                }

                var left = grace - _services.Time.GetElapsedTime(began);
                await _stopper.StopAllAsync(pod, tracks, grace > TimeSpan.Zero && left < LeastForStop ? LeastForStop : left > TimeSpan.Zero ? left : TimeSpan.Zero, address, token);
                await FinishWardAsync(token);
                Post(() => _stopped = true);
            },
            _endingCancel.Token);
    }

    private async Task DeleteAsync(CancellationToken cancellationToken)
    {
        await _writer.FlushAsync();
        await RemoveSandboxesAsync(cancellationToken);
        _services.Forget(Pod);
        try
        {
            await _services.Client.DeleteAsync(
                Kinds.Pod, Pod.Metadata.NamespaceProperty, Pod.Metadata.Name, new V1DeleteOptions { GracePeriodSeconds = 0, Preconditions = new V1Preconditions { Uid = Uid } }, cancellationToken);
        }
        catch (ApiException e) when (e.IsConflict || e.IsNotFound)
        {
            // Another Pod has taken its name: this one is gone already.
            NameTaken(Pod.Metadata.NamespaceProperty, Pod.Metadata.Name);
        }
    }

    private async Task LeaveAsync(CancellationToken cancellationToken)
    {
        await RemoveSandboxesAsync(cancellationToken);
        _services.Volumes.Unmount(Uid);
    }

    private async Task RemoveSandboxesAsync(CancellationToken cancellationToken)
    {
        foreach (var sandbox in _sandboxes.Of(Uid).ToArray())
        {
            await _services.Runtime.RemoveSandboxAsync(sandbox.Id, cancellationToken);
        }
    }

    [LoggerMessage(2, LogLevel.Debug, "pod {namespace}/{pod}: its object is gone already")]
    private partial void NameTaken(string @namespace, string pod);
}
