using Kaji.Bots.Api;

namespace Kaji.Bots.Warden;

/// <summary>
/// Brings a bot to rest, in order: told to stop opening and what to do with its orders, until it agrees; then asked how many are open, until the answer is what the
/// policy wants; all within the deadline. Once begun it runs to its end.
/// </summary>
internal sealed class StopOrder(WardenPlan plan, string ns, IHolder holder, WardenServices services)
{
    private static readonly TimeSpan Again = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly List<Action<StopResult>> _waiting = [];
    private bool _underWay;
    private bool _flattens;
    private StopResult? _clean;

    /// <summary>Whether it has begun and not failed.</summary>
    public bool Running => _underWay || _clean is not null;

    /// <summary>Begins, or waits with those who asked before. Who wants positions closed gets that even when a stop without it is under way, or done.</summary>
    public void Begin(string why, bool flatten, TimeSpan limit, Action<StopResult> then)
    {
        lock (_gate)
        {
            if (_clean is null || (flatten && !_flattens))
            {
                _waiting.Add(then);
                _flattens |= flatten;
                if (!_underWay)
                {
                    _underWay = true;
                    _ = RunAsync(why, Shorter(limit, TimeSpan.FromSeconds(plan.Stop?.DeadlineSeconds ?? 20)));
                }

                return;
            }
        }

        then(_clean);
    }

    /// <summary>Only tells; for a bot that may go on afterwards.</summary>
    public Task<HookResult> TellAsync(string why, TimeSpan limit, CancellationToken cancellationToken) =>
        plan.Stop?.Tell is { } tell ? services.Hooks.CallAsync(tell, holder, Body(why, plan.Stop.Orders ?? BotStop.Cancel, limit), limit, cancellationToken) : Task.FromResult(new HookResult(null, ""));

    /// <summary>The result when the process has ended: without a hook to tell it, an end by itself after SIGTERM is what counts.</summary>
    public StopResult? AtEnd(StopResult? result, bool ended) => result is null || plan.Stop?.Tell is not null || ended
        ? result
        : result with { Outcome = StopResult.Unclean, Fault = $"it did not end within {plan.GraceSeconds} s of SIGTERM and was killed" };

    private async Task RunAsync(string why, TimeSpan limit)
    {
        while (true)
        {
            var flatten = _flattens;
            var result = await OnceAsync(why, flatten, limit);
            Action<StopResult>[] waiting;
            lock (_gate)
            {
                if (_flattens && !flatten && result.Outcome == StopResult.Clean)
                {
                    continue;
                }

                waiting = [.. _waiting];
                _waiting.Clear();
                _underWay = false;
                _clean = result.Outcome == StopResult.Clean ? result : null;
                _flattens &= _clean is not null;
            }

            foreach (var then in waiting)
            {
                then(result);
            }

            return;
        }
    }

    private async Task<StopResult> OnceAsync(string why, bool flatten, TimeSpan limit)
    {
        var began = services.Time.GetTimestamp();
        TimeSpan Left() => limit - services.Time.GetElapsedTime(began);
        var orders = flatten ? BotStop.Flatten : plan.Stop?.Orders ?? BotStop.Cancel;
        string? fault = null;
        int? open = null;
        DateTime? until = null;
        if (plan.Stop?.Tell is { } tell)
        {
            var told = await AskAsync(tell, why, orders, Left, answer => answer.Fault is { } refused ? $"it did not agree to stop: {refused}" : null);
            (fault, open) = (told.Fault, told.Answer.OpenOrders);
            until = fault is null ? services.Time.GetUtcNow().UtcDateTime : null;
        }

        if (fault is null && plan.Stop?.Verify is { } verify)
        {
            var verified = await AskAsync(verify, why, orders, Left, answer => answer.Fault is { } failed ? $"open orders could not be verified: {failed}"
                : orders == BotStop.Keep || answer.OpenOrders == 0 ? null
                : answer.OpenOrders is { } count ? $"{count} orders are still open"
                : $"{HookCaller.Name(verify)} did not say how many orders are open");
            (fault, open) = (verified.Fault, verified.Answer.OpenOrders);
        }
        else if (fault is null && orders != BotStop.Keep && open is > 0)
        {
            fault = $"it says that {open} orders are still open";
        }

        return new StopResult
        {
            Epoch = plan.Epoch, Outcome = fault is null ? StopResult.Clean : StopResult.Unclean, Cause = StopResult.Stop, Why = why, Fault = fault, OpenOrders = open,
            Milliseconds = (long)services.Time.GetElapsedTime(began).TotalMilliseconds, At = services.Time.GetUtcNow().UtcDateTime, ActedUntil = fault is null ? until : null,
        };
    }

    /// <summary>Asks until the answer is good or the time is over. A question that only the deadline cut short does not hide what was answered before it.</summary>
    private async Task<(string? Fault, HookResult Answer)> AskAsync(Hook hook, string why, string orders, Func<TimeSpan> left, Func<HookResult, string?> judge)
    {
        (string? Fault, HookResult Answer)? before = null;
        while (true)
        {
            var answer = await services.Hooks.CallAsync(hook, holder, Body(why, orders, left()), left(), CancellationToken.None);
            var judged = (Fault: judge(answer), Answer: answer);
            if (judged.Fault is null)
            {
                return judged;
            }

            if (left() <= TimeSpan.Zero)
            {
                return answer.Fault is not null && before is { } known ? known : judged;
            }

            before = judged;
            await Task.Delay(Again, services.Time);
        }
    }

    private HookBody Body(string why, string orders, TimeSpan left) => new()
    {
        Bot = $"{ns}/{plan.Bot}", Epoch = plan.Epoch, PreviousEpoch = plan.PreviousEpoch, PreviousStop = plan.PreviousStop, Orders = orders, Why = why, DeadlineSeconds = Math.Max(1, (int)left.TotalSeconds),
    };

    private static TimeSpan Shorter(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
