using System.Globalization;
using Kaji.Bots.Api;
using Kaji.Bots.Warden;

namespace Kaji.Bots.Operator;

public enum BotStepKind
{
    /// <summary>A guard was crossed: a Halt of the bot, or of its account, is made.</summary>
    HaltBot,
    HaltAccount,

    MakeLease,

    /// <summary>See whether a Pod of the version could be made, before the one that acts is ended for it.</summary>
    TryPod,

    MakePod,
    Grant,
    DeletePod,
    AskToYield,

    /// <summary>The holder has vanished and its time is over: nobody acts any more.</summary>
    WriteOff,
}

/// <summary>One thing to do for a bot.</summary>
/// <param name="Avoid">A node that fell silent.</param>
public sealed record BotStep(BotStepKind Kind, string Pod = "", long Epoch = 0, string Revision = "", bool Standby = false, string? Avoid = null, string Why = "");

/// <summary>What to do now for a Singleton bot, and what to say of it.</summary>
/// <param name="Due">When to plan again although nothing has changed.</param>
public sealed record BotPlan(IReadOnlyList<BotStep> Steps, BotStatus Status, TimeSpan? Due)
{
    /// <summary>Epochs up to this one are to be replaced; to be remembered until that has happened.</summary>
    public long ReplaceThrough { get; init; }

    private static readonly TimeSpan CalmAfter = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LookAtNodeEvery = TimeSpan.FromSeconds(5);

    /// <summary>Pure: from what is observed to the next steps. Nothing here lets two epochs act: that is the fence's (docs/fence.md), which this only drives.</summary>
    public static BotPlan Of(BotView view)
    {
        var plan = new Planner(view);
        plan.Run();
        return plan.Result;
    }

    /// <summary>The version that is to run: the spec's, or the last good one when that has failed.</summary>
    /// <param name="revision">Of the spec.</param>
    public static string TargetOf(BotStatus? status, string revision) => status?.FailedRevision == revision && status.GoodRevision is { } good ? good : revision;

    private sealed class Planner(BotView view)
    {
        private readonly List<BotStep> _steps = [];
        private readonly BotSpec _spec = view.Bot.Spec;
        private readonly BotStatus _before = view.Bot.Status ?? new BotStatus();
        private BotStatus _status = view.Bot.Status ?? new BotStatus();
        private TimeSpan? _due;
        private long _replaceThrough = view.ReplaceThrough;

        public BotPlan Result => new(_steps, _status, _due) { ReplaceThrough = _replaceThrough };

        private long Epoch => view.Lease?.Epoch ?? 0;

        private bool Held => view.Lease is { Released: false, Epoch: > 0 };

        /// <summary>Above all that were given, or are the names of Pods.</summary>
        private long NextEpoch => Math.Max(Epoch, view.Pods.Select(p => p.Epoch).DefaultIfEmpty().Max()) + 1;

        private bool MayGrant => view.GrantIn <= TimeSpan.Zero;

        private BotPod? Holder => view.Pods.FirstOrDefault(p => p.Epoch == Epoch && p.Name == view.Lease?.Holder);

        /// <summary>Whoever has the epoch, in words: a Lease that was made again does not know its name.</summary>
        private string Silent => view.Lease?.Holder is { Length: > 0 } name ? name : $"the holder of epoch {Epoch}";

        private bool Acting => Held && view.Report is { State: BotReport.Acting } report && report.Epoch == Epoch;

        private string Target => TargetOf(_status, view.Revision);

        public void Run()
        {
            TakeInStop();
            TakeInReport();
            TakeInRefusal();
            Judge();
            CleanUp();
            if (view.Idle is { } idle)
            {
                Rest(idle.Phase, idle.Reason, idle.Message);
            }
            else if (view.Lease is null)
            {
                // Were one deleted by hand: somebody may still act, and no epoch is given twice.
                _steps.Add(new BotStep(BotStepKind.MakeLease, Epoch: view.Pods.Select(p => p.Epoch).Append(_before.Epoch ?? 0).Append(_before.LastStop?.Epoch ?? 0).Max()));
                Say(BotPhase.Waiting, "its Lease is made");
            }
            else if (Held && Holder is { NotBegun: true, Ended: false })
            {
                // Another Pod in its place would wait for the same.
                Due(LookAtNodeEvery);
                Keep();
            }
            else if (!Held || MayGrant)
            {
                StartNext();
            }
            else
            {
                Keep();
            }

            _status = _status with
            {
                Epoch = Epoch == 0 ? _before.Epoch : Epoch, Node = Held || view.Lease is null ? Holder?.Node ?? _before.Node : null, ActivePod = Held && Holder is { } h ? h.Name : null, StandbyPod = Next()?.Name, Claim = view.Claim ?? (view.AtRest ? null : _before.Claim), ObservedGeneration = view.Bot.Metadata.Generation,
                Replicas = view.Pods.Count(p => !p.Ended), ReadyReplicas = view.Pods.Count(p => p.Ready && !p.Ended), Selector = $"{BotNames.BotLabel}={view.Bot.Metadata.Name}",
            };
        }

