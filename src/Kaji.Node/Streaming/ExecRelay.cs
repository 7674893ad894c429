using System.Buffers;
using Kaji.Engine;

namespace Kaji.Node.Streaming;

/// <summary>Carries bytes, sizes and the exit code between a container's process and the client, until one of them is done.</summary>
internal sealed class ExecRelay(IRemoteClient client, TimeProvider time, TimeSpan drain)
{
    private const int Chunk = 32 * 1024;
    private static readonly TimeSpan FirstSize = TimeSpan.FromMilliseconds(500);

    /// <summary>Opens the session and relays. A session that can't be opened is told to the client; a client that leaves ends the relay without a word.</summary>
    /// <param name="tty">With a terminal the client's first size is waited for a little, so that the command finds it set when it starts.</param>
    public async Task RunAsync(Func<(int Columns, int Rows)?, CancellationToken, Task<IStreamSession>> open, bool tty)
    {
        byte[] status;
        try
        {
            await using var session = await open(tty ? await FirstSizeAsync() : null, client.Gone);
            status = ExecStatus.OfExit(await RelayAsync(session));
        }
        catch (EngineException e)
        {
            status = ExecStatus.OfFailure($"error executing command in container: {e.Message}");
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException && client.Gone.IsCancellationRequested)
        {
            return;
        }

        await client.FinishAsync(status, client.Gone);
    }

    private async Task<(int Columns, int Rows)?> FirstSizeAsync()
    {
        try
        {
            await client.Resizes.WaitToReadAsync(client.Gone).AsTask().WaitAsync(FirstSize, time, client.Gone);
            return client.Resizes.TryRead(out var size) ? (size.Width, size.Height) : null;
        }
        catch (TimeoutException)
        {
            // A client without a terminal of its own sends none.
            return null;
        }
    }

    private async Task<int> RelayAsync(IStreamSession session)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(client.Gone);
        var output = Task.WhenAll(
            CopyAsync(session.Stdout, client.Stdout ?? Stream.Null, ending.Token),
            session.Stderr is null ? Task.CompletedTask : CopyAsync(session.Stderr, client.Stderr ?? Stream.Null, ending.Token));
        var input = FeedAsync(session, ending.Token);
        var sizes = ResizeAsync(session, ending.Token);
        try
        {
            var code = await session.Exit.WaitAsync(client.Gone);

            // A process left in the background may hold the pipe open: what is in it now is sent, then the end does not wait for it.
            try
            {
                await output.WaitAsync(drain, time, client.Gone);
            }
            catch (TimeoutException)
            {
                return code;
            }

            return code;
        }
        finally
        {
            await ending.CancelAsync();
            await Settled(output);
            await Settled(input);
            await Settled(sizes);
        }
    }

    /// <summary>Client to process. The process may end before it has read everything: that is no error.</summary>
    private async Task FeedAsync(IStreamSession session, CancellationToken cancellationToken)
    {
        if (client.Stdin is null || session.Stdin is null)
        {
            return;
        }

        await CopyAsync(client.Stdin, session.Stdin, cancellationToken);
        await session.Stdin.DisposeAsync();
    }

    private async Task ResizeAsync(IStreamSession session, CancellationToken cancellationToken)
    {
        await foreach (var size in client.Resizes.ReadAllAsync(cancellationToken))
        {
            await session.ResizeAsync(size.Width, size.Height, cancellationToken);
        }
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
                await to.FlushAsync(cancellationToken);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Waits for a pump that was cancelled or whose far end closed first; the outcome of the relay is the exit code, not these.</summary>
    private static Task Settled(Task pump) => pump.ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
}
