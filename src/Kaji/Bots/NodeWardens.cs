using System.Collections.Concurrent;
using System.Text.Json;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Warden;
using Kaji.Client;
using Kaji.Linux.Processes;
using Kaji.Node.Guard;
using Kaji.Node.Pods;
using Microsoft.Extensions.Logging;

namespace Kaji.Bots;

/// <summary>Makes the node agent the warden of the bots on it: joins the agent's seam (<see cref="IPodWarden"/>) to the bots' fence, with the node's guard behind it.</summary>
internal sealed partial class NodeWardens : IPodWarden, IDisposable
{
    private readonly HookCaller _hooks = new();
    private readonly HaltBook _halts = new();
    private readonly WardenServices _services;
    private readonly InformerFactory _informers;
    private readonly GuardClient _guard;
    private readonly LocalHalt _local;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _end = new();
    private readonly ConcurrentDictionary<string, Ward> _wards = new(StringComparer.Ordinal);
    private int _following;

    public NodeWardens(IApiClient client, GuardClient guard, string haltFile, TimeProvider time, ILoggerFactory logging)
    {
        (_guard, _log) = (guard, logging.CreateLogger<NodeWardens>());
        _services = new WardenServices(client, _halts, _hooks, () => SuspendedClock.Now, time, logging.CreateLogger<BotWarden>());
        _informers = new InformerFactory(client, time, logging);
        _local = new LocalHalt(haltFile, _halts, _informers.For(BotKinds.Halt), () => _wards.Values.Select(w => w.Bot), client, time, logging.CreateLogger<LocalHalt>());
        if (File.Exists(haltFile))
        {
            // No bot may be here while it is in force; the first that comes back must not meet a halt that was released.
            Follow();
        }
    }

    public IPodWard? Take(V1Pod pod, IPodHandle handle, bool running)
    {
        try
        {
            if (WardenPlan.Of(pod) is not { } plan)
            {
                return pod.Metadata.Labels?.ContainsKey(BotNames.EpochLabel) == true ? new Barred($"the annotation {BotNames.PlanAnnotation}, without which nobody can watch over a bot, is missing") : null;
            }

            if (plan.Sidecar)
            {
                return null;
            }

            Follow();

            // What runs without a deadline was started by an agent whose guard has gone, and must not go on for long; a standby has none before it may act.
            var adopted = running ? _guard.DeadlineOf(pod.Metadata.Uid) ?? (plan.Standby ? TimeSpan.MaxValue : SuspendedClock.Now + plan.Timing.RenewTimeout) : (TimeSpan?)null;
            var ward = new Ward(this, plan, pod, handle, adopted);
            _wards[pod.Metadata.Uid] = ward;
            _local.Look();
            ward.Start();
            return ward;
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            Damaged(pod.Metadata.NamespaceProperty, pod.Metadata.Name, e.Message);
            return new Barred($"the annotation {BotNames.PlanAnnotation} can't be read: {e.Message}");
        }
    }

    public void Dispose()
    {
        _end.Cancel();
        foreach (var ward in _wards.Values)
        {
            ward.Dispose();
        }

        _hooks.Dispose();
        _local.Dispose();
    }

    /// <summary>Halts are followed from the first bot on.</summary>
    private void Follow()
    {
        if (Interlocked.Exchange(ref _following, 1) == 0)
        {
            _halts.Follow(_informers.For(BotKinds.Halt));
            _ = _informers.RunAsync(_end.Token);
            _ = _local.RunAsync(_end.Token);
        }
    }

    [LoggerMessage(1, LogLevel.Error, "bot {namespace}/{pod} is not started: its plan can't be read ({why})")]
    private partial void Damaged(string @namespace, string pod, string why);

    [LoggerMessage(2, LogLevel.Error, "the warden of {namespace}/{pod} failed; the guard kills the bot at its deadline")]
    private partial void WardenFailed(Exception e, string @namespace, string pod);

