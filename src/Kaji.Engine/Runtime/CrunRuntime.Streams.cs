using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Kaji.Engine.Streams;
using Kaji.Linux.Calls;
using Kaji.Linux.Events;
using Kaji.Linux.Namespaces;

namespace Kaji.Engine.Runtime;

/// <content>Exec, attach, ports, logs.</content>
public sealed partial class CrunRuntime
{
    private const int MaxExecOutput = 16 * 1024;

    public async Task<ExecResult> ExecAsync(string containerId, IReadOnlyList<string> command, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        RequireRunning(containerId);
        await using var session = ExecSession.Start(_tools, _paths.Execs, containerId, command, stdin: false, mergeErrors: true);
        var output = new MemoryStream();
        var reading = ReadBoundedAsync(session.Stdout, output);
        try
        {
            var code = await session.Exit.WaitAsync(timeout, _time, cancellationToken).ConfigureAwait(false);
            // A background child may keep the pipe open; what the command itself wrote is in it by now.
            await Task.WhenAny(reading, Task.Delay(TimeSpan.FromMilliseconds(500), _time, cancellationToken)).ConfigureAwait(false);
            return new ExecResult(code, Snapshot(output), false);
        }
        catch (TimeoutException)
        {
            await session.KillAsync().ConfigureAwait(false);
            return new ExecResult(137, Snapshot(output), true);
        }
        catch (OperationCanceledException)
        {
            await session.KillAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async Task<IStreamSession> OpenExecAsync(
        string containerId, IReadOnlyList<string> command, bool tty, bool stdin, (int Columns, int Rows)? size = null, CancellationToken cancellationToken = default)
    {
        RequireRunning(containerId);
        return tty
            ? await TerminalExecSession.StartAsync(_tools, _paths, containerId, command, stdin, size, cancellationToken).ConfigureAwait(false)
            : ExecSession.Start(_tools, _paths.Execs, containerId, command, stdin, mergeErrors: false);
    }

    public async Task<IStreamSession> OpenAttachAsync(string containerId, bool stdin, CancellationToken cancellationToken = default)
    {
        var container = RequireRunning(containerId);
        var exit = WaitForExitAsync(container);
        return await AttachSession.OpenAsync(_paths.Bundle(containerId), container.Record.Tty, stdin && container.Record.Stdin, exit, cancellationToken).ConfigureAwait(false);
    }

    public async Task<Stream> OpenPortAsync(string sandboxId, int port, CancellationToken cancellationToken = default)
    {
        if (!_sandboxes.TryGetValue(sandboxId, out var sandbox) || sandbox.Record is not { State: SandboxState.Ready } pod)
        {
            throw new EngineException(EngineFault.NotFound, $"sandbox {sandboxId} is not there or not ready");
        }

        Exception? refused = null;
        foreach (var address in (IPAddress[])[IPAddress.Loopback, IPAddress.IPv6Loopback])
        {
            var socket = pod.Config.HostNetwork
                ? new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp)
                : await PinnedNamespaces.OpenSocketAsync(_paths.Pin(sandboxId, "net"), address.AddressFamily).ConfigureAwait(false);
            try
            {
                await socket.ConnectAsync(address, port, cancellationToken).ConfigureAwait(false);
                socket.NoDelay = true;
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException e)
            {
                socket.Dispose();
                refused ??= e;
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }

        throw new EngineException(EngineFault.Unknown, $"failed to connect to localhost:{port} inside sandbox {sandboxId}: {refused!.Message}", refused);
    }

    public async Task ReopenLogAsync(string containerId, CancellationToken cancellationToken = default)
    {
        var container = Require(containerId);
        if (container.Info.State == ContainerState.Running)
        {
            await ConmonControl.SendAsync(_loop, _paths.Bundle(containerId), "2 0 0\n", cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task<int> WaitForExitAsync(LiveContainer container)
    {
        await container.Ended.Task.ConfigureAwait(false);
        return container.Info.ExitCode ?? 255;
    }

    private static async Task ReadBoundedAsync(Stream source, MemoryStream output)
    {
        var buffer = new byte[4096];
        try
        {
            while (await source.ReadAsync(buffer).ConfigureAwait(false) is var count && count > 0)
            {
                lock (output)
                {
                    output.Write(buffer, 0, Math.Min(count, MaxExecOutput - (int)output.Length));
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The session was closed; what came is kept.
        }
    }

    private static byte[] Snapshot(MemoryStream output)
    {
        lock (output)
        {
            return output.ToArray();
        }
    }
}
