using System.Text.Json;
using System.Threading.Channels;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Fence;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Bots.Warden;

/// <summary>What all wardens of a process share.</summary>
/// <param name="Clock">The machine's clock that counts suspended time.</param>
public sealed record WardenServices(IApiClient Client, HaltBook Halts, HookCaller Hooks, Func<TimeSpan> Clock, TimeProvider Time, ILogger Log);

/// <summary>
/// The warden of one bot's Pod: waits until the epoch is granted, lets the containers start, brings the bot into action (reconcile, activate), renews the Lease with what the
/// bot reports, stops it in order when asked or halted, and kills it by its own clock when the Lease can't be renewed. One loop owns all state; what takes time runs beside
/// it and posts its outcome back.
/// </summary>
/// <remarks>The protocol is docs/fence.md; its rules are in <see cref="WardenState"/>, which this class only feeds.</remarks>
public sealed partial class BotWarden : IDisposable
{
    private const string SilencedWhy = "its Lease could not be renewed in time";
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(5);
    private readonly WardenServices _services;
    private readonly ILogger _log;
    private WardenPlan _plan;
    private readonly string _ns;
    private readonly string _pod;
    private readonly IHolder _holder;
    private readonly IDeadlineGuard _guard;
    private readonly BotReader _reader;
    private readonly FenceTiming _timing;
    private TimeSpan? _adopted;