        /// <summary>Counts an activation that has ended since the last look.</summary>
        private void TakeInStop()
        {
            if (view.LastStop is not { } stop || stop.Epoch <= (_before.LastStop?.Epoch ?? 0))
            {
                return;
            }

            var at = stop.At ?? view.Now.UtcDateTime;
            var crashed = stop.Cause is StopResult.Crash or StopResult.Start;
            var ran = _before.ActiveSince is { } since ? at - since : TimeSpan.Zero;
            var revision = view.Pods.FirstOrDefault(p => p.Epoch == stop.Epoch)?.Revision ?? _before.Revision;
            var crashes = stop.Cause == StopResult.Lost ? _before.Crashes ?? 0 : !crashed ? 0 : ran > CalmAfter ? 1 : (_before.Crashes ?? 0) + 1;
            _status = _status with { LastStop = stop, LastEnd = at, Crashes = crashes, Restarts = (_before.Restarts ?? 0) + (stop.Cause == StopResult.Stop ? 0 : 1), ActiveSince = null };
            if (crashed)
            {
                Condemn(revision, ran, stop.Fault ?? stop.Why ?? "it ended");
            }
        }

        /// <summary>A version that fails within its revert window is not tried again, when there is a good one to go back to.</summary>
        private void Condemn(string? revision, TimeSpan ran, string why)
        {
            var window = TimeSpan.FromSeconds(_spec.Handover?.RevertWindowSeconds ?? 30);
            if (revision == view.Revision && _before.GoodRevision is { } good && good != revision && ran <= window && _before.FailedRevision != revision)
            {
                _status = _status with { FailedRevision = revision, Crashes = 0, Message = why };
                Condition("Reverted", true, "NewVersionFailed", $"version {revision} failed ({why}); version {good} runs until the spec changes");
            }
        }

        private void TakeInReport()
        {
            if (_before.FailedRevision is { } failed && failed != view.Revision && _status.FailedRevision == failed)
            {
                _status = _status with { FailedRevision = null };
                Condition("Reverted", false, "NewSpec", "the spec has changed");
            }

            if (!Acting || view.Report is not { ActingSince: { } since } report)
            {
                return;
            }

            _status = _status with { ActiveSince = since, Revision = Holder?.Revision ?? _status.Revision };
            if (view.LastStop is { ActedUntil: { } until } && until < since)
            {
                _status = _status with { LastGapMilliseconds = (long)Math.Round((since - until).TotalMilliseconds) };
            }

            if (report.Age is { } age && view.SayAge)
            {
                _status = _status with { Freshness = age.ToString("0.0", CultureInfo.InvariantCulture) };
            }

            var window = TimeSpan.FromSeconds(_spec.Handover?.RevertWindowSeconds ?? 30);
            var ran = view.ActingFor ?? TimeSpan.Zero;
            if (_status.Revision is { } revision && _status.GoodRevision != revision)
            {
                if (ran >= window)
                {
                    _status = _status with { GoodRevision = revision, Crashes = 0 };
                }
                else
                {
                    Due(window - ran);
                }
            }
            else if (_status.Crashes is > 0 && ran > CalmAfter)
            {
                _status = _status with { Crashes = 0 };
            }
        }

        /// <summary>A version that the API makes no Pod of is not tried again, when there is one to go back to, or one that acts.</summary>
        private void TakeInRefusal()
        {
            var back = _before.GoodRevision is { } good && good != view.Revision ? good : Acting && Holder is { } holder && holder.Revision != view.Revision ? holder.Revision : null;
            if (view.TemplateFault is { } fault && back is not null && _status.FailedRevision != view.Revision)
            {
                _status = _status with { FailedRevision = view.Revision, GoodRevision = back };
                Condition("Reverted", true, "BadTemplate", $"version {view.Revision}: {fault}; version {back} runs until the spec changes");
            }
        }

