using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Operator;
using Kaji.Bots.Warden;
using Kaji.Client;
using Kaji.Linux.Processes;
using Microsoft.Extensions.Logging;

namespace Kaji.Bots.Sidecar;

/// <summary>
/// The bot's warden from inside its Pod: serves the kubelet's questions (<c>/open</c> for the startup probe, <c>/stop</c> for the bot's preStop), follows the Pod for requests to
/// yield, sees the bot's processes start and end, and kills them when the fence says so.
/// </summary>
internal sealed class SidecarWarden(string ns, string pod, IApiClient client, TimeProvider time, ILoggerFactory logging) : IHolder
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(50);
    private readonly HaltBook _halts = new();
    private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _open;
    private volatile bool _barred;
    private volatile bool _ran;
    private BotWarden _warden = null!;

    public string? Address => "127.0.0.1";

    public async Task RunAsync()
    {
        using var end = new CancellationTokenSource();
        var own = await client.GetAsync(Client.Kinds.Pod, ns, pod, end.Token);
        var plan = WardenPlan.Of(own) ?? throw new InvalidOperationException($"Pod {ns}/{pod} has no annotation {BotNames.PlanAnnotation}");
        using var hooks = new HookCaller();
        var services = new WardenServices(client, _halts, hooks, () => SuspendedClock.Now, time, logging.CreateLogger<BotWarden>());
        var informers = new InformerFactory(client, time, logging);
        _halts.Follow(informers.For(BotKinds.Halt));
        informers.For(Client.Kinds.Pod, ns, $"metadata.name={pod}").Subscribe(c =>
        {
            if (c.New is { } now)
            {
                _warden.Changed(now);
                if (now.Status?.ContainerStatuses?.FirstOrDefault(s => s.Name == plan.Container)?.State?.Terminated is { } ended)
                {
                    // Other containers of the Pod may live on; the bot does not.
                    _warden.Ended(ended.ExitCode, ended.FinishedAt ?? time.GetUtcNow());
                }
            }
        });
        var running = PodProcesses.Others().Count > 0;
        TimeSpan? adopted = !running ? null
            : Environment.GetEnvironmentVariable(SidecarGuard.DeadlineVariable) is { Length: > 0 } ticks ? TimeSpan.FromTicks(long.Parse(ticks, CultureInfo.InvariantCulture))
            : plan.Standby ? TimeSpan.MaxValue : SuspendedClock.Now;
        using var warden = _warden = new BotWarden(services, plan, ns, pod, this, new SidecarGuardClient(), adopted);
        using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            _over.TrySetResult();
        });
        var following = informers.RunAsync(end.Token);
        var serving = ServeAsync("/stop/" + plan.StopKey, end.Token);
        var looking = FollowProcessesAsync(running, end.Token);
        var work = _warden.RunAsync();
        var first = await Task.WhenAny(work, _over.Task, serving);
        if (first == serving)
        {
            // Its port is another's: the guard starts this anew, and kills the bot at its deadline.
            await serving;
        }

        if (first == _over.Task)
        {
            if (_ran && PodProcesses.Others().Count == 0)
            {
                // Unless it was asked to stop, it ended by itself.
                _warden.Ended(null, time.GetUtcNow());
            }

            await _warden.FinishAsync(end.Token);
        }

        await work;

        // A container that is still on its way must not start: this stays until the kubelet ends it, after all others.
        _barred = true;
        await Task.WhenAny(_over.Task, serving);
        await end.CancelAsync();
        await Task.WhenAll(following, serving, looking).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Open() => _open = true;

    public async Task KillAsync(CancellationToken cancellationToken)
    {
        _barred = true;
        while (PodProcesses.Signal(Signals.Kill))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), time, cancellationToken);
        }
    }

    public async Task<bool> TerminateAsync(TimeSpan grace, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        PodProcesses.Signal(Signals.Terminate);
        while (PodProcesses.Others().Count > 0)
        {
            if (time.GetElapsedTime(began) > grace)
            {
                await KillAsync(cancellationToken);
                return false;
            }

            await Task.Delay(LookEvery, time, cancellationToken);
        }

        return true;
    }

    public Task<(int ExitCode, string Output)> ExecAsync(IReadOnlyList<string> command, TimeSpan timeout, CancellationToken cancellationToken) => Task.FromResult((126, "a sidecar can't run commands in the bot's container"));

    public string? PathOf(string path) => path.StartsWith(NotifySocket.Folder + "/", StringComparison.Ordinal) ? path : null;

    /// <summary>Tells the warden when the bot's processes have come and gone. There is no event for another container's processes.</summary>
    private async Task FollowProcessesAsync(bool running, CancellationToken cancellationToken)
    {
        if (running)
        {
            _warden.Started();
        }

        while (true)
        {
            var now = PodProcesses.Others().Count > 0;
            if (now && _barred)
            {
                // A container that was on its way when its epoch ended.
                PodProcesses.Signal(Signals.Kill);
            }
            else if (now && !running && !_ran)
            {
                _warden.Started();
            }
            else if (!now && running)
            {
                _warden.Ended(null, time.GetUtcNow());
            }

            running = now;
            _ran |= now;
            await Task.Delay(LookEvery, time, cancellationToken);
        }
    }

    /// <summary>Two paths for the kubelet; a web framework would be most of the sidecar's memory.</summary>
    /// <param name="stop">Of the bot's preStop: nobody else knows it.</param>
    private async Task ServeAsync(string stop, CancellationToken cancellationToken)
    {
        using var listener = new TcpListener(IPAddress.Any, WardenSidecar.Port);
        listener.Start();
        while (true)
        {
            var connection = await listener.AcceptTcpClientAsync(cancellationToken);
            _ = AnswerAsync(connection, stop, cancellationToken);
        }
    }

    private async Task AnswerAsync(TcpClient connection, string stop, CancellationToken cancellationToken)
    {
        using (connection)
        {
            try
            {
                await using var stream = connection.GetStream();
                using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
                var path = (await reader.ReadLineAsync(cancellationToken))?.Split(' ').ElementAtOrDefault(1);
                while (await reader.ReadLineAsync(cancellationToken) is { Length: > 0 })
                {
                }

                if (path == stop)
                {
                    await _warden.StopAsync("its Pod was deleted", TimeSpan.FromMinutes(10), cancellationToken);
                }

                var good = path == stop || (path == "/open" && _open && !_barred);
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {(good ? "200 OK" : "503 Not yet")}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), cancellationToken);
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
            {
                // The kubelet asks again.
                return;
            }
        }
    }
}
