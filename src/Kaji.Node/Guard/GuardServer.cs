using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Kaji.Linux.Files;
using Kaji.Linux.Processes;

namespace Kaji.Node.Guard;

/// <summary>
/// The guard of a node's fenced Pods: a process apart from the agent that knows a deadline for each and nothing else, and kills what is in the Pod's cgroups when nobody has
/// moved the deadline in time: because the agent is dead, frozen, or cut off. One command a line over a Unix socket, each answered before the agent lets the Pod act:
/// <code>
/// hello PID local|remote   → deadlines UID=NS …    who moves deadlines from now on; local: that process is also the only store of the cluster
/// begin PID local          → deadlines UID=NS …    the same of a new store, before it serves anybody: deadlines count anew
/// set UID NS TTL           → ok                    the deadline (CLOCK_BOOTTIME, ns), and how long it was when it was set
/// clear UID                → ok                    nothing is to be killed any more
/// halt                     → ok                    everything is killed now (kaji halt --local when no agent lives)
/// quit                     → ok                    the guard ends
/// </code>
/// </summary>
/// <remarks>
/// While the process that is the only store is dead, nobody can grant an epoch to anybody: deadlines stand still, and count anew when it is back (docs/fence.md).
/// </remarks>
public sealed class GuardServer(string socketPath, string cgroupParent, Action<string> say)
{
    private static readonly TimeSpan LongestSleep = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan KillAgain = TimeSpan.FromMilliseconds(10);

    /// <summary>How often a Pod that is overdue is looked at: its container may have been in the making when the others were killed, and starts afterwards.</summary>
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(100);

    /// <summary>How late the guard may come to a deadline and still know that nobody has granted meanwhile: half of what a kill may take. A machine that stood still oversleeps it.</summary>
    private static readonly TimeSpan InTime = TimeSpan.FromMilliseconds(500);

    private readonly Dictionary<string, (TimeSpan Deadline, TimeSpan Ttl)> _pods = new(StringComparer.Ordinal);
    private readonly PodCgroups _cgroups = new(cgroupParent);
    private readonly Lock _gate = new();
    private readonly AutoResetEvent _changed = new(false);
    private PidFd? _store;
    private bool _frozen;
    private bool _over;

    /// <summary>Serves until it is told to quit; returns at once where another guard does, or is about to.</summary>
    public void Run()
    {
        using var only = FileLock.TryAcquire(socketPath + ".lock");
        if (only is null)
        {
            say($"another guard serves {socketPath}");
            return;
        }

        File.Delete(socketPath);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(socketPath));
        File.SetUnixFileMode(socketPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        listener.Listen(16);
        var accept = new Thread(() => Accept(listener)) { IsBackground = true };
        accept.Start();
        while (!_over)
        {
            var wait = KillOverdue();
            _changed.WaitOne(wait);
        }

        File.Delete(socketPath);
    }

    /// <returns>How long nothing is due.</returns>
    private TimeSpan KillOverdue()
    {
        string[] due;
        var wait = LongestSleep;
        lock (_gate)
        {
            if (_frozen)
            {
                return LongestSleep;
            }

            var now = SuspendedClock.Now;
            due = [.. _pods.Where(p => p.Value.Deadline <= now).Select(p => p.Key)];
            if (due.Length > 0 && _store is { } store && !store.Signal(0) && due.All(uid => now < _pods[uid].Deadline + InTime))
            {
                say("the cluster's server has ended: deadlines stand still until it is back");
                _frozen = true;
                return LongestSleep;
            }

            if (due.Length > 0)
            {
                wait = LookAgain;
            }

            foreach (var (deadline, _) in _pods.Values.Where(p => p.Deadline > now))
            {
                wait = deadline - now < wait ? deadline - now : wait;
            }
        }

        foreach (var uid in due)
        {
            if (_cgroups.Kill(uid))
            {
                say($"killed pod {uid}: its deadline was not moved in time");
                wait = KillAgain;
            }
        }

        return wait > KillAgain ? wait : KillAgain;
    }

    private void Accept(Socket listener)
    {
        while (!_over)
        {
            try
            {
                var client = listener.Accept();
                new Thread(() => Serve(client)) { IsBackground = true }.Start();
            }
            catch (Exception e) when (_over && e is SocketException or ObjectDisposedException)
            {
                // It was told to end, and has closed its socket.
                return;
            }
        }
    }

    private void Serve(Socket client)
    {
        try
        {
            using var stream = new NetworkStream(client, ownsSocket: true);
            using var reader = new StreamReader(stream, Encoding.ASCII);
            while (reader.ReadLine() is { } line)
            {
                stream.Write(Encoding.ASCII.GetBytes(Answer(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)) + "\n"));
            }
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            // The agent has gone: deadlines stay as they are, which is what the guard is for.
            say($"the agent has gone: {e.Message}");
        }
    }

    private string Answer(string[] words)
    {
        string answer;
        lock (_gate)
        {
            switch (words)
            {
                case ["begin" or "hello", var pid, var place]:
                    if (words[0] == "begin")
                    {
                        Count();
                    }

                    _frozen = false;
                    _store?.Dispose();
                    _store = place == "local" ? PidFd.TryOpen(int.Parse(pid, CultureInfo.InvariantCulture)) : null;
                    answer = "deadlines " + string.Join(' ', _pods.Select(p => $"{p.Key}={Nanoseconds(p.Value.Deadline)}"));
                    break;
                case ["set", var uid, var deadline, var ttl]:
                    _pods[uid] = (Time(deadline), Time(ttl));
                    answer = "ok";
                    break;
                case ["clear", var uid]:
                    _pods.Remove(uid);
                    answer = "ok";
                    break;
                case ["halt"]:
                    foreach (var uid in _pods.Keys.ToArray())
                    {
                        _pods[uid] = (TimeSpan.Zero, TimeSpan.Zero);
                        _cgroups.Kill(uid);
                    }

                    (_frozen, _store) = (false, null);
                    answer = "ok";
                    break;
                case ["quit"]:
                    _over = true;
                    answer = "ok";
                    break;
                default:
                    return "what?";
            }
        }

        _changed.Set();
        return answer;
    }

    /// <summary>A new store is about to serve: from now on somebody can grant again, so deadlines count again, each for as long as it was; but for those that are overdue.</summary>
    private void Count()
    {
        var now = SuspendedClock.Now;
        foreach (var (uid, (deadline, ttl)) in _pods.ToArray())
        {
            if (_frozen || now < deadline + InTime)
            {
                _pods[uid] = (now + ttl, ttl);
            }
        }
    }

    internal static string Nanoseconds(TimeSpan time) => (time.Ticks * 100).ToString(CultureInfo.InvariantCulture);

    internal static TimeSpan Time(string nanoseconds) => TimeSpan.FromTicks(long.Parse(nanoseconds, CultureInfo.InvariantCulture) / 100);
}
