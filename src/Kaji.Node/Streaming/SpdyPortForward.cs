using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Kaji.Engine;
using Kaji.Node.Streaming.Spdy;

namespace Kaji.Node.Streaming;

/// <summary>
/// Port-forward over a SPDY session: for each connection that the client takes, it opens two streams of one <c>requestID</c>, <c>streamType</c> error and
/// data, with the <c>port</c>. The error stream always ends; when it carries text, that is why the connection failed.
/// </summary>
internal sealed class SpdyPortForward(SpdySession session, string pod, Func<int, CancellationToken, Task<Stream>> open)
{
    private readonly Dictionary<string, SpdyStream> _halves = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Task, byte> _running = new();

    /// <summary>Until the client leaves.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var stream in session.Incoming.ReadAllAsync(cancellationToken))
            {
                if (!_halves.Remove(stream.Header("requestID"), out var other))
                {
                    _halves[stream.Header("requestID")] = stream;
                    continue;
                }

                var (error, data) = stream.Header("streamType") == "error" ? (stream, other) : (other, stream);
                var forwarding = ForwardAsync(error, data);
                _running[forwarding] = 0;
                _ = forwarding.ContinueWith(done => _running.TryRemove(done, out _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }
        }
        finally
        {
            await session.DisposeAsync();
            await Task.WhenAll(_running.Keys);
        }
    }

    private async Task ForwardAsync(SpdyStream error, SpdyStream data)
    {
        var gone = data.LostToken;
        try
        {
            error.StopReading();
            if (!int.TryParse(data.Header("port"), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is 0 or > ushort.MaxValue)
            {
                await error.WriteAsync(Encoding.UTF8.GetBytes($"{data.Header("port")} is not a port"), gone);
            }
            else
            {
                await ForwardAsync(error, data, port, gone);
            }

            data.StopReading();
            await data.EndAsync(gone);
            await error.EndAsync(session.Gone);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The client closed this connection or the whole session.
            data.StopReading();
        }
    }

    private async Task ForwardAsync(SpdyStream error, SpdyStream data, int port, CancellationToken gone)
    {
        Stream connection;
        try
        {
            connection = await open(port, gone);
        }
        catch (Exception e) when (e is EngineException or IOException or System.Net.Sockets.SocketException)
        {
            await error.WriteAsync(Encoding.UTF8.GetBytes(PortForwarding.Failure(pod, port, e)), gone);
            return;
        }

        await using (connection)
        {
            try
            {
                await PortRelay.RunAsync(data, connection, () => data.EndAsync(gone), data, gone);
            }
            catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException && !gone.IsCancellationRequested)
            {
                await error.WriteAsync(Encoding.UTF8.GetBytes(PortForwarding.Failure(pod, port, e)), gone);
            }
        }
    }
}

/// <summary>Words of port-forward.</summary>
internal static class PortForwarding
{
    /// <summary>Subprotocol of a WebSocket that tunnels a SPDY session.</summary>
    public const string Tunnel = "SPDY/3.1+portforward.k8s.io";

    public static string Failure(string pod, int port, Exception e) =>
        string.Create(CultureInfo.InvariantCulture, $"an error occurred forwarding {port} -> {port}: error forwarding port {port} to pod {pod}: {e.Message}");
}
