using System.Net.Sockets;
using System.Text;
using Kaji.Linux.Processes;
using Microsoft.Extensions.Logging;

namespace Kaji.Node.Guard;

/// <summary>How an agent reaches its guard, and starts it.</summary>
/// <param name="Local">Whether this process is also the cluster's only store.</param>
/// <param name="Start">Starts the guard process, detached; it listens on the socket soon.</param>
public sealed record GuardOptions(string SocketPath, bool Local, Action Start);

/// <summary>The agent's side of the guard: starts it when it is not there, and tells it deadlines. A guard that died is started anew and told all that it has to know.</summary>
public sealed partial class GuardClient(GuardOptions options, TimeProvider time, ILogger log) : IDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(3);

    /// <summary>A guard that takes longer is frozen: whoever asked does without, and the others' turn comes.</summary>
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(1);

    /// <summary>Of a new store's first word, without which it does not serve: a busy machine gets more time.</summary>
    private static readonly TimeSpan BeginLimit = TimeSpan.FromSeconds(10);
    private readonly SemaphoreSlim _turn = new(1, 1);

    // What the guard has to know; null for a Pod that it has to forget.
    private readonly Dictionary<string, (TimeSpan Deadline, TimeSpan Ttl)?> _told = new(StringComparer.Ordinal);
    private Dictionary<string, TimeSpan> _found = new(StringComparer.Ordinal);
    private NetworkStream? _stream;
    private StreamReader? _reader;

    /// <summary>Connects to a guard that an agent before this one left; does nothing when there is none. Call before the API server is reachable again.</summary>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="IOException">There is one that does not answer a new store, which must not serve: the guard would hear later that deadlines count anew.</exception>
    public async Task<bool> AdoptAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (File.Exists(options.SocketPath))
            {
                await (options.Local ? ConnectAsync("begin", BeginLimit, cancellationToken) : ConnectAsync("hello", AnswerLimit, cancellationToken));
                return true;
            }
        }
        catch (Exception e) when (e is SocketException or IOException && (e is not SilentException || !options.Local))
        {
            // A socket file without a guard behind it: whoever needs one starts it.
            NoGuard(e.Message);
        }
        finally
        {
            _turn.Release();
        }

        return false;
    }

    /// <summary>When the guard will kill a Pod that an agent before this one had registered; null when it knows none such.</summary>
    public TimeSpan? DeadlineOf(string uid) => _found.TryGetValue(uid, out var deadline) ? deadline : null;

    /// <summary>Moves a Pod's deadline; when it returns the guard knows.</summary>
    /// <exception cref="IOException">No guard can be reached: the Pod must not act.</exception>
    public Task SetAsync(string uid, TimeSpan deadline, CancellationToken cancellationToken) => AskAsync(uid, (deadline, deadline - SuspendedClock.Now), cancellationToken);

    /// <summary>The Pod is dead.</summary>
    public Task ClearAsync(string uid, CancellationToken cancellationToken) => AskAsync(uid, null, cancellationToken);

    public void Dispose()
    {
        _reader?.Dispose();
        _stream?.Dispose();
        _turn.Dispose();
    }

    private async Task AskAsync(string uid, (TimeSpan Deadline, TimeSpan Ttl)? what, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            _told[uid] = what;
            if (_stream is not null)
            {
                try
                {
                    await TellAsync(uid, what, cancellationToken);
                    return;
                }
                catch (Exception e) when (e is SocketException or IOException and not SilentException)
                {
                    Lost(e.Message);
                }
            }

            await StartAsync(cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task TellAsync(string uid, (TimeSpan Deadline, TimeSpan Ttl)? what, CancellationToken cancellationToken)
    {
        if (what is var (deadline, ttl))
        {
            await SayAsync($"set {uid} {GuardServer.Nanoseconds(deadline)} {GuardServer.Nanoseconds(ttl)}", AnswerLimit, cancellationToken);
        }
        else
        {
            await SayAsync($"clear {uid}", AnswerLimit, cancellationToken);
            _told.Remove(uid);
        }
    }

    /// <summary>A guard that is there, or a new one; told everything.</summary>
    private async Task StartAsync(CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        var started = false;
        while (true)
        {
            try
            {
                await ConnectAsync("hello", AnswerLimit, cancellationToken);
                foreach (var (uid, what) in _told.ToArray())
                {
                    await TellAsync(uid, what, cancellationToken);
                }

                return;
            }
            catch (Exception e) when (e is SocketException or IOException and not SilentException)
            {
                if (time.GetElapsedTime(began) > StartLimit)
                {
                    throw new IOException($"the guard of this node can't be reached: {e.Message}", e);
                }

                if (!started)
                {
                    options.Start();
                    started = true;
                }

                await Task.Delay(TimeSpan.FromMilliseconds(10), time, cancellationToken);
            }
        }
    }

    private async Task ConnectAsync(string word, TimeSpan limit, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(options.SocketPath), cancellationToken);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        _stream = new NetworkStream(socket, ownsSocket: true);
        _reader = new StreamReader(_stream, Encoding.ASCII);
        var answer = await SayAsync($"{word} {Environment.ProcessId} {(options.Local ? "local" : "remote")}", limit, cancellationToken);
        _found = answer.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(p => p.Split('=')).ToDictionary(p => p[0], p => GuardServer.Time(p[1]), StringComparer.Ordinal);
    }

    /// <summary>One command and its answer. However it fails the connection ends: an answer that comes later must not be taken for the next command's.</summary>
    private async Task<string> SayAsync(string line, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        try
        {
            await _stream!.WriteAsync(Encoding.ASCII.GetBytes(line + "\n"), either.Token);
            return await _reader!.ReadLineAsync(either.Token) ?? throw new IOException("the guard closed the connection");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            Disconnect();
            throw new SilentException($"the guard of this node has not answered for {limit.TotalSeconds:0} s: is the process `kaji guard` frozen?");
        }
        catch
        {
            Disconnect();
            throw;
        }
    }

    private void Disconnect()
    {
        _reader?.Dispose();
        _stream?.Dispose();
        (_reader, _stream) = (null, null);
    }

    [LoggerMessage(1, LogLevel.Warning, "the guard has gone ({why}); starting it anew")]
    private partial void Lost(string why);

    [LoggerMessage(2, LogLevel.Information, "no guard was left: {why}")]
    private partial void NoGuard(string why);

    /// <summary>A guard is there and holds its place; starting another is no use.</summary>
    private sealed class SilentException(string message) : IOException(message);
}
