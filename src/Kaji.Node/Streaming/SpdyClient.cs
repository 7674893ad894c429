using System.Threading.Channels;
using Kaji.Node.Streaming.Spdy;

namespace Kaji.Node.Streaming;

/// <summary>An exec or attach client on SPDY streams, told apart by their header <c>streamType</c>: error, stdin, stdout, stderr, resize.</summary>
internal sealed class SpdyClient : IRemoteClient
{
    private static readonly TimeSpan CloseWait = TimeSpan.FromSeconds(2);
    private readonly SpdySession _session;
    private readonly Dictionary<string, SpdyStream> _streams;
    private readonly Channel<TerminalSize> _resizes = Channel.CreateBounded<TerminalSize>(new BoundedChannelOptions(4) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly Task _resizing;

    private SpdyClient(SpdySession session, Dictionary<string, SpdyStream> streams)
    {
        (_session, _streams) = (session, streams);
        _resizing = ResizeAsync();
    }

    public Stream? Stdin => _streams.GetValueOrDefault("stdin");

    public Stream? Stdout => _streams.GetValueOrDefault("stdout");

    public Stream? Stderr => _streams.GetValueOrDefault("stderr");

    public ChannelReader<TerminalSize> Resizes => _resizes.Reader;

    public CancellationToken Gone => _session.Gone;

    /// <summary>Waits for the streams that the request asked for.</summary>
    /// <exception cref="TimeoutException">The client did not open them in time.</exception>
    /// <exception cref="IOException">The client left.</exception>
    public static async Task<SpdyClient> AcceptAsync(SpdySession session, StreamChoice choice, TimeSpan timeout, TimeProvider time)
    {
        var wanted = new HashSet<string>(StringComparer.Ordinal) { "error" };
        foreach (var (name, asked) in (ReadOnlySpan<(string, bool)>)[("stdin", choice.Stdin), ("stdout", choice.Stdout), ("stderr", choice.Stderr), ("resize", choice.Tty)])
        {
            if (asked)
            {
                wanted.Add(name);
            }
        }

        using var expired = new CancellationTokenSource(timeout, time);
        var streams = new Dictionary<string, SpdyStream>(StringComparer.Ordinal);
        try
        {
            while (wanted.Count > 0)
            {
                var stream = await session.Incoming.ReadAsync(expired.Token);
                var type = stream.Header("streamType");
                if (wanted.Remove(type))
                {
                    streams[type] = stream;
                }
            }
        }
        catch (OperationCanceledException e) when (expired.IsCancellationRequested)
        {
            throw new TimeoutException($"the client did not open the streams {string.Join(", ", wanted)}", e);
        }
        catch (ChannelClosedException e)
        {
            throw new IOException("the client left before it had opened its streams", e);
        }

        return new SpdyClient(session, streams);
    }

    public async Task FinishAsync(ReadOnlyMemory<byte> status, CancellationToken cancellationToken)
    {
        try
        {
            foreach (var name in (string[])["stdout", "stderr"])
            {
                if (_streams.TryGetValue(name, out var output))
                {
                    await output.EndAsync(cancellationToken);
                }
            }

            await _streams["error"].WriteAsync(status, cancellationToken);
            foreach (var stream in _streams.Values)
            {
                stream.StopReading();
                await stream.EndAsync(cancellationToken);
            }

            await _session.CloseAsync(CloseWait, cancellationToken);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // It left before the last word: nobody is there to be told.
            return;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _session.DisposeAsync();
        await _resizing;
    }

    /// <summary>The resize stream is a run of JSON objects, one a line.</summary>
    private async Task ResizeAsync()
    {
        try
        {
            if (!_streams.TryGetValue("resize", out var stream))
            {
                return;
            }

            using var lines = new StreamReader(stream, leaveOpen: true);
            while (await lines.ReadLineAsync(Gone) is { } line)
            {
                if (TerminalSizes.TryParse(System.Text.Encoding.UTF8.GetBytes(line), out var size))
                {
                    _resizes.Writer.TryWrite(size);
                }
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or InvalidOperationException)
        {
            // The session ended while waiting for a size.
            return;
        }
        finally
        {
            _resizes.Writer.TryComplete();
        }
    }
}
