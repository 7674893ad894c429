using System.Net.Sockets;
using System.Text.Json;
using System.Threading.Channels;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Warden;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Bots;

/// <summary>
/// A halt made on this machine (<c>kaji halt --local</c>) for all bots on it, whatever has become of the API server: a file, so that it survives restarts. While the file is
/// there, no bot acts here. When the API server can be reached, the agent makes one Halt of it that names the bots of this machine, adds those that come later, and writes its
/// name into the file; when that Halt is released, the file goes.
/// </summary>
/// <param name="bots">NAMESPACE/NAME of the bots that are on this machine now.</param>
internal sealed partial class LocalHalt(string file, HaltBook halts, IInformer<Halt> informer, Func<IEnumerable<string>> bots, IApiClient client, TimeProvider time, ILogger log) : IDisposable
{
    private static readonly TimeSpan TellEvery = TimeSpan.FromSeconds(2);
    private readonly Channel<bool> _looks = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    // A bot that has ended here before its Halt was made belongs to it too.
    private readonly HashSet<string> _bots = new(StringComparer.Ordinal);
    private FileSystemWatcher? _watcher;

    // Why the file could not be read; null when it could, or is not there.
    private string? _unread;

    /// <summary>Follows the file until cancelled. It is first read before this returns: no bot may start in between.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        halts.Changed += Look;
        var first = LookAsync(cancellationToken);
        Watch();
        Look();
        await first;
        while (!cancellationToken.IsCancellationRequested)
        {
            using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            if (halts.Local is not null || _watcher is null || _unread is not null)
            {
                wait.CancelAfter(TellEvery);
            }

            try
            {
                await _looks.Reader.ReadAsync(wait.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                // Time to look again.
            }
            catch (OperationCanceledException)
            {
                return;
            }

            await LookAsync(cancellationToken);
        }
    }

    /// <summary>Something has changed: the file, a Halt, the bots of this machine.</summary>
    public void Look() => _looks.Writer.TryWrite(true);

    /// <summary>Writes the file of a new halt, whole or not at all.</summary>
    public static void Write(string file, bool flatten, string why) => Write(file, new LocalOrder(flatten, why, null));

    /// <summary>Takes a halt back of which the server does not know; false when there is none.</summary>
    public static bool LiftUntold(string file)
    {
        if (Read(file) is not { Halt: null })
        {
            return false;
        }

        File.Delete(file);
        return true;
    }

    public void Dispose()
    {
        halts.Changed -= Look;
        _watcher?.Dispose();
    }