        /// <summary>A new version whose figures are wrong is taken back; else what the bot's policy says is done.</summary>
        private void Judge()
        {
            if (view.Freshness is { } fresh && Acting)
            {
                // The message holds figures that change each second: it is written when the verdict changes.
                var status = fresh.Deaf switch { true => "False", false => "True", null => "Unknown" };
                if (_status.Conditions?.FirstOrDefault(c => c.Type == "Fresh")?.Status != status)
                {
                    _status = _status with { Conditions = Conditions.With(_status.Conditions, "Fresh", status, fresh.Deaf switch { true => "Deaf", false => "Hears", null => "NoReference" }, fresh.Why, view.Now) };
                }
            }

            if (view.Verdict is not { } verdict || !Acting || verdict.Epoch != Epoch || view.Idle is not null)
            {
                if (Acting && _status.Conditions?.Any(c => c.Type == "Alert" && c.Status == "True") == true)
                {
                    Condition("Alert", false, "AsExpected", "its figures are as they should be");
                }

                return;
            }

            Condition("Alert", true, verdict.Reason, verdict.Message);
            var failed = _status.FailedRevision;
            Condemn(Holder?.Revision, view.ActingFor ?? TimeSpan.MaxValue, verdict.Message);
            if (_status.FailedRevision != failed || Holder?.Revision == _status.FailedRevision)
            {
                return;
            }

            if (verdict.Action is VerdictAction.HaltBot or VerdictAction.HaltAccount)
            {
                _steps.Add(new BotStep(verdict.Action == VerdictAction.HaltBot ? BotStepKind.HaltBot : BotStepKind.HaltAccount, Why: verdict.Message));
            }
            else if (verdict.Action == VerdictAction.Restart)
            {
                _replaceThrough = Math.Max(_replaceThrough, Epoch);
            }
        }

        /// <summary>Of Pods that have ended, the newest stays for its logs; candidates that can't be any more go.</summary>
        private void CleanUp()
        {
            var newest = view.Pods.Where(p => p.Ended && p.Epoch <= Epoch).Max(p => (long?)p.Epoch) ?? 0;
            foreach (var pod in view.Pods.Where(p => !p.Deleting))
            {
                var old = pod.Ended && (pod.Epoch < newest || (pod.Epoch > Epoch && pod != Next()));
                var stale = !pod.Ended && pod.Epoch < Epoch;
                if (old || stale)
                {
                    Delete(pod, stale ? "a newer epoch has been granted" : "a newer one has ended");
                }
            }
        }

        /// <summary>The Pod that waits for an epoch above the newest granted one.</summary>
        private BotPod? Next() => view.Pods.Where(p => p.Epoch > Epoch && !p.Deleting && !p.Ended).MaxBy(p => p.Epoch);

        private void Rest(string phase, string reason, string message)
        {
            foreach (var pod in view.Pods.Where(p => !p.Deleting && (!p.Ended || p.Epoch > Epoch)))
            {
                Delete(pod, message);
            }

            if (Held && MayGrant)
            {
                _steps.Add(new BotStep(BotStepKind.WriteOff, Silent, Epoch));
            }
            else if (Held)
            {
                DueAtGrant();
            }

            Say(Held ? BotPhase.Stopping : phase, Held ? $"stopping: {message}" : message);
            Condition("Ready", false, reason, message);
        }

