using System.Net.Sockets;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Warden;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Bots;

/// <summary>
/// A halt made on this machine (<c>kaji halt --local</c>) for all bots on it, whatever has become of the API server: a file, so that it survives restarts. When the API server
/// can be reached, the halt becomes a Halt object there, which <c>kaji resume</c> releases, and the file goes.
/// </summary>
internal sealed partial class LocalHalt(string file, HaltBook halts, IApiClient client, ILogger log) : IDisposable
{
    private static readonly TimeSpan TellEvery = TimeSpan.FromSeconds(2);
    private readonly SemaphoreSlim _changed = new(1, 1);
    private FileSystemWatcher? _watcher;

    /// <summary>Follows the file until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        _watcher = new FileSystemWatcher(Path.GetDirectoryName(file)!, Path.GetFileName(file)) { EnableRaisingEvents = true };
        _watcher.Changed += (_, _) => Look();
        _watcher.Created += (_, _) => Look();
        _watcher.Renamed += (_, _) => Look();
        _watcher.Deleted += (_, _) => Look();
        try
        {
            while (true)
            {
                await _changed.WaitAsync(halts.Local is null ? Timeout.InfiniteTimeSpan : TellEvery, cancellationToken);
                if (Read() is not { } order)
                {
                    halts.Local = null;
                    continue;
                }

                if (halts.Local != order)
                {
                    Halted(order.Why);
                    halts.Local = order;
                }

                await TellAsync(order, cancellationToken);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return;
        }
    }

    /// <summary>Writes the file, whole or not at all.</summary>
    public static void Write(string file, bool flatten, string why)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file + ".new", $"{(flatten ? "flatten" : "keep")}\n{why.ReplaceLineEndings(" ")}\n");
        File.Move(file + ".new", file, overwrite: true);
    }

    public void Dispose()
    {
        _watcher?.Dispose();
        _changed.Dispose();
    }

    private void Look()
    {
        if (_changed.CurrentCount == 0)
        {
            _changed.Release();
        }
    }

    private HaltOrder? Read()
    {
        if (!File.Exists(file))
        {
            return null;
        }

        var lines = File.ReadAllLines(file);
        return new HaltOrder("local", lines.FirstOrDefault() == "flatten", lines.Skip(1).FirstOrDefault() ?? "");
    }

    private async Task TellAsync(HaltOrder order, CancellationToken cancellationToken)
    {
        try
        {
            var made = await client.CreateAsync(BotKinds.Halt, new Halt
            {
                Metadata = new V1ObjectMeta { GenerateName = "local-" },
                Spec = new HaltSpec { All = true, Flatten = order.Flatten, Why = order.Why, By = $"root on {System.Net.Dns.GetHostName()} (kaji halt --local)" },
            }, cancellationToken);
            Told(made.Metadata.Name);
            File.Delete(file);
            halts.Local = null;
        }
        catch (Exception e) when (e is ApiException or HttpRequestException or IOException or SocketException)
        {
            NotTold(e.Message, TellEvery.TotalSeconds);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "all bots of this machine are halted by hand: {why}")]
    private partial void Halted(string why);

    [LoggerMessage(2, LogLevel.Information, "the halt made on this machine is now Halt {name}")]
    private partial void Told(string name);

    [LoggerMessage(3, LogLevel.Debug, "the halt made on this machine is not told yet ({why}); again in {seconds} s")]
    private partial void NotTold(string why, double seconds);
}