    private static void Write(string file, LocalOrder order)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file + ".new", order.Format());
        File.Move(file + ".new", file, overwrite: true);
    }

    private static LocalOrder? Read(string file)
    {
        try
        {
            return LocalOrder.Parse(File.ReadAllText(file));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Without a watcher (the machine may have no inotify instance left) the file is read every two seconds.</summary>
    private void Watch()
    {
        FileSystemWatcher? watcher = null;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            watcher = new FileSystemWatcher(Path.GetDirectoryName(file)!, Path.GetFileName(file));
            watcher.Changed += (_, _) => Look();
            watcher.Created += (_, _) => Look();
            watcher.Renamed += (_, _) => Look();
            watcher.Deleted += (_, _) => Look();
            watcher.EnableRaisingEvents = true;
            _watcher = watcher;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            watcher?.Dispose();
            NotWatched(file, e.Message, TellEvery.TotalSeconds);
        }
    }

    private async Task LookAsync(CancellationToken cancellationToken)
    {
        LocalOrder? order;
        try
        {
            order = Read(file);
            _unread = null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            if (_unread != e.Message)
            {
                _unread = e.Message;
                Unreadable(file, e.Message, TellEvery.TotalSeconds);
            }

            return;
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TellEvery);
        try
        {
            await FollowAsync(order, limit.Token);
        }
        catch (Exception e) when (e is ApiException or HttpRequestException or IOException or SocketException or UnauthorizedAccessException or JsonException or OperationCanceledException)
        {
            // It stays in force until it is known to be released.
            NotTold(e.Message, TellEvery.TotalSeconds);
        }
    }

    private async Task FollowAsync(LocalOrder? order, CancellationToken cancellationToken)
    {
        if (order is null)
        {
            Lift();
            return;
        }

        var local = new HaltOrder("local", order.Flatten, order.Why);
        if (halts.Local != local)
        {
            Halted(order.Why);
            halts.Local = local;
        }

        _bots.UnionWith(bots());
        if (order.Halt is { } name)
        {
            await KeepAsync(name, cancellationToken);
        }
        else if (_bots.Count > 0)
        {
            await TellAsync(order, cancellationToken);
        }
    }

    /// <summary>Adds bots to the Halt; when it is released, or gone, so is the halt here.</summary>
    private async Task KeepAsync(string name, CancellationToken cancellationToken)
    {
        // The informer is asked first: bots are on their way back as soon as it is released. That it is gone only the server knows, and asked for a list it says so of this Halt, not of the kind.
        var halt = informer.Get(null, name) is { Spec.Released: not null } released ? released
            : (await client.ListAsync(BotKinds.Halt, null, new ListOptions { FieldSelector = $"metadata.name={name}" }, cancellationToken)).Items.FirstOrDefault();
        if (halt is not { Spec.Released: null })
        {
            // A newer one may have been made meanwhile.
            if (Read(file)?.Halt == name)
            {
                File.Delete(file);
                Lift();
            }

            return;
        }

        if (LocalOrder.Adding(halt.Spec, _bots) is { } more)
        {
            await client.UpdateAsync(BotKinds.Halt, halt with { Spec = more }, cancellationToken: cancellationToken);
        }
    }

    private async Task TellAsync(LocalOrder order, CancellationToken cancellationToken)
    {
        var host = System.Net.Dns.GetHostName();
        var name = order.NameOn(host, File.GetLastWriteTimeUtc(file));
        try
        {
            await client.CreateAsync(BotKinds.Halt, new Halt
            {
                Metadata = new V1ObjectMeta { Name = name },
                Spec = new HaltSpec { Bots = [.. _bots.Order(StringComparer.Ordinal)], Flatten = order.Flatten, Why = order.Why, By = $"root on {host} (kaji halt --local)" },
            }, cancellationToken);
        }
        catch (ApiException e) when (e.IsAlreadyExists)
        {
            // It was made, and the answer or this agent got lost.
        }

        if (Read(file) == order)
        {
            Write(file, order with { Halt = name });
            Told(name);
        }
        else if (!File.Exists(file))
        {
            // Taken back in this moment: whoever did that does not know of the Halt.
            var made = await client.GetAsync(BotKinds.Halt, null, name, cancellationToken);
            await client.UpdateAsync(BotKinds.Halt, made with { Spec = made.Spec with { Released = new HaltRelease { By = made.Spec.By, Why = "taken back on its machine", At = time.GetUtcNow().UtcDateTime } } }, cancellationToken: cancellationToken);
        }
    }

    private void Lift()
    {
        _bots.Clear();
        if (halts.Local is not null)
        {
            Lifted();
            halts.Local = null;
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "all bots of this machine are halted by hand: {why}")]
    private partial void Halted(string why);

    [LoggerMessage(2, LogLevel.Information, "the halt made on this machine is now Halt {name}")]
    private partial void Told(string name);

    [LoggerMessage(3, LogLevel.Debug, "the halt made on this machine is not told yet ({why}); again in {seconds} s")]
    private partial void NotTold(string why, double seconds);

    [LoggerMessage(4, LogLevel.Information, "the halt made on this machine is lifted")]
    private partial void Lifted();

    [LoggerMessage(5, LogLevel.Warning, "{file} can't be watched ({why}); it is read every {seconds} s")]
    private partial void NotWatched(string file, string why, double seconds);

    [LoggerMessage(6, LogLevel.Error, "{file}, by which this machine is halted, can't be read ({why}); again in {seconds} s")]
    private partial void Unreadable(string file, string why, double seconds);
}
