using System.Collections.Concurrent;
using Kaji.Engine;

namespace Kaji.Node.Server;

/// <summary>Turns the runtime's one stream of events into "when this container ends" for any number of log followers.</summary>
internal sealed class ContainerExits(IContainerRuntime runtime)
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _waiting = new(StringComparer.Ordinal);

    /// <summary>Completes when the container has ended or is gone; at once when it is not running.</summary>
    public Task WhenEnded(string containerId)
    {
        var waiting = _waiting.GetOrAdd(containerId, static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));

        // Looked at after it was put down: an exit in between is seen by one of the two.
        if (HasEnded(containerId))
        {
            Release(containerId);
        }

        return waiting.Task;
    }

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await foreach (var change in runtime.Subscribe().ReadAllAsync(cancellationToken))
        {
            if (change.Kind == ContainerEventKind.Exited)
            {
                Release(change.ContainerId);
            }
            else if (change.Kind == ContainerEventKind.Resync)
            {
                foreach (var id in _waiting.Keys.Where(HasEnded))
                {
                    Release(id);
                }
            }
        }
    }

    private bool HasEnded(string containerId) => runtime.GetContainer(containerId) is not { State: ContainerState.Created or ContainerState.Running };

    private void Release(string containerId)
    {
        if (_waiting.TryRemove(containerId, out var waiting))
        {
            waiting.TrySetResult();
        }
    }
}
