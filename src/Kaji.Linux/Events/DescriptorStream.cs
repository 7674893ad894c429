using System.Runtime.InteropServices;
using Kaji.Linux.Calls;

namespace Kaji.Linux.Events;

/// <summary>
/// A pipe's end, a fifo or a terminal as a stream that waits on the <see cref="EventLoop"/> instead of blocking a thread. Use one direction a stream
/// (for a terminal: two streams over two duplicated descriptors). A terminal whose other side is gone (EIO) reads as ended.
/// </summary>
public sealed class DescriptorStream : Stream
{
    private readonly EventLoop _loop;
    private readonly Descriptor _descriptor;
    private readonly CancellationTokenSource _closed = new();
    private int _disposed;

    public DescriptorStream(EventLoop loop, Descriptor descriptor, bool write)
    {
        _loop = loop;
        _descriptor = descriptor;
        CanWrite = write;
        descriptor.SetNonBlocking();
    }

    public override bool CanRead => !CanWrite;

    public override bool CanSeek => false;

    public override bool CanWrite { get; }

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            var count = TryRead(buffer.Span, out var errno);
            if (count >= 0)
            {
                return count;
            }

            switch (errno)
            {
                case Errno.EINTR:
                    continue;
                case Errno.EIO:
                    return 0;
                case Errno.EAGAIN:
                    await WaitAsync(EventLoop.Readable, cancellationToken).ConfigureAwait(false);
                    continue;
                default:
                    throw new KernelException("read", errno);
            }
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (buffer.Length > 0)
        {
            var count = TryWrite(buffer.Span, out var errno);
            if (count >= 0)
            {
                buffer = buffer[count..];
            }
            else if (errno == Errno.EAGAIN)
            {
                await WaitAsync(EventLoop.Writable, cancellationToken).ConfigureAwait(false);
            }
            else if (errno != Errno.EINTR)
            {
                throw new KernelException("write", errno);
            }
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _closed.Cancel();
            _loop.Forget(_descriptor);
            _descriptor.Dispose();
            _closed.Dispose();
        }

        base.Dispose(disposing);
    }

    private async Task WaitAsync(uint events, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closed.Token);
        await _loop.WaitAsync(_descriptor, events, linked.Token).ConfigureAwait(false);
    }

    private unsafe int TryRead(Span<byte> buffer, out int errno)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        fixed (byte* bytes = buffer)
        {
            var count = LibC.Read(_descriptor.Number, bytes, (nuint)buffer.Length);
            errno = count < 0 ? Marshal.GetLastPInvokeError() : 0;
            return (int)count;
        }
    }

    private unsafe int TryWrite(ReadOnlySpan<byte> buffer, out int errno)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        fixed (byte* bytes = buffer)
        {
            var count = LibC.Write(_descriptor.Number, bytes, (nuint)buffer.Length);
            errno = count < 0 ? Marshal.GetLastPInvokeError() : 0;
            return (int)count;
        }
    }
}
