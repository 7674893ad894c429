using System.IO.Pipelines;

namespace Kaji.Node.Streaming.Spdy;

/// <summary>One stream of a <see cref="SpdySession"/>, opened by the client.</summary>
internal sealed class SpdyStream : SendStream
{
    private const int MaxPending = 256 * 1024;
    private readonly SpdySession _session;
    private readonly Pipe _received = new(new PipeOptions(pauseWriterThreshold: MaxPending, resumeWriterThreshold: MaxPending / 2, useSynchronizationContext: false));
    private readonly Stream _reader;
    private readonly CancellationTokenSource _lost = new();
    private int _localEnded;
    private int _remoteEnded;

    public SpdyStream(SpdySession session, int id, IReadOnlyDictionary<string, string> headers)
    {
        (_session, Id, Headers) = (session, id, headers);
        _reader = _received.Reader.AsStream();
    }

    public int Id { get; }

    /// <summary>Names in any case.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; }

    /// <summary>Cancelled when the client resets the stream or the session is gone.</summary>
    public CancellationToken LostToken => _lost.Token;

    public override bool CanRead => true;

    /// <summary>The header, or empty.</summary>
    public string Header(string name) => Headers.TryGetValue(name, out var value) ? value : "";

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => _reader.ReadAsync(buffer, cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => _reader.ReadAsync(buffer, offset, count, cancellationToken);

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
        buffer.IsEmpty || Volatile.Read(ref _localEnded) != 0 ? ValueTask.CompletedTask
        : _lost.IsCancellationRequested ? ValueTask.FromException(new IOException("the client has closed this stream"))
        : _session.SendDataAsync(Id, buffer, last: false, cancellationToken);

    /// <summary>Says that nothing more is written. The other direction stays open.</summary>
    public async Task EndAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _localEnded, 1) == 0 && !_lost.IsCancellationRequested)
        {
            await _session.SendDataAsync(Id, default, last: true, cancellationToken);
            ForgetIfOver();
        }
    }

    /// <summary>Nobody reads what comes: it is dropped from now on.</summary>
    public void StopReading() => _reader.Dispose();

    internal async ValueTask ReceiveAsync(ReadOnlyMemory<byte> data)
    {
        if (_remoteEnded == 0)
        {
            // A reader that is done makes this a no-op, so that the rest is dropped.
            _ = await _received.Writer.WriteAsync(data, _session.Gone);
        }
    }

    internal void RemoteEnded()
    {
        if (Interlocked.Exchange(ref _remoteEnded, 1) == 0)
        {
            _received.Writer.Complete();
            ForgetIfOver();
        }
    }

    internal void Lost()
    {
        _session.Forget(Id);
        _lost.Cancel();
        if (Interlocked.Exchange(ref _remoteEnded, 1) == 0)
        {
            _received.Writer.Complete();
        }
    }

    private void ForgetIfOver()
    {
        if (Volatile.Read(ref _localEnded) != 0 && Volatile.Read(ref _remoteEnded) != 0)
        {
            _session.Forget(Id);
        }
    }
}