    /// <summary>One bot's Pod: the agent's calls to the warden, the warden's calls to the agent.</summary>
    private sealed class Ward : IPodWard, IHolder, IDeadlineGuard
    {
        private readonly NodeWardens _owner;
        private readonly WardenPlan _plan;
        private readonly V1Pod _pod;
        private readonly IPodHandle _handle;
        private readonly BotWarden _warden;
        private const string OverWhy = "its epoch is over, or was granted to another";
        private volatile bool _barred;
        private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Ward(NodeWardens owner, WardenPlan plan, V1Pod pod, IPodHandle handle, TimeSpan? adopted)
        {
            (_owner, _plan, _pod, _handle) = (owner, plan, pod, handle);
            _warden = new BotWarden(owner._services, plan, pod.Metadata.NamespaceProperty, pod.Metadata.Name, this, this, adopted);
            if (adopted is not null)
            {
                _warden.Started();
            }
        }

        /// <summary>NAMESPACE/NAME.</summary>
        public string Bot => $"{_pod.Metadata.NamespaceProperty}/{_plan.Bot}";

        public string? Address => _handle.Address;

        public void Start()
        {
            // What was asked of it before this agent began.
            _warden.Changed(_pod);
            _ = RunAsync();
        }

        public void Open() => _open.TrySetResult();

        public async Task MayStartAsync(CancellationToken cancellationToken)
        {
            await _open.Task.WaitAsync(cancellationToken);
            if (_barred)
            {
                throw new PodBarredException(OverWhy);
            }
        }

        public void Started(string container)
        {
            if (container == _plan.Container)
            {
                _warden.Started();
            }
        }

        public void Ended(string container, int? exitCode, DateTimeOffset at) => _warden.Ended(exitCode, at);

        public void Changed(V1Pod pod) => _warden.Changed(pod);

        public Task StopAsync(string why, TimeSpan grace, CancellationToken cancellationToken) => _warden.StopAsync(why, grace, cancellationToken);

        public Task FinishAsync(CancellationToken cancellationToken) => _warden.FinishAsync(cancellationToken);

        public async Task KillAsync(CancellationToken cancellationToken)
        {
            // Whoever waits to start, or comes later, learns that it never may; what is made but not started is removed below.
            _barred = true;
            if (!_open.TrySetException(new PodBarredException(OverWhy)) && _open.Task.IsFaulted)
            {
                _ = _open.Task.Exception;
            }

            await _handle.KillAsync(cancellationToken);
        }

        public Task<bool> TerminateAsync(TimeSpan grace, CancellationToken cancellationToken) => _handle.TerminateAsync(grace, cancellationToken);

        public Task<(int ExitCode, string Output)> ExecAsync(IReadOnlyList<string> command, TimeSpan timeout, CancellationToken cancellationToken) => _handle.ExecAsync(_plan.Container, command, timeout, cancellationToken);

        public string? PathOf(string path) => _handle.PathOf(_plan.Container, path);

        public Task SetAsync(TimeSpan deadline, CancellationToken cancellationToken) => _owner._guard.SetAsync(_pod.Metadata.Uid, deadline, cancellationToken);

        public Task ClearAsync(CancellationToken cancellationToken) => _owner._guard.ClearAsync(_pod.Metadata.Uid, cancellationToken);

        public void Dispose()
        {
            _warden.Dispose();
            _owner._wards.TryRemove(new KeyValuePair<string, Ward>(_pod.Metadata.Uid, this));
        }

        private async Task RunAsync()
        {
            try
            {
                await _warden.RunAsync();
            }
            catch (Exception e)
            {
                _owner.WardenFailed(e, _pod.Metadata.NamespaceProperty, _pod.Metadata.Name);
            }
        }
    }

    /// <summary>A bot whose plan can't be read never starts.</summary>
    private sealed class Barred(string why) : IPodWard
    {
        public Task MayStartAsync(CancellationToken cancellationToken) => Task.FromException(new PodBarredException(why));

        public void Started(string container)
        {
        }

        public void Ended(string container, int? exitCode, DateTimeOffset at)
        {
        }

        public void Changed(V1Pod pod)
        {
        }

        public Task StopAsync(string why, TimeSpan grace, CancellationToken cancellationToken) => Task.CompletedTask;

        public Task FinishAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public void Dispose()
        {
        }
    }
}
