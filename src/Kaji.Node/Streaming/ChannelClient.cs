using System.IO.Pipelines;
using System.Net.WebSockets;
using System.Text.Json;
using System.Threading.Channels;

namespace Kaji.Node.Streaming;

/// <summary>An exec or attach client on a WebSocket: stdin 0, stdout 1, stderr 2, error 3, resize 4 and, from v5 on, close 255.</summary>
internal sealed class ChannelClient : IRemoteClient
{
    /// <summary>Subprotocols, best first.</summary>
    public static readonly IReadOnlyList<string> Protocols = [V5, V4];

    private const string V5 = "v5.channel.k8s.io", V4 = "v4.channel.k8s.io";
    private const byte StdinChannel = 0, StdoutChannel = 1, StderrChannel = 2, ErrorChannel = 3, ResizeChannel = 4, CloseChannel = 255;
    private const int MaxPendingInput = 1 << 20, MaxResizeBytes = 4096;

    private readonly ChannelSocket _socket;
    private readonly bool _closes;
    private readonly Pipe _stdin = new(new PipeOptions(pauseWriterThreshold: MaxPendingInput, resumeWriterThreshold: MaxPendingInput / 2, useSynchronizationContext: false));
    private readonly Channel<TerminalSize> _resizes = Channel.CreateBounded<TerminalSize>(new BoundedChannelOptions(4) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly MemoryStream _resize = new();

    /// <param name="protocol">One of <see cref="Protocols"/>; null as the older.</param>
    public ChannelClient(WebSocket socket, string? protocol, StreamChoice choice)
    {
        _socket = new ChannelSocket(socket);
        _closes = protocol == V5;
        Stdin = choice.Stdin ? _stdin.Reader.AsStream() : null;
        Stdout = choice.Stdout ? new ChannelStream(_socket, StdoutChannel) : null;
        Stderr = choice is { Stderr: true, Tty: false } ? new ChannelStream(_socket, StderrChannel) : null;
    }

    public Stream? Stdin { get; }

    public Stream? Stdout { get; }

    public Stream? Stderr { get; }

    public ChannelReader<TerminalSize> Resizes => _resizes.Reader;

    public CancellationToken Gone => _socket.Gone;

    /// <summary>Begins; an empty message on the lowest channel tells the client that the connection stands.</summary>
    public ValueTask StartAsync()
    {
        if (Stdin is null)
        {
            _stdin.Reader.Complete();
        }

        _socket.Start(ReceiveAsync, Ended);
        return _socket.SendAsync(Stdout is not null ? StdoutChannel : Stderr is not null ? StderrChannel : ErrorChannel, default, Gone);
    }

    public async Task FinishAsync(ReadOnlyMemory<byte> status, CancellationToken cancellationToken)
    {
        try
        {
            // Input that the process left unread would hold the receiving side, which has to see the client's goodbye.
            Stdin?.Dispose();
            await _socket.SendAsync(ErrorChannel, status, cancellationToken);
            await _socket.CloseAsync(cancellationToken);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException && Gone.IsCancellationRequested)
        {
            // It left before the last word: nobody is there to be told.
            return;
        }
    }

    public ValueTask DisposeAsync() => _socket.DisposeAsync();

    private async ValueTask ReceiveAsync(byte channel, ReadOnlyMemory<byte> data, bool endOfMessage)
    {
        switch (channel)
        {
            case StdinChannel when !data.IsEmpty:
                // Once the process has ended, or when stdin was not asked for, the pipe takes nothing and says so; what comes is dropped.
                _ = await _stdin.Writer.WriteAsync(data, Gone);
                break;
            case ResizeChannel when _resize.Length + data.Length <= MaxResizeBytes:
                _resize.Write(data.Span);
                if (endOfMessage)
                {
                    Resize(_resize.GetBuffer().AsMemory(0, (int)_resize.Length));
                    _resize.SetLength(0);
                }

                break;
            case CloseChannel when _closes && data is { Length: > 0 } && data.Span[0] == StdinChannel:
                await _stdin.Writer.CompleteAsync();
                break;
        }
    }

    private void Resize(ReadOnlyMemory<byte> json)
    {
        if (TerminalSizes.TryParse(json.Span, out var size))
        {
            _resizes.Writer.TryWrite(size);
        }
    }

    private void Ended()
    {
        _stdin.Writer.Complete();
        _resizes.Writer.TryComplete();
    }
}

/// <summary>Reads <c>{"Width":120,"Height":40}</c>.</summary>
internal static class TerminalSizes
{
    public static bool TryParse(ReadOnlySpan<byte> json, out TerminalSize size)
    {
        size = default;
        try
        {
            var reader = new Utf8JsonReader(json);
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName)
                {
                    continue;
                }

                var width = reader.ValueTextEquals("Width"u8);
                var height = reader.ValueTextEquals("Height"u8);
                if (reader.Read() && (width || height) && reader.TokenType == JsonTokenType.Number && reader.TryGetUInt16(out var value))
                {
                    size = width ? size with { Width = value } : size with { Height = value };
                }
            }
        }
        catch (JsonException)
        {
            return false;
        }

        return size is { Width: > 0, Height: > 0 };
    }
}
