using Kaji.Engine.Oci;
using Kaji.Engine.Runtime;
using Kaji.Linux.Events;
using Kaji.Linux.Processes;
using Kaji.Linux.Terminals;

namespace Kaji.Engine.Streams;

/// <summary><c>crun exec --tty</c>: crun hands over the terminal's master, which we read and write ourselves. Disposing hangs up.</summary>
internal sealed class TerminalExecSession : IStreamSession
{
    private readonly ChildProcess _process;
    private readonly Descriptor _master;

    private TerminalExecSession(ChildProcess process, ExecFiles files, Descriptor master, EventLoop loop, bool stdin)
    {
        (_process, _master) = (process, master);
        Stdout = new DescriptorStream(loop, Terminal.Duplicate(master), write: false);
        Stdin = stdin ? new TerminalInput(new DescriptorStream(loop, Terminal.Duplicate(master), write: true)) : null;
        Exit = files.ExitAsync(process);
    }

    public Stream? Stdin { get; }

    public Stream Stdout { get; }

    public Stream? Stderr => null;

    public Task<int> Exit { get; }

    /// <param name="size">Given with the process, so that the command finds it when it starts.</param>
    public static async Task<TerminalExecSession> StartAsync(
        Tools tools, RuntimePaths paths, string containerId, IReadOnlyList<string> command, bool stdin, (int Columns, int Rows)? size, CancellationToken cancellationToken)
    {
        var files = new ExecFiles(paths.Execs);
        using var socket = new ConsoleSocket(files.SocketFile);
        await File.WriteAllBytesAsync(files.ProcessFile, await TerminalProcess.WriteAsync(paths.Spec(containerId), command, size, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
        var process = tools.StartTerminalExec(containerId, files, socket.Path);
        var receiving = socket.ReceiveAsync(tools.Loop, cancellationToken);
        if (await Task.WhenAny(receiving, process.Exit).ConfigureAwait(false) != receiving)
        {
            socket.NoMoreSenders();
        }

        try
        {
            return new TerminalExecSession(process, files, await receiving.ConfigureAwait(false), tools.Loop, stdin);
        }
        catch (IOException)
        {
            // crun ended before it had a terminal to give: it says why.
            var code = await files.ExitAsync(process).ConfigureAwait(false);
            process.Dispose();
            throw new EngineException(EngineFault.Unknown, $"crun exec ended with {code} before the terminal was there");
        }
    }

    public Task ResizeAsync(int columns, int rows, CancellationToken cancellationToken = default)
    {
        Terminal.Resize(_master, columns, rows);
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        Stdin?.Dispose();
        Stdout.Dispose();
        _master.Dispose();
        _process.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>End of input on a terminal is the character ^D, not a closed descriptor.</summary>
    private sealed class TerminalInput(DescriptorStream inner) : Stream
    {
        private bool _closed;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => inner.WriteAsync(buffer, cancellationToken);

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => inner.WriteAsync(buffer, offset, count, cancellationToken);

        public override void Write(byte[] buffer, int offset, int count) => inner.Write(buffer, offset, count);

        public override void Flush()
        {
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing && !_closed)
            {
                _closed = true;
                _ = CloseAsync();
            }

            base.Dispose(disposing);
        }

        private async Task CloseAsync()
        {
            try
            {
                await inner.WriteAsync(new byte[] { 4 }).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or OperationCanceledException)
            {
                // The terminal is gone, and with it who would read.
            }
            finally
            {
                await inner.DisposeAsync().ConfigureAwait(false);
            }
        }
    }
}
