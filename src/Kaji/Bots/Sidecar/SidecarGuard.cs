using System.Diagnostics;
using System.Globalization;
using Kaji.Bots.Warden;
using Kaji.Linux.Processes;
using Kaji.Startup;

namespace Kaji.Bots.Sidecar;

/// <summary>
/// The guard of a Pod with a sidecar: the container's main process, which starts the warden as a child, is told each deadline over a pipe, and kills the bot when nobody has
/// moved it in time. A warden that dies is started again and goes on with the deadline that stands.
/// </summary>
internal sealed class SidecarGuard
{
    public const string DeadlineVariable = "KAJI_WARDEN_DEADLINE";
    private static readonly TimeSpan KillAgain = TimeSpan.FromMilliseconds(10);
    private readonly Lock _gate = new();
    private TimeSpan? _deadline;
    private Process? _warden;
    private bool _told;

    /// <summary>Runs until the warden has done its work.</summary>
    public int Run()
    {
        var clock = new Thread(Watch) { IsBackground = true };
        clock.Start();
        using var term = System.Runtime.InteropServices.PosixSignalRegistration.Create(System.Runtime.InteropServices.PosixSignal.SIGTERM, context =>
        {
            // The bot is gone (sidecars are told last): the warden releases the epoch and ends.
            context.Cancel = true;
            _told = true;
            Tell();
        });
        while (true)
        {
            string[] words = [.. ServerProcess.SelfCommand(), "warden", "--child"];
            var start = new ProcessStartInfo(words[0], words.Skip(1)) { RedirectStandardOutput = true, RedirectStandardInput = true, UseShellExecute = false };
            lock (_gate)
            {
                start.Environment[DeadlineVariable] = _deadline is { } known ? known.Ticks.ToString(CultureInfo.InvariantCulture) : "";
            }

            using var warden = Process.Start(start) ?? throw new InvalidOperationException("the warden could not be started");
            _warden = warden;
            if (_told)
            {
                Tell();
            }

            while (warden.StandardOutput.ReadLine() is { } line)
            {
                lock (_gate)
                {
                    _deadline = line.Split(' ') is ["deadline", var ticks] ? TimeSpan.FromTicks(long.Parse(ticks, CultureInfo.InvariantCulture)) : null;
                }

                warden.StandardInput.WriteLine("ok");
                warden.StandardInput.Flush();
            }

            warden.WaitForExit();
            if (warden.ExitCode == 0)
            {
                return ExitCodes.Ok;
            }

            Console.Error.WriteLine($"the warden ended with {warden.ExitCode}; starting it again");
            Thread.Sleep(KillAgain);
        }
    }

    private void Tell()
    {
        try
        {
            using var process = _warden is { HasExited: false } warden ? PidFd.TryOpen(warden.Id) : null;
            process?.Signal(Signals.Terminate);
        }
        catch (InvalidOperationException e)
        {
            Console.Error.WriteLine($"the warden is being started: {e.Message}");
        }
    }

    private void Watch()
    {
        while (true)
        {
            TimeSpan? deadline;
            lock (_gate)
            {
                deadline = _deadline;
            }

            var left = deadline is { } at ? at - SuspendedClock.Now : TimeSpan.FromMilliseconds(200);
            if (deadline is not null && left <= TimeSpan.Zero)
            {
                if (PodProcesses.Signal(Signals.Kill))
                {
                    Console.Error.WriteLine("killed the bot: its deadline was not moved in time");
                }

                left = KillAgain;
            }

            Thread.Sleep(left < TimeSpan.FromMilliseconds(200) ? left : TimeSpan.FromMilliseconds(200));
        }
    }
}

/// <summary>The warden's side: says deadlines on standard output, waits for the guard's answer on standard input.</summary>
internal sealed class SidecarGuardClient : IDeadlineGuard
{
    private readonly SemaphoreSlim _turn = new(1, 1);

    public Task SetAsync(TimeSpan deadline, CancellationToken cancellationToken) => SayAsync("deadline " + deadline.Ticks.ToString(CultureInfo.InvariantCulture), cancellationToken);

    public Task ClearAsync(CancellationToken cancellationToken) => SayAsync("clear", cancellationToken);

    private async Task SayAsync(string line, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await Console.Out.WriteLineAsync(line.AsMemory(), cancellationToken);
            await Console.Out.FlushAsync(cancellationToken);
            if (await Console.In.ReadLineAsync(cancellationToken) is null)
            {
                throw new IOException("the guard has gone");
            }
        }
        finally
        {
            _turn.Release();
        }
    }
}
