using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Fleet.Http;

/// <summary>
/// The client's side of a WebSocket (RFC 6455), as far as a reader of short text messages needs it; the framework's brings the HTTP stack and OpenSSL. Frame:
/// <c>81 LEN …</c> from the server, <c>81 80|LEN MASK(4) …</c> to it; 8 closes, 9 is a ping.
/// </summary>
internal sealed class WebSocketCaller : IDisposable
{
    private const int MaxMessage = 64 * 1024;
    private readonly NetworkStream _stream;
    private byte[] _buffer = new byte[1024];

    private WebSocketCaller(NetworkStream stream) => _stream = stream;

    public static async Task<WebSocketCaller> ConnectAsync(Address address, string path, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address.Host, address.Port, cancellationToken);
            var stream = new NetworkStream(socket, ownsSocket: true);
            var nonce = new byte[16];
            Random.Shared.NextBytes(nonce);
            var request = $"GET {path} HTTP/1.1\r\nHost: {address.Host}:{address.Port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {Convert.ToBase64String(nonce)}\r\nSec-WebSocket-Version: 13\r\n\r\n";
            await stream.WriteAsync(Encoding.ASCII.GetBytes(request), cancellationToken);
            // Byte by byte up to the empty line: what follows are frames.
            var head = new StringBuilder();
            var one = new byte[1];
            while (head.Length < 4096 && !(head.Length >= 4 && head.ToString(head.Length - 4, 4) == "\r\n\r\n"))
            {
                await stream.ReadExactlyAsync(one, cancellationToken);
                head.Append((char)one[0]);
            }

            return head.ToString().StartsWith("HTTP/1.1 101", StringComparison.Ordinal) ? new WebSocketCaller(stream) : throw new IOException("the server did not agree to a WebSocket");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public Task SendAsync(string text, CancellationToken cancellationToken) => SendAsync(1, Encoding.UTF8.GetBytes(text), cancellationToken);

    /// <summary>The next text; valid until the next call. An end of the stream is an <see cref="IOException"/>.</summary>
    public async Task<ReadOnlyMemory<byte>> ReceiveAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await _stream.ReadExactlyAsync(_buffer.AsMemory(0, 2), cancellationToken);
            var (final, kind, length) = ((_buffer[0] & 0x80) != 0, _buffer[0] & 0xf, _buffer[1] & 0x7f);
            if (length == 126)
            {
                await _stream.ReadExactlyAsync(_buffer.AsMemory(0, 2), cancellationToken);
                length = BinaryPrimitives.ReadUInt16BigEndian(_buffer);
            }

            if (!final || length > MaxMessage || length == 127 || kind == 8)
            {
                throw new IOException(kind == 8 ? "the server closed the stream" : "the server sent a message that is too long");
            }

            if (length > _buffer.Length)
            {
                Array.Resize(ref _buffer, length);
            }

            await _stream.ReadExactlyAsync(_buffer.AsMemory(0, length), cancellationToken);
            if (kind == 1)
            {
                return _buffer.AsMemory(0, length);
            }

            if (kind == 9)
            {
                await SendAsync(10, _buffer[..length], cancellationToken);
            }
        }
    }

    public void Dispose() => _stream.Dispose();

    private async Task SendAsync(int kind, byte[] payload, CancellationToken cancellationToken)
    {
        if (payload.Length > ushort.MaxValue)
        {
            throw new IOException("the message is too long");
        }

        var wide = payload.Length > 125;
        var frame = new byte[payload.Length + (wide ? 8 : 6)];
        frame[0] = (byte)(0x80 | kind);
        frame[1] = (byte)(0x80 | (wide ? 126 : payload.Length));
        if (wide)
        {
            BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(2), (ushort)payload.Length);
        }

        var mask = frame.AsSpan(wide ? 4 : 2, 4);
        Random.Shared.NextBytes(mask);
        for (var i = 0; i < payload.Length; i++)
        {
            frame[(wide ? 8 : 6) + i] = (byte)(payload[i] ^ mask[i & 3]);
        }

        await _stream.WriteAsync(frame, cancellationToken);
    }
}
