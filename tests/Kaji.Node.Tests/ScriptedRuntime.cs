using System.Collections.Concurrent;
using System.Threading.Channels;
using Kaji.Engine;

namespace Kaji.Node.Tests;

/// <summary>A runtime without processes: a container's command says what becomes of it — <c>exit N</c> ends at once, <c>missing</c> can't be started, anything else runs on.</summary>
internal sealed class ScriptedRuntime : IContainerRuntime
{
    private readonly ConcurrentDictionary<string, (ContainerInfo Info, IReadOnlyList<string> Command)> _containers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, SandboxInfo> _sandboxes = new(StringComparer.Ordinal);

    /// <summary>What stopping a sandbox fails with.</summary>
    public Exception? StopFails { get; init; }

    public Task<SandboxInfo> RunSandboxAsync(SandboxConfig config, CancellationToken cancellationToken = default) =>
        Task.FromResult(_sandboxes[config.Id] = new SandboxInfo(config.Id, SandboxState.Ready, ["10.0.0.2"], DateTimeOffset.UnixEpoch, config.Labels));

    public Task StopSandboxAsync(string sandboxId, CancellationToken cancellationToken = default) => StopFails is { } fault ? Task.FromException(fault) : Task.CompletedTask;

    public IReadOnlyList<SandboxInfo> ListSandboxes() => [.. _sandboxes.Values];

    public Task<string> CreateContainerAsync(string sandboxId, ContainerConfig config, CancellationToken cancellationToken = default)
    {
        var info = new ContainerInfo { Id = config.Id, SandboxId = sandboxId, Name = config.Name, Attempt = config.Attempt, Labels = config.Labels, ImageId = config.ImageId, State = ContainerState.Created, LogPath = config.LogPath };
        _containers[config.Id] = (info, config.Command!);
        return Task.FromResult(config.Id);
    }

    public Task StartContainerAsync(string containerId, CancellationToken cancellationToken = default)
    {
        var (info, command) = _containers[containerId];
        if (command[0] == "missing")
        {
            throw new EngineException(EngineFault.CommandNotFound, "missing: not found in $PATH");
        }

        info = command[0] == "exit"
            ? info with { State = ContainerState.Exited, ExitCode = int.Parse(command[1], System.Globalization.CultureInfo.InvariantCulture), StartedAt = DateTimeOffset.UnixEpoch, FinishedAt = DateTimeOffset.UnixEpoch }
            : info with { State = ContainerState.Running, StartedAt = DateTimeOffset.UnixEpoch };
        _containers[containerId] = (info, command);
        return Task.CompletedTask;
    }

    public Task StopContainerAsync(string containerId, TimeSpan grace, string? signal = null, CancellationToken cancellationToken = default)
    {
        var (info, command) = _containers[containerId];
        _containers[containerId] = (info with { State = ContainerState.Exited, ExitCode = 137 }, command);
        return Task.CompletedTask;
    }

    public Task RemoveContainerAsync(string containerId, CancellationToken cancellationToken = default)
    {
        _containers.TryRemove(containerId, out _);
        return Task.CompletedTask;
    }

    public IReadOnlyList<ContainerInfo> ListContainers() => [.. _containers.Values.Select(c => c.Info)];

    public ContainerInfo? GetContainer(string containerId) => _containers.TryGetValue(containerId, out var found) ? found.Info : null;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

    public ContainerStats? GetStats(string containerId) => null;

    public ChannelReader<ContainerEvent> Subscribe() => throw new NotSupportedException();

    public Task RemoveSandboxAsync(string sandboxId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<ExecResult> ExecAsync(string containerId, IReadOnlyList<string> command, TimeSpan timeout, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<IStreamSession> OpenExecAsync(
        string containerId, IReadOnlyList<string> command, bool tty, bool stdin, (int Columns, int Rows)? size = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<IStreamSession> OpenAttachAsync(string containerId, bool stdin, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<Stream> OpenPortAsync(string sandboxId, int port, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task ReopenLogAsync(string containerId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task TearDownAsync(TimeSpan grace, CancellationToken cancellationToken = default) => throw new NotSupportedException();
}
