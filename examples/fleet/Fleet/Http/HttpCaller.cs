using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Fleet.Http;

/// <summary>A host and port of <c>http://HOST:PORT</c>.</summary>
internal sealed record Address(string Host, int Port)
{
    public static Address Parse(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "ws" ? new Address(uri.Host, uri.Port) : throw new SettingException($"'{url}' is not an http:// address");
}

/// <summary>
/// An HTTP/1.1 client over one kept connection; after any failure it connects anew, asking DNS again, so it follows its Service. Not for several callers at once.
/// </summary>
internal sealed class HttpCaller(Address address, TimeSpan timeout) : IDisposable
{
    private const int MaxAnswer = 1024 * 1024;
    private NetworkStream? _stream;

    /// <summary>Sends and reads the answer; failures are <see cref="IOException"/>. A kept connection that was closed meanwhile is replaced once, if nothing of the answer came.</summary>
    public async Task<(int Status, string Body)> SendAsync(string method, string target, IReadOnlyList<(string Name, string Value)>? headers, string body, CancellationToken cancellationToken)
    {
        var payload = Encoding.UTF8.GetBytes(body);
        var head = new StringBuilder($"{method} {target} HTTP/1.1\r\nHost: {address.Host}:{address.Port}\r\nContent-Length: {payload.Length}\r\n");
        foreach (var (name, value) in headers ?? [])
        {
            head.Append($"{name}: {value}\r\n");
        }

        byte[] bytes = [.. Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()), .. payload];
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(timeout);
        try
        {
            var kept = _stream is not null;
            try
            {
                return await ExchangeAsync(bytes, limit.Token);
            }
            catch (IOException) when (kept)
            {
                Dispose();
                return await ExchangeAsync(bytes, limit.Token);
            }
        }
        catch (Exception e) when (e is IOException or SocketException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            Dispose();
            throw new IOException($"{method} http://{address.Host}:{address.Port}{target}: {(e is OperationCanceledException ? "timed out" : e.Message)}", e);
        }
    }

    public void Dispose()
    {
        _stream?.Dispose();
        _stream = null;
    }

    private async Task<(int Status, string Body)> ExchangeAsync(byte[] request, CancellationToken cancellationToken)
    {
        if (_stream is null)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(address.Host, address.Port, cancellationToken);
            }
            catch
            {
                socket.Dispose();
                throw;
            }

            _stream = new NetworkStream(socket, ownsSocket: true);
        }

        await _stream.WriteAsync(request, cancellationToken);
        var buffer = new byte[4096];
        var count = 0;
        int end;
        while ((end = buffer.AsSpan(0, count).IndexOf("\r\n\r\n"u8)) < 0)
        {
            if (count == buffer.Length)
            {
                Array.Resize(ref buffer, count * 2);
            }

            var read = await _stream.ReadAsync(buffer.AsMemory(count), cancellationToken);
            if (read == 0 || count > MaxAnswer)
            {
                throw new IOException("the connection ended");
            }

            count += read;
        }

        var lines = Encoding.Latin1.GetString(buffer, 0, end).Split("\r\n");
        var status = int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture);
        var length = lines.Where(l => l.StartsWith("content-length:", StringComparison.OrdinalIgnoreCase)).Select(l => int.Parse(l[15..], CultureInfo.InvariantCulture)).FirstOrDefault();
        if (length > MaxAnswer)
        {
            throw new IOException("the answer is too long");
        }

        var body = new byte[length];
        var have = Math.Min(length, count - end - 4);
        buffer.AsSpan(end + 4, have).CopyTo(body);
        await _stream.ReadExactlyAsync(body.AsMemory(have), cancellationToken);
        return (status, Encoding.UTF8.GetString(body));
    }
}
