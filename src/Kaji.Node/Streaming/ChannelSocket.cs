using System.Buffers;
using System.Net.WebSockets;

namespace Kaji.Node.Streaming;

/// <summary>
/// Kubernetes' channels over a WebSocket: the first byte of every binary message is the channel, the rest its data (<c>channel.k8s.io</c>, versions 4 and 5).
/// Worked example, a client of v5 that types "a" and ends its input: <c>00 61</c>, <c>FF 00</c>; the answer "b": <c>01 62</c>, then <c>03 {"status":"Success",...}</c> and close 1000.
/// </summary>
internal sealed class ChannelSocket(WebSocket socket) : IAsyncDisposable
{
    /// <summary>What a message carries besides its channel.</summary>
    public delegate ValueTask Receiver(byte channel, ReadOnlyMemory<byte> data, bool endOfMessage);

    private const int Chunk = 32 * 1024;
    private static readonly TimeSpan CloseWait = TimeSpan.FromSeconds(2);
    private readonly SemaphoreSlim _sending = new(1);
    private readonly CancellationTokenSource _gone = new();
    private Task _receiving = Task.CompletedTask;

    public CancellationToken Gone => _gone.Token;

    /// <summary>Begins to receive. Pings are answered only while receiving, so this goes on to the end.</summary>
    public void Start(Receiver receiver, Action ended) => _receiving = ReceiveAsync(receiver, ended);

    public async ValueTask SendAsync(byte channel, ReadOnlyMemory<byte> data, CancellationToken cancellationToken)
    {
        do
        {
            var length = Math.Min(Chunk, data.Length);
            var message = ArrayPool<byte>.Shared.Rent(length + 1);
            message[0] = channel;
            data.Span[..length].CopyTo(message.AsSpan(1));
            await _sending.WaitAsync(cancellationToken);
            try
            {
                await socket.SendAsync(message.AsMemory(0, length + 1), WebSocketMessageType.Binary, endOfMessage: true, cancellationToken);
            }
            catch (WebSocketException e)
            {
                await _gone.CancelAsync();
                throw new IOException("the client is gone", e);
            }
            finally
            {
                _sending.Release();
                ArrayPool<byte>.Shared.Return(message);
            }

            data = data[length..];
        }
        while (data.Length > 0);
    }

    /// <summary>Says goodbye and waits shortly for the client's.</summary>
    public async Task CloseAsync(CancellationToken cancellationToken)
    {
        await _sending.WaitAsync(cancellationToken);
        try
        {
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", cancellationToken);
        }
        catch (WebSocketException e)
        {
            throw new IOException("the client is gone", e);
        }
        finally
        {
            _sending.Release();
        }

        await Task.WhenAny(_receiving, Task.Delay(CloseWait, cancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        await _gone.CancelAsync();
        socket.Abort();
        await _receiving;
        socket.Dispose();
        _gone.Dispose();
        _sending.Dispose();
    }

    private async Task ReceiveAsync(Receiver receiver, Action ended)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(Chunk);
        try
        {
            byte channel = 0;
            var first = true;
            while (true)
            {
                var received = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
                if (received.MessageType == WebSocketMessageType.Close)
                {
                    break;
                }

                ReadOnlyMemory<byte> data = buffer.AsMemory(0, received.Count);
                if (first && !data.IsEmpty)
                {
                    channel = data.Span[0];
                    data = data[1..];
                    first = false;
                }

                if (!first)
                {
                    await receiver(channel, data, received.EndOfMessage);
                }

                first = received.EndOfMessage || first;
            }
        }
        catch (Exception e) when (e is WebSocketException or IOException or ObjectDisposedException or OperationCanceledException)
        {
            // The connection broke; who waits for data learns it below.
            await _gone.CancelAsync();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            ended();
            await _gone.CancelAsync();
        }
    }
}