    // Bounded by what can be under way: one entry a task.
    private readonly Channel<Action> _mail = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });
    private readonly CancellationTokenSource _end = new();
    private readonly CancellationTokenSource _waiting;
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private StartOrder _starting;
    private StopOrder _stop;
    private volatile WardenState? _state;
    private V1Lease? _lease;
    private BotReport _report;
    private Task? _kill;
    private Task? _start;
    private bool _opened;
    private bool _running;
    private bool _renewed;
    private Task? _telling;
    private bool _halted;
    private bool _haltFlattens;
    private bool _ending;
    private bool _resting;
    private bool _activating;
    private volatile bool _waits;
    private volatile bool _over;
    private StopResult? _result;
    private volatile string? _why;

    /// <param name="adopted">When a warden before this one had to kill the holder, which runs on (by the machine's clock): <see cref="TimeSpan.MaxValue"/> when it can't have acted; null for one that has not started.</param>
    public BotWarden(WardenServices services, WardenPlan plan, string ns, string pod, IHolder holder, IDeadlineGuard guard, TimeSpan? adopted)
    {
        (_services, _plan, _ns, _pod, _holder, _guard, _adopted) = (services, plan, ns, pod, holder, guard, adopted);
        (_log, _timing) = (services.Log, plan.Timing);
        _waiting = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
        _reader = new BotReader(plan, holder, services.Hooks, services.Time);
        _report = new BotReport { Epoch = plan.Epoch };
        _starting = new StartOrder(plan, ns, holder, services);
        _stop = new StopOrder(plan, ns, holder, services);
        services.Halts.Changed += Wake;
    }

    /// <summary>Completes when the bot is dead and nobody has to be told any more.</summary>
    public Task Done => _done.Task;

    /// <summary>What the warden last reported.</summary>
    public BotReport Report => _report with { Age = _reader.Age, Metrics = _reader.Metrics };

    /// <summary>Runs until the activation is over, or <see cref="Dispose"/>: then the bot goes on, under the guard's deadline.</summary>
    public async Task RunAsync()
    {
        try
        {
            if (_plan.Standby || _adopted is not null)
            {
                // Adopted ones run already; the next version of a Warm handover may, but does not act.
                Open();
            }

            using var heard = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
            var silent = KillUnlessHeardAsync(heard.Token);
            var granted = await GrantAsync();
            await heard.CancelAsync();
            await silent.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (granted is { } record)
            {
                await HoldAsync(record);
            }
            else
            {
                await _holder.KillAsync(_end.Token);
            }
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            return;
        }
        finally
        {
            _services.Halts.Changed -= Wake;
            _reader.Dispose();
            if (!_end.IsCancellationRequested)
            {
                // However it ended: nobody may wait for it any more.
                _done.TrySetResult();
            }
        }
    }

    /// <summary>Whether the bot acts, or may: an activation that was sent may have been heard though its answer was lost.</summary>
    private bool MayHaveActed => _report.ActingSince is not null || _activating;

    /// <summary>The bot's container runs.</summary>
    public void Started() => Post(() => _running = true);

    /// <summary>A container of the bot has ended for good: the activation is over.</summary>
    public void Ended(int? exitCode, DateTimeOffset at) => Post(() =>
    {
        var now = _services.Clock();

        // The guard may have been the one who killed it.
        _result ??= now >= _state?.Deadline ? Silenced(at) : new StopResult
        {
            Epoch = _plan.Epoch, Outcome = MayHaveActed ? StopResult.Unclean : StopResult.Clean, Cause = StopResult.Crash, Why = exitCode is null ? "the process ended by itself" : $"the process ended by itself with exit code {exitCode}", At = at.UtcDateTime, ActedUntil = at.UtcDateTime,
        };
        _state?.Stop(_services.Clock(), "its process has ended");
    });

    /// <summary>Brings the bot to rest before its process is ended: told, orders dealt with, verified. Returns at its deadline at the latest.</summary>
    /// <param name="limit">How long the caller waits; the stop's own deadline may be earlier.</param>
    public async Task StopAsync(string why, TimeSpan limit, CancellationToken cancellationToken)
    {
        if (_state is null && (_adopted is null || _waits))
        {
            // Not granted: it never acted.
            return;
        }

        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() => Bring(_why ?? why, flatten: false, limit, then: () => asked.TrySetResult()));

        // A bot that is dead already is at rest: then nobody reads the mail any more. An adopted one is not known before the API server answers.
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(asked.Task, _done.Task, Task.Delay(limit, _services.Time, over.Token));
        await over.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Nothing of the Pod runs any more and nothing will: releases the epoch if it was granted. Returns when that is done.</summary>
    public async Task FinishAsync(CancellationToken cancellationToken)
    {
        _over = true;
        Post(() => { });
        await _waiting.CancelAsync();
        await _done.Task.WaitAsync(cancellationToken);
    }

    /// <summary>The Pod has changed: the operator may want the bot to yield, or say why it is about to be stopped.</summary>
    public void Changed(V1Pod pod)
    {
        _why = Note(pod, BotNames.WhyAnnotation);
        if (WardenPlan.TryOf(pod) is { } plan)
        {
            Post(() =>
            {
                _plan = _plan with { Freshness = plan.Freshness, Report = plan.Report, Labels = plan.Labels };
                _reader.Plan = _plan;
            });
        }

        if (pod.Metadata.DeletionTimestamp is null && Note(pod, BotNames.YieldAnnotation) is { } to)
        {
            Yield(to);
        }
    }

    /// <summary>The next version is warm: bring this one to rest, then end it at once, so that the epoch can move. When it does not agree it goes on.</summary>
    private void Yield(string to) => Post(() =>
    {
        if (_stop.Running || _resting || _report.State != BotReport.Acting || _report.Refused == to)
        {
            return;
        }

        _stop.Begin($"{to} takes over", flatten: false, StopLimit, result => Post(() =>
        {
            if (result.Outcome == StopResult.Clean)
            {
                _result = result;
                _state?.Stop(_services.Clock(), $"{to} takes over");
            }
            else if (!_resting)
            {
                _report = _report with { State = BotReport.Acting, Fault = $"did not yield to {to}: {result.Fault}", Refused = to };
                _ = ActivateAsync();
            }
        }));
    });

    /// <summary>Stops watching over the bot; its process goes on.</summary>
    public void Dispose()
    {
        _services.Halts.Changed -= Wake;
        _end.Cancel();
    }

    private TimeSpan StopLimit => TimeSpan.FromSeconds(_plan.Stop?.DeadlineSeconds ?? 20);

    private void Post(Action action) => _mail.Writer.TryWrite(action);

    private void Wake() => Post(() => { });

    private void Open()
    {
        if (!_opened)
        {
            _opened = true;
            _holder.Open();
        }
    }

    /// <summary>Waits until the Lease grants the epoch to this Pod.</summary>
    /// <returns>The version that does; null when it never will.</returns>
    private async Task<FenceRecord?> GrantAsync()
    {
        while (!_waiting.IsCancellationRequested)
        {
            try
            {
                var version = "0";
                if (await _services.Client.FindAsync(Kinds.Lease, _ns, _plan.Lease, _waiting.Token) is { } found)
                {
                    if (Decided(found) is { } decided)
                    {
                        return decided ? LeaseRecord.Of(found) : null;
                    }

                    version = found.Metadata.ResourceVersion;
                }

                var options = new ListOptions { FieldSelector = $"metadata.name={_plan.Lease}", ResourceVersion = version, TimeoutSeconds = 60 };
                await foreach (var change in _services.Client.WatchAsync(Kinds.Lease, _ns, options, _waiting.Token))
                {
                    if (change.Type is WatchEventType.Added or WatchEventType.Modified && Decided(change.Object) is { } decided)
                    {
                        return decided ? LeaseRecord.Of(change.Object) : null;
                    }
                }
            }
            catch (Exception e) when (e is ApiException or HttpRequestException or IOException)
            {
                Unreachable(_ns, _plan.Lease, e.Message);
                await Task.WhenAny(Task.Delay(_timing.RenewEvery, _services.Time, _waiting.Token));
            }
            catch (OperationCanceledException) when (!_end.IsCancellationRequested)
            {
                break;
            }
        }

        _end.Token.ThrowIfCancellationRequested();

        // The Pod is over before it was granted anything; a grant that came in this moment is given back.
        return await LastLookAsync() is { } last && Decided(last) == true ? LeaseRecord.Of(last) : null;
    }

    private async Task<V1Lease?> LastLookAsync()
    {
        try
        {
            return await _services.Client.FindAsync(Kinds.Lease, _ns, _plan.Lease, _end.Token);
        }
        catch (Exception e) when (e is ApiException or HttpRequestException or IOException)
        {
            // Then it lapses by itself.
            Unreachable(_ns, _plan.Lease, e.Message);
            return null;
        }
    }

    /// <returns>Whether this Pod has the epoch; null while it may still get it.</returns>
    private bool? Decided(V1Lease lease)
    {
        var record = LeaseRecord.Of(lease);
        _lease = lease;
        bool? granted = record.Grants(_pod, _plan.Epoch) ? true : record.Epoch >= _plan.Epoch ? false : null;
        if (granted is null)
        {
            // It runs, but waits: no deadline of before holds for it.
            (_adopted, _waits) = (_adopted is null ? null : TimeSpan.MaxValue, true);
        }

        return granted;
    }

    /// <summary>An adopted holder must not act past its deadline, even when nobody can be asked whether it still has the epoch.</summary>
    private async Task KillUnlessHeardAsync(CancellationToken cancellationToken)
    {
        while (_adopted is { } deadline && deadline < TimeSpan.MaxValue)
        {
            var left = deadline - _services.Clock();
            if (left <= TimeSpan.Zero)
            {
                Killing(_ns, _pod, SilencedWhy);
                await _holder.KillAsync(cancellationToken);
                return;
            }

            await Task.Delay(left < LookAgain ? left : LookAgain, _services.Time, cancellationToken);
        }
    }

    private async Task HoldAsync(FenceRecord record)
    {
        if (LeaseRecord.StopOf(_lease) is { } last && last.Epoch < _plan.Epoch)
        {
            // A standby was made before it was known how the one before it would end.
            _plan = _plan with { PreviousEpoch = last.Epoch, PreviousStop = last.Outcome };
            (_starting, _stop) = (new StartOrder(_plan, _ns, _holder, _services), new StopOrder(_plan, _ns, _holder, _services));
        }

        var before = LeaseRecord.ReportOf(_lease);
        var runs = _adopted is not null;
        TimeSpan? deadline = _adopted < TimeSpan.MaxValue ? _adopted : runs && before?.ActingSince is not null ? _services.Clock() + _timing.RenewTimeout : null;
        var state = _state = new WardenState(_timing, record, _services.Clock(), deadline);
        if (runs)
        {
            // Whatever was sent to it before, it may have heard.
            _activating = deadline is not null;
            if (before is { ActingSince: not null })
            {
                // It has acted already: a warden before this one saw to that, or was about to bring it to rest.
                (_report, _running, _start) = (before, true, Task.CompletedTask);

                // It may have been told to rest while nobody answered: it is told again that it may act.
                _telling = before.State == BotReport.Acting ? Task.CompletedTask : null;
            }
        }
        else if (before is { ActingSince: not null })
        {
            _report = before;
            _result = new StopResult { Outcome = StopResult.Unclean, Cause = StopResult.Crash, Why = "its process ended while no warden watched it" };
            state.Stop(_services.Clock(), "its process has ended");
        }

        while (true)
        {
            var now = _services.Clock();
            Look(now);
            switch (state.Next(now))
            {
                case WardenTask.Done:
                    await ClearAsync();
                    return;
                case WardenTask.Renew:
                    state.Sent(now);
                    _ = RenewAsync();
                    break;
                case WardenTask.Release:
                    state.Sent(now);
                    _ = ReleaseAsync();
                    break;
                case WardenTask.Read:
                    state.Sent(now);
                    _ = ReadAsync();
                    break;
                case WardenTask.Kill when _kill is null or { IsCompleted: true }:
                    Killing(_ns, _pod, state.Why.Length > 0 ? state.Why : SilencedWhy);
                    _result ??= state.Why.Length > 0 ? null : Silenced(_services.Time.GetUtcNow());
                    _kill = KillAsync();
                    break;
            }

            await WaitAsync(state);
        }
    }

    /// <summary>Nothing is to be guarded any more. A guard that does not hear it now finds nothing to kill.</summary>
    private async Task ClearAsync()
    {
        try
        {
            await _guard.ClearAsync(_end.Token);
        }
        catch (IOException e)
        {
            NotCleared(_ns, _pod, e.Message);
        }
    }

    /// <summary>What follows from the state of things: the start, a halt, a Lease that is not renewed.</summary>
    private void Look(TimeSpan now)
    {
        var state = _state!;
        if (_over)
        {
            state.Stop(now, "its Pod has come to its end");
        }

        if (_running && _start is null && state.MayAct(now))
        {
            _start = StartAsync();
        }

        if (!state.Dead && !_ending && _services.Halts.Find(_ns, _plan.Bot, _plan.Account, _plan.Labels) is { } halt && (!_halted || (halt.Flatten && !_haltFlattens)))
        {
            (_halted, _haltFlattens) = (true, halt.Flatten);
            Halting(_ns, _pod, halt.Name, halt.Why);
            Bring($"halt {halt.Name}{(halt.Why.Length > 0 ? ": " + halt.Why : "")}", halt.Flatten, StopLimit, then: () => _ = EndAsync());
        }

        // The API server is silent: cancel what is open while there is time, rather than die with it. Whoever can't be woken again is left alone.
        if (_telling is null && _renewed && _plan.Start?.Activate is not null && !_stop.Running && _report.State == BotReport.Acting && state.Deadline is { } deadline && deadline - now < (_timing.Lease - _timing.KillMargin) * 0.4)
        {
            _telling = _stop.TellAsync("the API server does not answer", deadline - now, _end.Token);
        }
    }

    /// <summary>Brings the bot to rest, once; then goes on with what the caller wants.</summary>
    private void Bring(string why, bool flatten, TimeSpan limit, Action then)
    {
        _resting = true;
        if (!MayHaveActed || _state is null || _state.Dead)
        {
            // It never acted: there is nothing to bring to rest.
            _result ??= new StopResult { Epoch = _plan.Epoch, Outcome = StopResult.Clean, Cause = StopResult.Stop, Why = why, At = _services.Time.GetUtcNow().UtcDateTime };
            then();
            return;
        }

        _report = _report with { State = BotReport.Stopping };
        _stop.Begin(why, flatten, limit, result => Post(() =>
        {
            _result ??= result;
            then();
        }));
    }

    private async Task EndAsync()
    {
        if (_ending)
        {
            return;
        }

        _ending = true;
        var clean = await _holder.TerminateAsync(TimeSpan.FromSeconds(_plan.GraceSeconds), _end.Token);
        Post(() =>
        {
            _result = _stop.AtEnd(_result, clean);
            _state!.Stop(_services.Clock(), "it is halted");
        });
    }

    private async Task StartAsync()
    {
        var outcome = await _starting.RunAsync(() => AskAsync(MayActivate), fault => Post(() => _report = _report with { Fault = fault }), _end.Token);
        Post(() =>
        {
            if (outcome == StartOutcome.Failed)
            {
                Abandon();
            }
            else if (outcome == StartOutcome.Acts && _state!.MayAct(_services.Clock()) && !_stop.Running && !_resting)
            {
                _report = _report with { State = BotReport.Acting, ActingSince = _services.Time.GetUtcNow().UtcDateTime, Fault = null };
                _state.Report(_services.Clock());
            }
        });
    }

    /// <summary>Whether the bot may be told to act now; from then on it counts as one that may have.</summary>
    private bool MayActivate()
    {
        var may = _state!.MayAct(_services.Clock()) && !_stop.Running && !_resting && !_over;
        _activating |= may;
        return may;
    }

    /// <summary>The start did not get through: what may have heard that it should act is brought to rest first.</summary>
    private void Abandon() => Bring("its start did not get through", flatten: false, StopLimit, then: () =>
    {
        _result = _result! with { Cause = StopResult.Start, Fault = _result.Fault is { } left ? $"{_report.Fault}; {left}" : _report.Fault };
        _state!.Stop(_services.Clock(), _report.Fault ?? "");
    });

    /// <summary>Has the loop answer a question.</summary>
    private Task<T> AskAsync<T>(Func<T> question)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(() => answer.TrySetResult(question()));
        return answer.Task.WaitAsync(_end.Token);
    }

    /// <summary>What it was told while nobody answered has been said by then.</summary>
    private async Task ReactivateAsync(Task told)
    {
        await told.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await ActivateAsync();
    }

    /// <summary>Its Lease could not be renewed: it was killed, by its warden or the guard.</summary>
    private StopResult Silenced(DateTimeOffset at) => new()
    {
        Epoch = _plan.Epoch, Outcome = MayHaveActed ? StopResult.Unclean : StopResult.Clean, Cause = StopResult.Lost, Why = SilencedWhy, At = at.UtcDateTime,
    };

    private Task ActivateAsync() => _starting.AgainAsync(() => !_stop.Running && !_over && !_resting, fault => Post(() => _report = _report with { Fault = fault ?? (_report.Refused is null ? null : _report.Fault) }), _end.Token);

    private static string? Note(V1Pod pod, string annotation) => pod.Metadata.Annotations?.TryGetValue(annotation, out var text) == true ? text : null;

    /// <summary>Until something was posted, or the state wants to be asked again.</summary>
    private async Task WaitAsync(WardenState state)
    {
        var wait = state.Wake == TimeSpan.MaxValue ? LookAgain : state.Wake - _services.Clock();
        wait = wait > LookAgain ? LookAgain : wait;
        if (wait > TimeSpan.Zero && !_mail.Reader.TryPeek(out _))
        {
            using var timer = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
            timer.CancelAfter(wait + TimeSpan.FromMilliseconds(1));
            try
            {
                await _mail.Reader.WaitToReadAsync(timer.Token);
            }
            catch (OperationCanceledException) when (!_end.IsCancellationRequested)
            {
                // Time to ask the state again.
                return;
            }
        }

        _end.Token.ThrowIfCancellationRequested();
        while (_mail.Reader.TryRead(out var next))
        {
            next();
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "bot Lease {namespace}/{lease}: {why}")]
    private partial void Unreachable(string @namespace, string lease, string why);

    [LoggerMessage(5, LogLevel.Warning, "what bot {namespace}/{pod} says of itself can't be read: {why}")]
    private partial void Unreadable(string @namespace, string pod, string why);

    [LoggerMessage(6, LogLevel.Warning, "the guard does not hear that bot {namespace}/{pod} is gone: {why}")]
    private partial void NotCleared(string @namespace, string pod, string why);

    [LoggerMessage(2, LogLevel.Warning, "killing bot {namespace}/{pod}: {why}")]
    private partial void Killing(string @namespace, string pod, string why);

    [LoggerMessage(3, LogLevel.Error, "bot {namespace}/{pod} could not be killed; trying again")]
    private partial void NotKilled(Exception e, string @namespace, string pod);

    [LoggerMessage(4, LogLevel.Warning, "bot {namespace}/{pod} is halted by {halt}: {why}")]
    private partial void Halting(string @namespace, string pod, string halt, string why);
}
