using Kaji.Bots.Api;

namespace Kaji.Bots.Operator;

/// <summary>A bot that is there, and what its fleet wants it to be.</summary>
public sealed record FleetBotPair(FleetMember Member, Bot Bot);

/// <summary>What a fleet does now about a change of its template, and what it says of it.</summary>
/// <param name="Template">The change: hash of what the fleet says.</param>
public sealed record RolloutPlan(FleetStatus Status, string Template)
{
    /// <summary>Bots that get at once what makes no other version (guards, freshness, schedule).</summary>
    public IReadOnlyList<FleetBotPair> Touch { get; init; } = [];

    /// <summary>Who may get the change now, in this order, until <see cref="Count"/> have: the server may refuse it for one.</summary>
    public IReadOnlyList<FleetBotPair> Next { get; init; } = [];

    public int Count { get; init; }

    /// <summary>Bots that go back to the version before.</summary>
    public IReadOnlyList<Bot> TakeBack { get; init; } = [];

    /// <summary>When to look again although nothing has changed.</summary>
    public TimeSpan? Due { get; init; }

    /// <summary>Pure: from the fleet and its bots to the next step.</summary>
    /// <param name="present">The fleet's bots that there are, by name.</param>
    /// <param name="refused">Names of bots whose change the server has just refused: it is not asked again at once.</param>
    public static RolloutPlan Of(BotFleet fleet, IReadOnlyList<FleetMember> members, IReadOnlyDictionary<string, Bot> present, ICollection<string> refused, DateTimeOffset now)
    {
        var planner = new Planner(fleet, members, present, refused, now);
        var plan = planner.Plan();
        return plan with { Touch = planner.TouchBut(plan.TakeBack) };
    }

    private sealed class Planner
    {
        private static readonly TimeSpan ALittle = TimeSpan.FromMilliseconds(10);
        private readonly FleetRollout _rules;
        private readonly TimeSpan _pause;
        private readonly DateTimeOffset _now;
        private readonly string _template;
        private readonly int _members;
        private readonly FleetBotPair[] _known;
        private readonly FleetBotPair[] _updated;

        /// <summary>Those that got their version with this change. Only they tell whether it is a good one.</summary>
        private readonly FleetBotPair[] _changed;

        /// <summary>Acting ones first: one at rest would tell nothing of the change.</summary>
        private readonly FleetBotPair[] _waiting;
        private readonly ICollection<string> _refused;
        private readonly FleetStatus _status;

        public Planner(BotFleet fleet, IReadOnlyList<FleetMember> members, IReadOnlyDictionary<string, Bot> present, ICollection<string> refused, DateTimeOffset now)
        {
            (_rules, _refused, _now, _members) = (fleet.Spec.Rollout ?? new FleetRollout(), refused, now, members.Count);
            (_template, _pause) = (FleetMark.TemplateOf(fleet.Spec), TimeSpan.FromSeconds(_rules.PauseSeconds ?? 10));
            _known = [.. members.Where(m => present.TryGetValue(m.Name, out var bot) && bot.Metadata.DeletionTimestamp is null).Select(m => new FleetBotPair(m, present[m.Name]))];
            var has = _known.ToLookup(b => FleetMark.HasVersion(b.Bot, b.Member));
            _updated = [.. has[true]];
            _changed = [.. _updated.Where(b => FleetMark.Of(b.Bot).Template == _template)];
            _waiting = [.. has[false].OrderByDescending(b => Acts(b.Bot)).ThenBy(b => b.Member.Name, StringComparer.Ordinal)];
            var status = fleet.Status ?? new FleetStatus();
            _status = status with
            {
                Bots = members.Count, Active = _known.Count(b => Acts(b.Bot)), Updated = _updated.Length, FailedTemplate = status.FailedTemplate == _template ? _template : null,

                // What was begun with another template is over: this one begins with canaries.
                StepSince = status.StepTemplate == _template ? status.StepSince : null, StepTemplate = status.StepTemplate == _template ? _template : null,
            };
        }

        private bool Begun => _status is { StepSince: not null, StepTemplate: not null };

        public IReadOnlyList<FleetBotPair> TouchBut(IReadOnlyList<Bot> others) => [.. _updated.Where(b => !FleetMark.HasAll(b.Bot, b.Member) && !others.Contains(b.Bot, ReferenceEqualityComparer.Instance))];

        public RolloutPlan Plan()
        {
            var bad = _changed.FirstOrDefault(b => Reverted(b.Bot));
            if (_status.FailedTemplate is not null || (Begun && bad is not null))
            {
                return Failed(bad);
            }

            if (_waiting.Length == 0)
            {
                return Begun && !IsWell ? Say("RollingOut", $"all {_known.Length} bots have the change; it is whole when all have acted well with it{Blocker()}") : Whole(bad);
            }

            if (_rules.Paused == true)
            {
                return Say("Paused", $"{_updated.Length} of {_known.Length} bots have the change; spec.rollout.paused holds the others");
            }

            // Bots that were brought to rest with the change tell nothing of it: while others act, some of those come first.
            var first = !Begun || _changed.Length == 0 || (_changed.All(b => AtRest(b.Bot)) && _waiting.Any(b => Acts(b.Bot)));
            var wait = first ? TimeSpan.Zero : Pause();
            var plan = Say("RollingOut", $"{_updated.Length} of {_known.Length} bots have the change{Blocker()}");
            return first || (IsWell && wait <= TimeSpan.Zero) ? Step(plan, first) : plan with { Due = wait > TimeSpan.Zero ? wait + ALittle : null };
        }

