using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Net.WebSockets;
using System.Text;
using Kaji.Engine;

namespace Kaji.Node.Streaming;

/// <summary>
/// Port-forward over WebSocket channels, which other clients than kubectl use: for the i-th <c>port</c> of the query one connection, data on channel 2i,
/// errors on 2i + 1. Both begin with a message of the port, little-endian.
/// </summary>
internal sealed class ChannelPortForward : IAsyncDisposable
{
    public const string Protocol = "v4.channel.k8s.io";

    /// <summary>Channels are bytes, but nobody forwards so many.</summary>
    public const int MaxPorts = 64;

    private const int MaxPending = 256 * 1024;
    private readonly ChannelSocket _socket;
    private readonly IReadOnlyList<int> _ports;
    private readonly string _pod;
    private readonly Func<int, CancellationToken, Task<Stream>> _open;
    private readonly Pipe[] _received;

    public ChannelPortForward(WebSocket socket, IReadOnlyList<int> ports, string pod, Func<int, CancellationToken, Task<Stream>> open)
    {
        (_socket, _ports, _pod, _open) = (new ChannelSocket(socket), ports, pod, open);
        _received = [.. ports.Select(_ => new Pipe(new PipeOptions(pauseWriterThreshold: MaxPending, resumeWriterThreshold: MaxPending / 2, useSynchronizationContext: false)))];
    }

    public async Task RunAsync()
    {
        _socket.Start(ReceiveAsync, Ended);
        await Task.WhenAll(Enumerable.Range(0, _ports.Count).Select(ForwardAsync));
        try
        {
            await _socket.CloseAsync(_socket.Gone);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client was first.
            return;
        }
    }

    public ValueTask DisposeAsync() => _socket.DisposeAsync();

    private async Task ForwardAsync(int index)
    {
        var (port, data, error) = (_ports[index], (byte)(2 * index), (byte)((2 * index) + 1));
        var input = _received[index].Reader.AsStream();
        try
        {
            var announced = new byte[2];
            BinaryPrimitives.WriteUInt16LittleEndian(announced, (ushort)port);
            await _socket.SendAsync(data, announced, _socket.Gone);
            await _socket.SendAsync(error, announced, _socket.Gone);
            try
            {
                await using var connection = await _open(port, _socket.Gone);
                await PortRelay.RunAsync(input, connection, () => Task.CompletedTask, new ChannelStream(_socket, data), _socket.Gone);
            }
            catch (Exception e) when (e is EngineException or IOException or System.Net.Sockets.SocketException && !_socket.Gone.IsCancellationRequested)
            {
                await _socket.SendAsync(error, Encoding.UTF8.GetBytes(PortForwarding.Failure(_pod, port, e)), _socket.Gone);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client left.
            return;
        }
        finally
        {
            await input.DisposeAsync();
        }
    }

    private async ValueTask ReceiveAsync(byte channel, ReadOnlyMemory<byte> data, bool endOfMessage)
    {
        if (channel % 2 == 0 && channel / 2 < _received.Length && !data.IsEmpty)
        {
            _ = await _received[channel / 2].Writer.WriteAsync(data, _socket.Gone);
        }
    }

    private void Ended()
    {
        foreach (var pipe in _received)
        {
            pipe.Writer.Complete();
        }
    }
}
