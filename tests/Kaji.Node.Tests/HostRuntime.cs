using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using System.Threading.Channels;
using Kaji.Engine;

namespace Kaji.Node.Tests;

/// <summary>A runtime whose one container is this machine: exec starts host processes, ports are the host's loopback. Enough for the node's server.</summary>
internal sealed class HostRuntime : IContainerRuntime
{
    public const string ContainerId = "c1", SandboxId = "s1";
    private readonly Channel<ContainerEvent> _events = Channel.CreateUnbounded<ContainerEvent>();
    private readonly string _logPath;

    public HostRuntime(string logPath) => _logPath = logPath;

    public ContainerState State { get; private set; } = ContainerState.Running;

    /// <summary>Sizes that sessions were told.</summary>
    public Channel<(int Columns, int Rows)> Sizes { get; } = Channel.CreateUnbounded<(int, int)>();

    /// <summary>Ids of the processes that were started.</summary>
    public ConcurrentQueue<int> Started { get; } = new();

    public void End()
    {
        State = ContainerState.Exited;
        _events.Writer.TryWrite(new ContainerEvent(ContainerEventKind.Exited, ContainerId, SandboxId));
    }

    public ContainerInfo? GetContainer(string containerId) => containerId == ContainerId
        ? new ContainerInfo { Id = containerId, SandboxId = SandboxId, Name = "main", ImageId = "i", State = State, LogPath = _logPath, StartedAt = DateTimeOffset.UnixEpoch.AddHours(1) }
        : null;

    public IReadOnlyList<ContainerInfo> ListContainers() => [GetContainer(ContainerId)!];

    public IReadOnlyList<SandboxInfo> ListSandboxes() => [new SandboxInfo(SandboxId, SandboxState.Ready, ["10.0.0.2"], DateTimeOffset.UnixEpoch, new Dictionary<string, string>(StringComparer.Ordinal))];

    public ContainerStats? GetStats(string containerId) => new(DateTimeOffset.UnixEpoch, 1_500_000_000, 3_000_000, 2_000_000, 4);

    public ChannelReader<ContainerEvent> Subscribe() => _events.Reader;

    public Task<IStreamSession> OpenExecAsync(
        string containerId, IReadOnlyList<string> command, bool tty, bool stdin, (int Columns, int Rows)? size = null, CancellationToken cancellationToken = default)
    {
        if (command[0] == "missing")
        {
            throw new EngineException(EngineFault.CommandNotFound, "missing: not found in $PATH");
        }

        var start = new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        var process = Process.Start(start)!;
        Started.Enqueue(process.Id);
        if (size is { } known)
        {
            Sizes.Writer.TryWrite(known);
        }

        return Task.FromResult<IStreamSession>(new ProcessSession(process, tty, stdin, Sizes.Writer));
    }

    public Task<IStreamSession> OpenAttachAsync(string containerId, bool stdin, CancellationToken cancellationToken = default) => OpenExecAsync(containerId, ["cat"], tty: false, stdin, cancellationToken: cancellationToken);

    public async Task<Stream> OpenPortAsync(string sandboxId, int port, CancellationToken cancellationToken = default)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(System.Net.IPAddress.Loopback, port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public ValueTask DisposeAsync()
    {
        _events.Writer.TryComplete();
        return ValueTask.CompletedTask;
    }

    public Task StartAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

    public Task<SandboxInfo> RunSandboxAsync(SandboxConfig config, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task StopSandboxAsync(string sandboxId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task RemoveSandboxAsync(string sandboxId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<string> CreateContainerAsync(string sandboxId, ContainerConfig config, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task StartContainerAsync(string containerId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task StopContainerAsync(string containerId, TimeSpan grace, string? signal = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task RemoveContainerAsync(string containerId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task<ExecResult> ExecAsync(string containerId, IReadOnlyList<string> command, TimeSpan timeout, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task ReopenLogAsync(string containerId, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public Task TearDownAsync(TimeSpan grace, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    private sealed class ProcessSession(Process process, bool tty, bool stdin, ChannelWriter<(int, int)> sizes) : IStreamSession
    {
        public Stream? Stdin { get; } = stdin ? process.StandardInput.BaseStream : null;

        public Stream Stdout { get; } = process.StandardOutput.BaseStream;

        public Stream? Stderr { get; } = tty ? null : process.StandardError.BaseStream;

        public Task<int> Exit { get; } = WaitAsync(process);

        public Task ResizeAsync(int columns, int rows, CancellationToken cancellationToken = default) => sizes.WriteAsync((columns, rows), cancellationToken).AsTask();

        public async ValueTask DisposeAsync()
        {
            if (!process.HasExited)
            {
                process.Kill();
            }

            await Exit;
            process.Dispose();
        }

        private static async Task<int> WaitAsync(Process process)
        {
            await process.WaitForExitAsync();
            return process.ExitCode;
        }
    }
}