        private RolloutPlan Step(RolloutPlan plan, bool first)
        {
            FleetBotPair[] next = [.. _waiting.Where(b => !_refused.Contains(b.Member.Name))];
            if (next.Length == 0)
            {
                return plan;
            }

            var count = first && _rules.Canary != 0 ? _rules.Canary ?? 1 : _rules.Step ?? 0;
            return plan with
            {
                Status = plan.Status with { StepSince = _now.UtcDateTime, StepTemplate = _template }, Next = next, Count = count == 0 ? next.Length : count, Due = _pause > TimeSpan.Zero ? _pause + ALittle : null,
            };
        }

        /// <summary>The rollout is over. A bot that was at rest all the while may still take the change back when it starts: that is its own affair then.</summary>
        private RolloutPlan Whole(FleetBotPair? bad)
        {
            var plan = Say("Ready", $"{_members} bots{(bad is null ? "" : $"; {bad.Member.Name} took its last change back")}");
            return plan with { Status = plan.Status with { StepSince = null, StepTemplate = null } };
        }

        /// <summary>Whether all that have the change act well with it or are meant to rest; with one at least that acts, when any could.</summary>
        private bool IsWell => _changed.All(b => Settled(b.Bot) || AtRest(b.Bot)) && (_changed.Any(b => Settled(b.Bot)) || !_waiting.Any(b => Acts(b.Bot)));

        private RolloutPlan Failed(FleetBotPair? bad)
        {
            var plan = Say("RolloutFailed", bad is null ? _status is { Phase: "RolloutFailed", Message: { } told } ? told : "a bot took the change back. Change the fleet again to go on"
                : $"bot {bad.Member.Name} took the change back ({bad.Bot.Status?.Conditions?.FirstOrDefault(c => c.Type == "Reverted")?.Message}); "
                    + (_rules.AutoRevert == false ? $"{_waiting.Length} bots have not got it" : "no bot keeps it") + ". Change the fleet again to go on");

            // Those that failed themselves run their good version already.
            return plan with
            {
                Status = plan.Status with { FailedTemplate = _template, StepSince = null, StepTemplate = null }, TakeBack = _rules.AutoRevert == false ? [] : [.. _changed.Where(b => !Reverted(b.Bot)).Select(b => b.Bot)],
            };
        }

        private RolloutPlan Say(string phase, string message) => new(_status with { Phase = phase, Message = message }, _template);

        /// <summary>What is left of the time that the change must act well, from when the last of the bots that have it began to act.</summary>
        private TimeSpan Pause()
        {
            var since = _changed.Select(b => b.Bot.Status?.ActiveSince).Append(_status.StepSince).Max();
            return since is { } at ? new DateTimeOffset(DateTime.SpecifyKind(at, DateTimeKind.Utc)) + _pause - _now : TimeSpan.Zero;
        }

        /// <summary>Which bot the others wait for, where one needs a person.</summary>
        private string Blocker() =>
            _changed.FirstOrDefault(b => IsHalted(b.Bot)) is { } halted ? $"; bot {halted.Member.Name} is halted: resume it, or take the change back"
            : _changed.FirstOrDefault(b => b.Bot.Status?.Phase is BotPhase.Waiting or BotPhase.CrashLoop && !AtRest(b.Bot)) is { } stuck ? $"; bot {stuck.Member.Name} does not act with it: {stuck.Bot.Status?.Message}"
            : "";

        private static bool Acts(Bot bot) => bot.Status?.Phase == BotPhase.Active;

        private static bool IsHalted(Bot bot) => bot.Status?.Phase == BotPhase.Halted && bot.Spec.Stopped != true;

        /// <summary>By a person, or by its schedule.</summary>
        private static bool AtRest(Bot bot) => bot.Spec.Stopped == true || (bot.Status?.Phase == BotPhase.Stopped && bot.Status.ObservedGeneration == bot.Metadata.Generation);

        private static bool Settled(Bot bot) =>
            bot.Status is { Phase: BotPhase.Active } s && s.ObservedGeneration == bot.Metadata.Generation && s.Revision == BotPodMaker.RevisionOf(bot.Spec)
            && (bot.Spec.Activation?.Mode == BotSpec.Shared || s.GoodRevision == s.Revision);

        private static bool Reverted(Bot bot) => bot.Status?.FailedRevision is { } failed && failed == BotPodMaker.RevisionOf(bot.Spec);
    }
}
