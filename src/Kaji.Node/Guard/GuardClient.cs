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
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Dictionary<string, (TimeSpan Deadline, TimeSpan Ttl)> _told = new(StringComparer.Ordinal);
    private Dictionary<string, TimeSpan> _found = new(StringComparer.Ordinal);
    private NetworkStream? _stream;
    private StreamReader? _reader;

    /// <summary>Connects to a guard that an agent before this one left; does nothing when there is none. Call before the API server is reachable again.</summary>
    /// <returns>Whether there was one.</returns>
    public async Task<bool> AdoptAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (File.Exists(options.SocketPath))
            {
                await ConnectAsync(options.Local ? "begin" : "hello", cancellationToken);
                return true;
            }
        }
        catch (Exception e) when (e is IOException or SocketException)
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
    public async Task SetAsync(string uid, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var ttl = deadline - SuspendedClock.Now;
        await AskAsync(() => _told[uid] = (deadline, ttl), Set(uid, deadline, ttl), cancellationToken);
    }

    /// <summary>The Pod is dead.</summary>
    public Task ClearAsync(string uid, CancellationToken cancellationToken) => AskAsync(() => _told.Remove(uid), $"clear {uid}", cancellationToken);

    public void Dispose()
    {
        _reader?.Dispose();
        _stream?.Dispose();
        _turn.Dispose();
    }

    private static string Set(string uid, TimeSpan deadline, TimeSpan ttl) => $"set {uid} {GuardServer.Nanoseconds(deadline)} {GuardServer.Nanoseconds(ttl)}";

    private async Task AskAsync(Action note, string line, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            note();
            if (_stream is not null)
            {
                try
                {
                    await SayAsync(line, cancellationToken);
                    return;
                }
                catch (Exception e) when (e is IOException or SocketException)
                {
                    Lost(e.Message);
                    Disconnect();
                }
            }

            await StartAsync(cancellationToken);
        }
        finally
        {
            _turn.Release();
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
                await ConnectAsync("hello", cancellationToken);
                foreach (var (uid, (deadline, ttl)) in _told)
                {
                    await SayAsync(Set(uid, deadline, ttl), cancellationToken);
                }

                return;
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                Disconnect();
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

    private async Task ConnectAsync(string word, CancellationToken cancellationToken)
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
        var answer = await SayAsync($"{word} {Environment.ProcessId} {(options.Local ? "local" : "remote")}", cancellationToken);
        _found = answer.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(p => p.Split('=')).ToDictionary(p => p[0], p => GuardServer.Time(p[1]), StringComparer.Ordinal);
    }

    private async Task<string> SayAsync(string line, CancellationToken cancellationToken)
    {
        await _stream!.WriteAsync(Encoding.ASCII.GetBytes(line + "\n"), cancellationToken);
        return await _reader!.ReadLineAsync(cancellationToken) ?? throw new IOException("the guard closed the connection");
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
}
