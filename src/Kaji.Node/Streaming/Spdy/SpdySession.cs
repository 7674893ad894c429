using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Threading.Channels;

namespace Kaji.Node.Streaming.Spdy;

/// <summary>
/// A SPDY/3.1 session as Kubernetes uses it: streams opened by the client, data both ways, no flow-control windows (the clients keep none): a reader
/// that does not read holds the connection. Frames, big-endian:
/// <code>
/// control  1 | version 15 | type 16 | flags 8 | length 24 | …       80 03 00 01 00 00 00 2C  SYN_STREAM of 44 bytes
/// data     0 | stream 31  | flags 8 | length 24 | bytes             00 00 00 03 01 00 00 00  end of stream 3
/// </code>
/// Specified in "SPDY Protocol - Draft 3.1", section 2.2.
/// </summary>
internal sealed class SpdySession : IAsyncDisposable
{
    /// <summary>Streams open at a time; more are refused.</summary>
    public const int MaxStreams = 2000;

    private const int SynStream = 1, SynReply = 2, RstStream = 3, Ping = 6, GoAway = 7, Headers = 8;
    private const byte Fin = 1;
    private const int HeaderBytes = 8, MaxControlBytes = 64 * 1024, Chunk = 32 * 1024;
    private const int RefusedStream = 3, Cancel = 5;

    private readonly Stream _transport;
    private readonly ConcurrentDictionary<int, SpdyStream> _streams = new();
    private readonly Channel<SpdyStream> _incoming = Channel.CreateUnbounded<SpdyStream>(new UnboundedChannelOptions { SingleWriter = true });
    private readonly SemaphoreSlim _sending = new(1);
    private readonly SpdyHeaderReader _headerReader = new();
    private readonly SpdyHeaderWriter _headerWriter = new();
    private readonly CancellationTokenSource _gone = new();
    private readonly byte[] _head = new byte[HeaderBytes];
    private readonly Task _reading;
    private int _lastStream;

    /// <param name="transport">Owned by the session from now on.</param>
    public SpdySession(Stream transport)
    {
        _transport = transport;
        _reading = Task.Run(ReadAsync);
    }

    /// <summary>Streams that the client opens, already answered. Completes with the session. Bounded by <see cref="MaxStreams"/>.</summary>
    public ChannelReader<SpdyStream> Incoming => _incoming.Reader;

    public CancellationToken Gone => _gone.Token;

