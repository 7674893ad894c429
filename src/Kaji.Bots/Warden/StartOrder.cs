namespace Kaji.Bots.Warden;

/// <summary>How a start went.</summary>
internal enum StartOutcome
{
    /// <summary>The bot acts.</summary>
    Acts,

    /// <summary>It was not to be activated any more: it is stopped, halted, or its epoch is over.</summary>
    NotWanted,

    /// <summary>The deadline came first.</summary>
    Failed,
}

/// <summary>Brings a bot into action, in order: it reconciles with what an earlier epoch left, then is told to act; each is asked again until it passes or the deadline is over.</summary>
internal sealed class StartOrder(WardenPlan plan, string ns, IHolder holder, WardenServices services)
{
    private static readonly TimeSpan Eager = TimeSpan.FromSeconds(2);

    /// <param name="mayActivate">Asked right before each activation is sent.</param>
    /// <param name="failing">Told what keeps it.</param>
    public async Task<StartOutcome> RunAsync(Func<Task<bool>> mayActivate, Action<string> failing, CancellationToken cancellationToken)
    {
        var began = services.Time.GetTimestamp();
        var deadline = TimeSpan.FromSeconds(plan.Start?.DeadlineSeconds ?? 60);
        foreach (var (name, hook, asks) in new[] { ("reconcile", plan.Start?.Reconcile, false), ("activate", plan.Start?.Activate, true) })
        {
            while (hook is not null)
            {
                if (asks && !await mayActivate())
                {
                    return StartOutcome.NotWanted;
                }

                var left = deadline - services.Time.GetElapsedTime(began);
                var result = await services.Hooks.CallAsync(hook, holder, Body(""), left, cancellationToken);
                if (result.Fault is null)
                {
                    break;
                }

                failing($"{name} hook: {result.Fault}");
                if (left <= TimeSpan.Zero)
                {
                    return StartOutcome.Failed;
                }

                await Task.Delay(TimeSpan.FromMilliseconds(services.Time.GetElapsedTime(began) < Eager ? 25 : 250), services.Time, cancellationToken);
            }
        }

        return StartOutcome.Acts;
    }

    /// <summary>Has a bot that was told to rest act again, as long as that is wanted.</summary>
    /// <param name="said">Told what keeps it; null when it acts.</param>
    public async Task AgainAsync(Func<bool> wanted, Action<string?> said, CancellationToken cancellationToken)
    {
        while (plan.Start?.Activate is { } hook && wanted())
        {
            var result = await services.Hooks.CallAsync(hook, holder, Body("it goes on"), hook.Timeout, cancellationToken);
            said(result.Fault is { } fault ? $"activate hook: {fault}" : null);
            if (result.Fault is null)
            {
                return;
            }

            await Task.Delay(plan.Timing.RenewEvery, services.Time, cancellationToken);
        }
    }

    private HookBody Body(string why) => new() { Bot = $"{ns}/{plan.Bot}", Epoch = plan.Epoch, PreviousEpoch = plan.PreviousEpoch, PreviousStop = plan.PreviousStop, Orders = plan.Stop?.Orders, Why = why };
}
