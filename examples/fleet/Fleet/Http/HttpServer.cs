using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;

namespace Fleet.Http;

/// <summary>
/// HTTP/1.1 for a bot: keep-alive, bodies with a length, WebSocket upgrade. A web framework would take several times the memory of all else in here.
/// </summary>
internal sealed class HttpServer(int port, Func<HttpRequest, HttpAnswer> handle)
{
    private const int MaxHead = 16 * 1024;
    private const int MaxBody = 64 * 1024;
    private const int MaxConnections = 256;

    /// <summary>Serves until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(new IPEndPoint(IPAddress.Any, port));
        listener.Listen(128);
        using var slots = new SemaphoreSlim(MaxConnections, MaxConnections);
        while (true)
        {
            await slots.WaitAsync(cancellationToken);
            var socket = await listener.AcceptAsync(cancellationToken);
            _ = ConnectionAsync(socket, slots, cancellationToken);
        }
    }

    private async Task ConnectionAsync(Socket socket, SemaphoreSlim slots, CancellationToken cancellationToken)
    {
        try
        {
            socket.NoDelay = true;
            await using var stream = new NetworkStream(socket, ownsSocket: true);
            while (await ServeAsync(stream, cancellationToken))
            {
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or WebSocketException)
        {
            // The other side went, or we stop: nothing to answer to.
        }
        finally
        {
            if (!cancellationToken.IsCancellationRequested)
            {
                slots.Release();
            }
        }
    }

    private async Task<bool> ServeAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        var buffer = new byte[2048];
        var count = 0;
        int end;
        while ((end = buffer.AsSpan(0, count).IndexOf("\r\n\r\n"u8)) < 0)
        {
            if (count == buffer.Length)
            {
                if (count >= MaxHead)
                {
                    await WriteAsync(stream, HttpAnswer.Error(431, "headers too long"), close: true, cancellationToken);
                    return false;
                }

                Array.Resize(ref buffer, count * 2);
            }

            var read = await stream.ReadAsync(buffer.AsMemory(count), cancellationToken);
            if (read == 0)
            {
                return false;
            }

            count += read;
        }

        var (method, target, headers) = ParseHead(Encoding.Latin1.GetString(buffer, 0, end));
        if (method is null)
        {
            await WriteAsync(stream, HttpAnswer.Error(400, "malformed request"), close: true, cancellationToken);
            return false;
        }

        var length = 0;
        if (headers.TryGetValue("content-length", out var text) && (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out length) || length > MaxBody))
        {
            await WriteAsync(stream, HttpAnswer.Error(413, "body too long"), close: true, cancellationToken);
            return false;
        }

        var body = new byte[length];
        var have = Math.Min(length, count - end - 4);
        buffer.AsSpan(end + 4, have).CopyTo(body);
        await stream.ReadExactlyAsync(body.AsMemory(have), cancellationToken);
        var mark = target.IndexOf('?');
        var request = new HttpRequest(method, mark < 0 ? target : target[..mark], mark < 0 ? "" : target[(mark + 1)..], headers, body);
        var answer = handle(request);
        if (answer.Deferred is { } later)
        {
            answer = await later(cancellationToken);
        }

        if (answer.Upgrade is { } upgrade)
        {
            if (!headers.TryGetValue("sec-websocket-key", out var key))
            {
                await WriteAsync(stream, HttpAnswer.Error(426, "a WebSocket is needed here"), close: true, cancellationToken);
                return false;
            }

            var accept = Convert.ToBase64String(Hashes.Sha1(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"), cancellationToken);
            using var socket = WebSocket.CreateFromStream(stream, new WebSocketCreationOptions { IsServer = true, KeepAliveInterval = TimeSpan.FromSeconds(15) });
            await upgrade(socket, cancellationToken);
            return false;
        }

        var close = headers.TryGetValue("connection", out var connection) && connection.Equals("close", StringComparison.OrdinalIgnoreCase);
        await WriteAsync(stream, answer, close, cancellationToken);
        return !close;
    }

    private static (string? Method, string Target, Dictionary<string, string> Headers) ParseHead(string head)
    {
        var lines = head.Split("\r\n");
        var parts = lines[0].Split(' ');
        var headers = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var line in lines.Skip(1))
        {
            var colon = line.IndexOf(':');
            if (colon > 0)
            {
                headers[line[..colon].Trim().ToLowerInvariant()] = line[(colon + 1)..].Trim();
            }
        }

        return parts.Length == 3 && parts[1].StartsWith('/') ? (parts[0], parts[1], headers) : (null, "", headers);
    }

    private static async Task WriteAsync(NetworkStream stream, HttpAnswer answer, bool close, CancellationToken cancellationToken)
    {
        var head = $"HTTP/1.1 {answer.Status} {(answer.Status < 400 ? "OK" : "Error")}\r\nContent-Type: {answer.ContentType}\r\nContent-Length: {answer.Body.Length}\r\n{(close ? "Connection: close\r\n" : "")}\r\n";
        byte[] bytes = [.. Encoding.ASCII.GetBytes(head), .. answer.Body];
        await stream.WriteAsync(bytes, cancellationToken);
    }
}
