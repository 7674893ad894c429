using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;

namespace Kaji.Engine.Streams;

/// <summary>
/// conmon's attach socket (SEQPACKET): packets of up to 8 KiB, the first byte says the stream (2 stdout, 3 stderr); what we send is the container's input.
/// </summary>
internal sealed class AttachSession : IStreamSession
{
    private const int MaxPacket = 8192 + 1;
    private readonly Socket _socket;
    private readonly string _bundle;
    private readonly Pipe _stdout = new();
    private readonly Pipe _stderr = new();
    private readonly Task _pump;

    private AttachSession(Socket socket, string bundle, bool tty, bool stdin, Task<int> exit)
    {
        (_socket, _bundle) = (socket, bundle);
        Stdin = stdin ? new InputStream(socket) : null;
        Stdout = _stdout.Reader.AsStream();
        Stderr = tty ? null : _stderr.Reader.AsStream();
        _pump = PumpAsync(tty);
        Exit = FinishAsync(exit);
    }

    public Stream? Stdin { get; }

    public Stream Stdout { get; }

    public Stream? Stderr { get; }

    public Task<int> Exit { get; }

    public static async Task<AttachSession> OpenAsync(string bundle, bool tty, bool stdin, Task<int> exit, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Seqpacket, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint($"{bundle}/attach"), cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new EngineException(EngineFault.Unknown, $"cannot attach: {e.Message}", e);
        }

        return new AttachSession(socket, bundle, tty, stdin, exit);
    }

    public async Task ResizeAsync(int columns, int rows, CancellationToken cancellationToken = default)
    {
        // One small write to a fifo that conmon reads: it does not block.
        await using var fifo = new FileStream($"{_bundle}/ctl", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 0);
        await fifo.WriteAsync(Encoding.ASCII.GetBytes($"1 {rows} {columns}\n"), cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        await _stdout.Reader.CompleteAsync().ConfigureAwait(false);
        await _stderr.Reader.CompleteAsync().ConfigureAwait(false);
        await _pump.ConfigureAwait(false);
    }

    private async Task<int> FinishAsync(Task<int> exit)
    {
        var code = await exit.ConfigureAwait(false);
        await _pump.ConfigureAwait(false);
        return code;
    }

    private async Task PumpAsync(bool tty)
    {
        var buffer = new byte[MaxPacket];
        try
        {
            while (await _socket.ReceiveAsync(buffer, SocketFlags.None).ConfigureAwait(false) is var count && count > 0)
            {
                var target = buffer[0] == 3 && !tty ? _stderr : _stdout;
                await target.Writer.WriteAsync(buffer.AsMemory(1, count - 1)).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // conmon ended, or we did.
        }

        await _stdout.Writer.CompleteAsync().ConfigureAwait(false);
        await _stderr.Writer.CompleteAsync().ConfigureAwait(false);
    }

    private sealed class InputStream(Socket socket) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            try
            {
                for (; buffer.Length > 0; buffer = buffer[Math.Min(buffer.Length, 8192)..])
                {
                    await socket.SendAsync(buffer[..Math.Min(buffer.Length, 8192)], SocketFlags.None, cancellationToken).ConfigureAwait(false);
                }
            }
            catch (SocketException e)
            {
                throw new IOException("The container's input is closed.", e);
            }
        }

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

        public override void Flush()
        {
        }

        public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                try
                {
                    socket.Shutdown(SocketShutdown.Send);
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException)
                {
                    // Already closed on the other side.
                }
            }

            base.Dispose(disposing);
        }
    }
}
