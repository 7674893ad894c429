using k8s.Models;
using Kaji.Client;
using Kaji.Engine;

namespace Kaji.Node.Pods;

/// <summary>The end of a Pod: hooks, signals and grace, then what it leaves on the node, then the object.</summary>
internal sealed partial class PodWorker
{
    /// <summary>preStop, then the stop signal, then after what is left of the grace SIGKILL.</summary>
    private async Task StopContainerAsync(ContainerTrack track, TimeSpan grace, CancellationToken cancellationToken = default)
    {
        if (track.ContainerId is not { } id || _services.Runtime.GetContainer(id) is not { State: ContainerState.Running })
        {
            return;
        }

        track.StopProbes();
        var began = _services.Time.GetTimestamp();
        if (track.Spec.Lifecycle?.PreStop is { } hook && grace > TimeSpan.Zero
            && await Hooks.RunAsync(_services, hook, track.Spec, id, PodIP ?? "", grace, cancellationToken) is { } why)
        {
            _starter.Record(Pod, track, "Warning", "FailedPreStopHook", $"PreStopHook failed: {why}");
        }

        var left = grace - _services.Time.GetElapsedTime(began);
        await _services.Runtime.StopContainerAsync(id, left > TimeSpan.FromSeconds(2) || grace == TimeSpan.Zero ? (grace == TimeSpan.Zero ? TimeSpan.Zero : left) : TimeSpan.FromSeconds(2), track.Spec.Lifecycle?.StopSignal, cancellationToken);
    }

    private async Task StopAllAsync(TimeSpan grace, string why, CancellationToken cancellationToken = default)
    {
        foreach (var track in _tracks.Where(t => t.ContainerId is { } id && _services.Runtime.GetContainer(id)?.State == ContainerState.Running))
        {
            _starter.Record(Pod, track, "Normal", "Killing", $"Stopping container {track.Spec.Name}");
        }

        await Task.WhenAll(_tracks.Where(t => !t.IsSidecar).Select(t => StopContainerAsync(t, grace, cancellationToken)));
        foreach (var sidecar in _tracks.Where(t => t.IsSidecar).Reverse())
        {
            await StopContainerAsync(sidecar, grace, cancellationToken);
        }
    }

    private async Task TerminateAsync()
    {
        var pod = Pod;
        // The readiness of a Pod that ends is of interest to Services: they learn of it by its deletionTimestamp.
        var asked = TimeSpan.FromSeconds(_shutdown ? pod.Spec.TerminationGracePeriodSeconds ?? 30 : pod.Metadata.DeletionGracePeriodSeconds ?? 0);
        using var shorter = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        var stopping = StopAllAsync(asked, "deleted", shorter.Token);
        while (!stopping.IsCompleted)
        {
            var woken = _wake.Reader.WaitToReadAsync(_end.Token).AsTask();
            if (await Task.WhenAny(stopping, woken) == stopping)
            {
                break;
            }

            _wake.Reader.TryRead(out _);
            if (!_shutdown && TimeSpan.FromSeconds(Pod.Metadata.DeletionGracePeriodSeconds ?? 0) < asked)
            {
                asked = TimeSpan.FromSeconds(Pod.Metadata.DeletionGracePeriodSeconds ?? 0);
                await shorter.CancelAsync();
                await stopping.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                stopping = StopAllAsync(asked, "deleted sooner", _end.Token);
            }
        }

        await stopping;
        _terminated = true;
        if (_shutdown)
        {
            foreach (var sandbox in Sandboxes().ToArray())
            {
                await _services.Runtime.RemoveSandboxAsync(sandbox.Id);
            }

            _services.Volumes.TearDown(Uid);
            return;
        }

        await WriteStatusAsync();
        await CleanUpAsync();
        await _services.Client.DeleteAsync(
            Kinds.Pod, pod.Metadata.NamespaceProperty, pod.Metadata.Name, new V1DeleteOptions { GracePeriodSeconds = 0, Preconditions = new V1Preconditions { Uid = Uid } }, _end.Token);
        _gone(this);
    }

    /// <summary>Removes everything of the Pod from this node.</summary>
    public async Task CleanUpAsync()
    {
        foreach (var sandbox in Sandboxes().ToArray())
        {
            await _services.Runtime.RemoveSandboxAsync(sandbox.Id);
        }

        _services.Volumes.TearDown(Uid);
        _services.Tokens.Forget(Uid);
        _services.Images.Forget(Uid);
        var logs = Path.GetDirectoryName(ContainerStarter.LogDirectory(_services.Options, Pod, "x"))!;
        if (Directory.Exists(logs))
        {
            Directory.Delete(logs, recursive: true);
        }
    }
}
