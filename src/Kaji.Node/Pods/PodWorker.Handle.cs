using System.Text;
using Kaji.Engine;

namespace Kaji.Node.Pods;

/// <content>The Pod as its warden handles it (<see cref="IPodHandle"/>).</content>
internal sealed partial class PodWorker : IPodHandle
{
    private static readonly TimeSpan MostForWarden = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan KillAgain = TimeSpan.FromMilliseconds(10);

    string? IPodHandle.Address => Pod.Spec.HostNetwork == true ? _services.Options.NodeIP : PodIP;

    async Task IPodHandle.KillAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var living = Living();
            var ends = Task.WhenAll(living.Select(c => c.State == ContainerState.Created
                ? _services.Runtime.RemoveContainerAsync(c.Id, cancellationToken)
                : _services.Runtime.StopContainerAsync(c.Id, TimeSpan.Zero, null, cancellationToken)));

            // In a process namespace that is not the container's own, the others outlive its first process.
            var killed = _services.Cgroups.Kill(Uid);
            await ends;
            if (living.Length == 0)
            {
                if (!killed)
                {
                    return;
                }

                await Task.Delay(KillAgain, _services.Time, cancellationToken);
            }
        }
    }

    async Task<bool> IPodHandle.TerminateAsync(TimeSpan grace, CancellationToken cancellationToken)
    {
        var main = Tracks.Where(t => t.Role == ContainerRole.App).Select(t => (t.ContainerId, t.Spec.Lifecycle?.StopSignal)).Where(t => t.ContainerId is { } id && _services.Runtime.GetContainer(id)?.State == ContainerState.Running).ToArray();
        var began = _services.Time.GetTimestamp();
        await Task.WhenAll(main.Select(t => _services.Runtime.StopContainerAsync(t.ContainerId!, grace, t.StopSignal, cancellationToken)));
        return _services.Time.GetElapsedTime(began) < grace;
    }

    async Task<(int ExitCode, string Output)> IPodHandle.ExecAsync(string container, IReadOnlyList<string> command, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (Running(container) is not { } info)
        {
            return (1, $"container {container} does not run");
        }

        try
        {
            var result = await _services.Runtime.ExecAsync(info.Id, command, timeout, cancellationToken);
            return result.TimedOut ? (124, $"no end within {timeout.TotalSeconds:0.#} s") : (result.ExitCode, Encoding.UTF8.GetString(result.Output));
        }
        catch (EngineException e)
        {
            return (126, e.Message);
        }
    }

    string? IPodHandle.PathOf(string container, string path) => Running(container) is { Pid: > 0 } info ? $"/proc/{info.Pid}/root{path}" : null;

    private ContainerInfo? Running(string container) =>
        Tracks.FirstOrDefault(t => t.Spec.Name == container)?.ContainerId is { } id && _services.Runtime.GetContainer(id) is { State: ContainerState.Running } info ? info : null;

    private ContainerInfo[] Living() =>
        [.. _services.Runtime.ListContainers().Where(c => c.State != ContainerState.Exited && c.Labels.GetValueOrDefault(ContainerStarter.UidLabel) == Uid)];

    /// <summary>The warden's part of the Pod's end; a warden that can't reach anybody does not hold it up for long.</summary>
    private async Task FinishWardAsync(CancellationToken cancellationToken)
    {
        if (_ward is null)
        {
            return;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(MostForWarden);
        try
        {
            await _ward.FinishAsync(limit.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // It goes on telling by itself.
            return;
        }
    }
}
