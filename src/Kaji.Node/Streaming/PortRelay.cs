using System.Buffers;

namespace Kaji.Node.Streaming;

/// <summary>Joins a forwarded connection with the Pod's port: both directions, each ended on its own, as TCP does.</summary>
internal static class PortRelay
{
    private const int Chunk = 32 * 1024;

    /// <param name="from">What the client sends.</param>
    /// <param name="port">The connection to the Pod.</param>
    /// <param name="to">What the client gets.</param>
    /// <param name="endClient">Tells the client that the Pod sends no more.</param>
    public static async Task RunAsync(Stream from, Stream port, Func<Task> endClient, Stream to, CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var up = UpAsync(from, port, ending.Token);
        var down = DownAsync(port, to, endClient, ending.Token);

        // The Pod's side ending ends the connection, even when the client goes on sending; the client's side ending does not.
        try
        {
            if (await Task.WhenAny(up, down) == up)
            {
                await up;
            }

            await down;
        }
        finally
        {
            await ending.CancelAsync();
            await Task.WhenAll(up, down).ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    private static async Task UpAsync(Stream client, Stream port, CancellationToken cancellationToken)
    {
        await CopyAsync(client, port, cancellationToken);
        if (port is System.Net.Sockets.NetworkStream network)
        {
            network.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        }
    }

    private static async Task DownAsync(Stream port, Stream client, Func<Task> endClient, CancellationToken cancellationToken)
    {
        await CopyAsync(port, client, cancellationToken);
        await endClient();
    }

    private static async Task CopyAsync(Stream from, Stream to, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(Chunk);
        try
        {
            int count;
            while ((count = await from.ReadAsync(buffer.AsMemory(0, Chunk), cancellationToken)) > 0)
            {
                await to.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