    /// <summary>Tells the client that no more follows, and waits shortly for it to close.</summary>
    public async Task CloseAsync(TimeSpan wait, CancellationToken cancellationToken)
    {
        var payload = new byte[8];
        BinaryPrimitives.WriteInt32BigEndian(payload, _lastStream);
        await ControlAsync(GoAway, 0, payload, cancellationToken);
        await Task.WhenAny(_reading, Task.Delay(wait, cancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        await _gone.CancelAsync();
        await _transport.DisposeAsync();
        await _reading;
        _sending.Dispose();
        _gone.Dispose();
    }

    internal async ValueTask SendDataAsync(int stream, ReadOnlyMemory<byte> data, bool last, CancellationToken cancellationToken)
    {
        do
        {
            var piece = data[..Math.Min(Chunk, data.Length)];
            data = data[piece.Length..];
            var frame = ArrayPool<byte>.Shared.Rent(HeaderBytes + piece.Length);
            BinaryPrimitives.WriteInt32BigEndian(frame, stream);
            BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(4), piece.Length);
            frame[4] = last && data.IsEmpty ? Fin : (byte)0;
            piece.Span.CopyTo(frame.AsSpan(HeaderBytes));
            try
            {
                await SendAsync(frame.AsMemory(0, HeaderBytes + piece.Length), cancellationToken);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(frame);
            }
        }
        while (!data.IsEmpty);
    }

    internal Task ResetAsync(int stream, CancellationToken cancellationToken) => ResetAsync(stream, Cancel, cancellationToken);

    internal void Forget(int stream) => _streams.TryRemove(stream, out _);

    private async Task ResetAsync(int stream, int status, CancellationToken cancellationToken)
    {
        var payload = new byte[8];
        BinaryPrimitives.WriteInt32BigEndian(payload, stream);
        BinaryPrimitives.WriteInt32BigEndian(payload.AsSpan(4), status);
        await ControlAsync(RstStream, 0, payload, cancellationToken);
    }

    private async Task ControlAsync(int type, byte flags, ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        var frame = new byte[HeaderBytes + payload.Length];
        BinaryPrimitives.WriteUInt16BigEndian(frame, 0x8003);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(2), (ushort)type);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(4), payload.Length);
        frame[4] = flags;
        payload.CopyTo(frame.AsMemory(HeaderBytes));
        await SendAsync(frame, cancellationToken);
    }

    private async ValueTask SendAsync(ReadOnlyMemory<byte> frame, CancellationToken cancellationToken)
    {
        await _sending.WaitAsync(cancellationToken);
        try
        {
            // A frame is written whole or the session is lost: half of one would garble all that follows.
            await _transport.WriteAsync(frame, _gone.Token);
            await _transport.FlushAsync(_gone.Token);
        }
        finally
        {
            _sending.Release();
        }
    }

    private async Task ReadAsync()
    {
        try
        {
            while (await _transport.ReadAtLeastAsync(_head, HeaderBytes, throwOnEndOfStream: false, _gone.Token) == HeaderBytes)
            {
                var flags = _head[4];
                var length = BinaryPrimitives.ReadInt32BigEndian(_head.AsSpan(4)) & 0xFFFFFF;
                if ((_head[0] & 0x80) == 0)
                {
                    await ReadDataAsync(BinaryPrimitives.ReadInt32BigEndian(_head), flags, length);
                    continue;
                }

                if ((BinaryPrimitives.ReadUInt16BigEndian(_head) & 0x7FFF) != 3)
                {
                    throw new SpdyException("not version 3");
                }

                if (length > MaxControlBytes)
                {
                    throw new SpdyException("control frame too large");
                }

                var type = BinaryPrimitives.ReadUInt16BigEndian(_head.AsSpan(2));
                var payload = new byte[length];
                await _transport.ReadExactlyAsync(payload, _gone.Token);
                await HandleAsync(type, flags, payload);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The connection broke, or what came is not SPDY: the session ends, and its streams with it, below.
            await _gone.CancelAsync();
        }
        finally
        {
            _incoming.Writer.TryComplete();
            foreach (var stream in _streams.Values)
            {
                stream.Lost();
            }

            await _gone.CancelAsync();
        }
    }

    private async Task ReadDataAsync(int id, byte flags, int length)
    {
        var known = _streams.TryGetValue(id, out var stream);
        var buffer = ArrayPool<byte>.Shared.Rent(Chunk);
        try
        {
            while (length > 0)
            {
                var count = await _transport.ReadAsync(buffer.AsMemory(0, Math.Min(Chunk, length)), _gone.Token);
                if (count == 0)
                {
                    throw new SpdyException("frame cut short");
                }

                length -= count;
                if (known)
                {
                    await stream!.ReceiveAsync(buffer.AsMemory(0, count));
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        if (known && (flags & Fin) != 0)
        {
            stream!.RemoteEnded();
        }
    }

    private async Task HandleAsync(int type, byte flags, byte[] payload)
    {
        switch (type)
        {
            case SynStream when payload.Length >= 10:
                var id = BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue;

                // Read even when refused: the inflater must see every block.
                var headers = _headerReader.Read(payload[10..]);
                if (_streams.Count >= MaxStreams || id <= _lastStream || id % 2 == 0)
                {
                    await ResetAsync(id, RefusedStream, _gone.Token);
                    break;
                }

                _lastStream = id;
                var stream = new SpdyStream(this, id, headers);
                _streams[id] = stream;
                var block = _headerWriter.Write([]);
                var reply = new byte[4 + block.Length];
                BinaryPrimitives.WriteInt32BigEndian(reply, id);
                block.CopyTo(reply, 4);
                await ControlAsync(SynReply, 0, reply, _gone.Token);
                if ((flags & Fin) != 0)
                {
                    stream.RemoteEnded();
                }

                _incoming.Writer.TryWrite(stream);
                break;
            case Headers when payload.Length >= 4:
                _ = _headerReader.Read(payload[4..]);
                break;
            case RstStream when payload.Length >= 4:
                if (_streams.TryGetValue(BinaryPrimitives.ReadInt32BigEndian(payload) & int.MaxValue, out var reset))
                {
                    reset.Lost();
                }

                break;
            case Ping when payload.Length == 4 && (payload[3] & 1) == 1:
                // The client's own (odd): it goes back as it came.
                await ControlAsync(Ping, 0, payload, _gone.Token);
                break;
        }
    }
}