        private void StartNext()
        {
            if (view.GrantIn is null)
            {
                Say(BotPhase.Waiting, "its Lease is read");
                return;
            }

            var lost = Held;
            var next = Next();
            if (next is not null && (next.Revision != Target || (lost && next.Node is not null && next.Node == Holder?.Node)))
            {
                Delete(next, next.Revision != Target ? "another version is wanted" : "it is on the node that fell silent");
                next = null;
            }

            if (next is null)
            {
                var pause = Pause();
                if (pause > TimeSpan.Zero)
                {
                    Due(pause);
                    Say(BotPhase.CrashLoop, $"it failed {_status.Crashes} times in a row ({_status.LastStop?.Fault ?? _status.LastStop?.Why}); next start in {Math.Ceiling(pause.TotalSeconds)} s");
                    Condition("Ready", false, "CrashLoop", _status.Message!);
                    return;
                }

                next = new BotPod(BotNames.PodOf(view.Bot.Metadata.Name, NextEpoch), NextEpoch, Target);
                _steps.Add(new BotStep(BotStepKind.MakePod, next.Name, next.Epoch, Target, Avoid: lost ? Holder?.Node ?? _before.Node : null));
            }

            _steps.Add(new BotStep(BotStepKind.Grant, next.Name, next.Epoch, Why: lost ? Silent : ""));
            Say(BotPhase.Starting, lost ? $"{Silent} fell silent; {next.Name} takes its place" : $"epoch {next.Epoch} begins");
            Condition("Ready", false, "Starting", _status.Message!);
        }

        /// <summary>After the first failure at once, then 1, 2, 4 … 60 s.</summary>
        private TimeSpan Pause()
        {
            if (_status.Crashes is not (> 1 and var crashes) || _status.LastEnd is not { } end)
            {
                return TimeSpan.Zero;
            }

            var wait = TimeSpan.FromSeconds(Math.Pow(2, Math.Min(crashes - 2, 6)));
            wait = wait < LongestPause ? wait : LongestPause;

            // The end was told by another machine's clock.
            var left = wait - (view.Now - new DateTimeOffset(DateTime.SpecifyKind(end, DateTimeKind.Utc)));
            return left < wait ? left : wait;
        }

        /// <summary>Somebody holds the epoch.</summary>
        private void Keep()
        {
            var holder = Holder;
            DueAtGrant();
            if (holder is null && view.Report is null)
            {
                Say(BotPhase.Starting, $"epoch {Epoch} begins");
                return;
            }

            if (holder is null || holder.Deleting || holder.Ended)
            {
                Say(BotPhase.Stopping, holder is null ? $"{Silent} is gone; waiting until it can't act any more" : $"{holder.Name} comes to its end");
                Condition("Ready", false, "Stopping", _status.Message!);
                return;
            }

            if (holder.Revision == Target && holder.Epoch > _replaceThrough)
            {
                if (Next() is { } needless)
                {
                    Delete(needless, "it is not needed any more");
                }

                if (Stuck(holder) is { } stuck)
                {
                    Condemn(holder.Revision, TimeSpan.Zero, stuck);
                    Delete(holder, stuck);
                    Say(BotPhase.Stopping, stuck);
                    Condition("Ready", false, "Stopping", stuck);
                    return;
                }

                SayHolds(holder);
                return;
            }

            var why = holder.Revision == Target ? _status.Conditions?.FirstOrDefault(c => c.Type == "Alert")?.Message ?? "it is replaced" : $"version {Target} follows {holder.Revision}";
            var deaf = holder.Revision == Target;
            if (Acting && !deaf && _status.GoodRevision is null)
            {
                // What acts is something to go back to, though it has not got through its window.
                _status = _status with { GoodRevision = holder.Revision };
            }

            if (Acting && _spec.Handover?.Strategy == BotHandover.Warm && (!deaf || _spec.Freshness?.Remedy == "Handover"))
            {
                WarmUp(holder, why);
                return;
            }

            if (Acting && !deaf)
            {
                _steps.Add(new BotStep(BotStepKind.TryPod, BotNames.PodOf(view.Bot.Metadata.Name, NextEpoch), NextEpoch, Target));
            }

            Replace(holder, why);
        }

        /// <summary>Ends it, in order, so that the next may begin.</summary>
        private void Replace(BotPod holder, string why)
        {
            Delete(holder, why);
            Say(BotPhase.Stopping, why);
            Condition("Ready", false, "Updating", why);
        }

        /// <summary>Why a new version that does not get as far as to run is given up, when there is one to go back to; null when it isn't.</summary>
        private string? Stuck(BotPod holder)
        {
            if (Acting || holder.Trouble is not { } trouble || holder.Revision != view.Revision || _status.GoodRevision is not { } good || good == holder.Revision || _spec.Handover?.RevertWindowSeconds == 0)
            {
                return null;
            }

            var limit = TimeSpan.FromSeconds(_spec.Start?.DeadlineSeconds ?? 60);
            var left = limit - (view.Now - holder.Created);
            if (left > TimeSpan.Zero)
            {
                Due(left < limit ? left : limit);
                return null;
            }

            return $"{holder.Name} did not start within {limit.TotalSeconds:0} s ({trouble})";
        }

        private void WarmUp(BotPod holder, string why)
        {
            var warmUp = TimeSpan.FromSeconds(_spec.Handover?.WarmUpSeconds ?? 120);
            var failed = view.Pods.Where(p => p.Epoch > Epoch && p.Ended && !p.Deleting && p.Revision == Target && p.Standby).MaxBy(p => p.Epoch);
            var next = Next();
            if (next is not null && (next.Revision != Target || !next.Standby))
            {
                Delete(next, "another version is wanted");
                next = null;
            }

            var fault = view.Report?.Refused is { } refused && refused == next?.Name ? view.Report.Fault
                : next is { Ready: false } && view.Now - next.Created > warmUp ? $"{next.Name} was not ready after {warmUp.TotalSeconds:0} s{(next.Trouble is { } trouble ? $" ({trouble})" : "")}"
                : next is null && failed is not null ? $"{failed.Name} ended while it warmed up{(failed.Trouble is { } end ? $" ({end})" : "")}"
                : null;
            if (fault is not null)
            {
                // The newest that has ended by itself stays, for its logs.
                foreach (var pod in view.Pods.Where(p => p.Epoch > Epoch && !p.Deleting && p != failed))
                {
                    Delete(pod, "the handover has failed");
                }

                if (holder.Revision == Target)
                {
                    // It is the same version that can't do what it should: then stop and start is what is left.
                    Replace(holder, $"{why}; a handover has failed: {fault}");
                    return;
                }

                _status = Target == view.Revision ? _status with { FailedRevision = view.Revision } : _status;
                SayHolds(holder);
                Condition("Reverted", true, "HandoverFailed", $"version {Target} did not take over: {fault}. {holder.Name} goes on.");
                return;
            }

            if (next is null)
            {
                _steps.Add(new BotStep(BotStepKind.MakePod, BotNames.PodOf(view.Bot.Metadata.Name, NextEpoch), NextEpoch, Target, Standby: true));
                Due(warmUp);
            }
            else if (!next.Ready)
            {
                Due(warmUp - (view.Now - next.Created));
            }
            else if (holder.YieldTo != next.Name)
            {
                _steps.Add(new BotStep(BotStepKind.AskToYield, holder.Name, next.Epoch, Why: next.Name));
            }

            Say(BotPhase.HandingOver, next is { Ready: true } ? $"{holder.Name} hands over to {next.Name}" : $"{why}: it warms up beside {holder.Name}{(next?.Trouble is { } waits ? $" ({waits})" : "")}");
        }

        private void SayHolds(BotPod holder)
        {
            if (Acting)
            {
                Say(BotPhase.Active, _before.FailedRevision == view.Revision ? $"acts with version {holder.Revision}, since {view.Revision} failed" : "acts");
                Condition("Ready", true, "Acting", $"epoch {Epoch} acts");
                return;
            }

            var report = view.Report?.Fault;
            var trouble = report ?? holder.Trouble;
            var stopping = view.Report?.State == BotReport.Stopping;
            Say(stopping ? BotPhase.Stopping : BotPhase.Starting, stopping ? "is brought to rest" : trouble ?? "starts");
            Condition("Ready", false, stopping ? "Stopping" : report is null && holder.Trouble?.Split(':') is [var reason, _, ..] && reason.All(char.IsAsciiLetter) ? reason : "Starting", _status.Message!);
        }

        private void Delete(BotPod pod, string why)
        {
            if (_steps.All(s => s.Kind != BotStepKind.DeletePod || s.Pod != pod.Name))
            {
                _steps.Add(new BotStep(BotStepKind.DeletePod, pod.Name, pod.Epoch, Why: why));
            }
        }

        private void Say(string phase, string message) => _status = _status with { Phase = phase, Message = message };

        private void Condition(string type, bool status, string reason, string message) =>
            _status = _status with { Conditions = Conditions.With(_status.Conditions, type, status ? "True" : "False", reason, message, view.Now) };

        private void DueAtGrant()
        {
            if (view.GrantIn is { } wait && wait > TimeSpan.Zero)
            {
                Due(wait + TimeSpan.FromMilliseconds(1));
            }
        }

        private void Due(TimeSpan wait) => _due = _due is { } due && due < wait ? due : wait;
    }
}
