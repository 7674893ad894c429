using System.Text.Json;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Operator;

namespace Kaji.Bots.Tests;

/// <summary>Who gets a change of a fleet's template, and when: no I/O.</summary>
public sealed class RolloutPlanTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly DateTime LongAgo = Now.UtcDateTime.AddHours(-1);

    [Fact]
    public void Canary_IsAnActingBot_ThoughAnotherComesFirstByName()
    {
        var fleet = new Fleet("a", "b", "c").Change();
        fleet.Bots["a"].Status = new BotStatus { Phase = BotPhase.Stopped, ObservedGeneration = 1 };

        var plan = fleet.Plan();

        Assert.Equal((1, "b c a"), (plan.Count, Names(plan.Next)));
        Assert.Equal((Now.UtcDateTime, plan.Template, "RollingOut"), (plan.Status.StepSince, plan.Status.StepTemplate, plan.Status.Phase));
    }

    [Theory]
    [InlineData(0, 2, 2)]
    [InlineData(0, 0, 3)]
    [InlineData(2, 1, 2)]
    public void FirstStep_IsOfCanaries_OrOfAStep(int canary, int step, int count) =>
        Assert.Equal(count, new Fleet("a", "b", "c") { Rules = new FleetRollout { Canary = canary, Step = step } }.Change().Plan().Count);

    [Fact]
    public void Others_FollowWhenTheCanaryIsSettled_AndThePauseIsOver_FromWhenItBeganToAct()
    {
        var fleet = new Fleet("a", "b", "c").Change().Give("a", since: LongAgo);
        Assert.Empty(fleet.Plan().Next);

        fleet.Settle("a", Now.UtcDateTime.AddSeconds(-4));
        Assert.Empty(fleet.Plan().Next);
        Assert.InRange(fleet.Plan().Due!.Value, TimeSpan.FromSeconds(6), TimeSpan.FromSeconds(6.1));

        fleet.Settle("a", Now.UtcDateTime.AddSeconds(-11));
        Assert.Equal((2, "b c"), (fleet.Plan().Count, Names(fleet.Plan().Next)));
    }

    [Fact]
    public void BotThatFailedAnEarlierChange_NeitherFailsNorBlocks()
    {
        var fleet = new Fleet("a", "b", "c").Change();
        fleet.Give("a", since: LongAgo, template: "0123456789").Fail("a");
        Assert.Equal(("RollingOut", "b c"), (fleet.Plan().Status.Phase, Names(fleet.Plan().Next)));

        fleet.Give("b", since: LongAgo).Settle("b", LongAgo);
        Assert.Equal(("RollingOut", "c"), (fleet.Plan().Status.Phase, Names(fleet.Plan().Next)));
    }

    [Fact]
    public void BotThatTookThisChangeBack_EndsTheRollout_AndTheOthersThatHadItGoBack()
    {
        var fleet = new Fleet("a", "b", "c", "d").Change().Give("a", since: LongAgo).Give("b", since: LongAgo).Give("d", since: LongAgo, template: "0123456789").Settle("b", LongAgo).Fail("a");

        var plan = fleet.Plan();

        Assert.Equal(("RolloutFailed", plan.Template), (plan.Status.Phase, plan.Status.FailedTemplate));
        Assert.StartsWith("bot a took the change back (guard pnl); no bot keeps it", plan.Status.Message, StringComparison.Ordinal);
        Assert.Equal(["b"], plan.TakeBack.Select(b => b.Metadata.Name));
        Assert.Empty(plan.Next);

        // The server refused something meanwhile: the next look still knows why the rollout failed.
        fleet.Status = plan.Status with { Phase = "Refused", Message = "bot b: no" };
        Assert.Equal((plan.Status.Message, "b"), (fleet.Plan().Status.Message, Assert.Single(fleet.Plan().TakeBack).Metadata.Name));

        fleet.Rules = new FleetRollout { AutoRevert = false };
        Assert.Empty(fleet.Plan().TakeBack);

        Assert.Equal("b c d", Names(fleet.Change("third").Plan().Next.Where(b => b.Member.Name != "a")));
        Assert.Null(fleet.Plan().Status.FailedTemplate);
    }

    [Fact]
    public void HaltedBot_BlocksTheRollout_AndIsNamed()
    {
        var fleet = new Fleet("a", "b").Change().Give("a", since: LongAgo).Settle("a", LongAgo);
        fleet.Bots["a"].Status = fleet.Bots["a"].Status! with { Phase = BotPhase.Halted };

        var plan = fleet.Plan();

        Assert.Empty(plan.Next);
        Assert.Contains("bot a is halted: resume it, or take the change back", plan.Status.Message, StringComparison.Ordinal);

        Assert.Contains("bot a is halted", fleet.Give("b", since: LongAgo).Settle("b", LongAgo).Plan().Status.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void BotBroughtToRestWithTheChange_IsFollowedByAnotherCanary_WhileOthersAct()
    {
        var fleet = new Fleet("a", "b", "c").Change().Give("a", since: Now.UtcDateTime);
        fleet.Bots["a"].Spec = fleet.Bots["a"].Spec with { Stopped = true };

        Assert.Equal((1, "b c"), (fleet.Plan().Count, Names(fleet.Plan().Next)));
    }

    [Fact]
    public void FleetAtRest_GetsTheChangeInSteps_AndIsWhole()
    {
        var fleet = new Fleet("a", "b").Change().Give("a", since: LongAgo);
        foreach (var bot in fleet.Bots.Values)
        {
            bot.Status = new BotStatus { Phase = BotPhase.Stopped, ObservedGeneration = bot.Metadata.Generation };
        }

        Assert.Equal("b", Names(fleet.Plan().Next));

        fleet.Give("b", since: LongAgo);
        fleet.Bots["b"].Status = new BotStatus { Phase = BotPhase.Stopped, ObservedGeneration = 2 };
        Assert.Equal(("Ready", null, null), (fleet.Plan().Status.Phase, fleet.Plan().Status.StepSince, fleet.Plan().Status.StepTemplate));

        // One that starts later and fails takes nobody back any more.
        fleet.Status = fleet.Plan().Status;
        Assert.Equal(("Ready", "2 bots; b took its last change back"), (fleet.Fail("b").Plan().Status.Phase, fleet.Plan().Status.Message));
        Assert.Empty(fleet.Plan().TakeBack);
    }

    [Fact]
    public void TemplateThatChangesMeanwhile_BeginsAgainWithCanaries()
    {
        var fleet = new Fleet("a", "b", "c").Change().Give("a", since: LongAgo).Settle("a", LongAgo).Change("third");

        Assert.Equal((1, "a b c"), (fleet.Plan().Count, Names(fleet.Plan().Next)));
    }

    [Fact]
    public void SharedBot_IsSettled_WhenItsDeploymentIsOfTheSpecsVersion()
    {
        var fleet = new Fleet("a", "b") { Mode = BotSpec.Shared }.Change().Give("a", since: LongAgo);
        fleet.Bots["a"].Status = new BotStatus { Phase = BotPhase.Active, ObservedGeneration = 2, Revision = "old" };
        Assert.Empty(fleet.Plan().Next);

        fleet.Bots["a"].Status = fleet.Bots["a"].Status! with { Revision = BotPodMaker.RevisionOf(fleet.Bots["a"].Spec) };
        Assert.Equal("b", Names(fleet.Plan().Next));

        fleet.Bots["a"].Status = fleet.Bots["a"].Status! with { ObservedGeneration = 1 };
        Assert.Empty(fleet.Plan().Next);
    }

    [Fact]
    public void RefusedBot_IsPassedOver_AndPausedHoldsAll()
    {
        var fleet = new Fleet("a", "b").Change();
        Assert.Equal("b", Names(fleet.Plan("a").Next));
        Assert.Equal((0, null), (fleet.Plan("a", "b").Next.Count, fleet.Plan("a", "b").Status.StepSince));

        fleet.Rules = new FleetRollout { Paused = true };
        Assert.Equal(("Paused", 0), (fleet.Plan().Status.Phase, fleet.Plan().Next.Count));
    }

    [Fact]
    public void WhatMakesNoVersion_ReachesAllAtOnce()
    {
        var fleet = new Fleet("a", "b");
        fleet.Extra = ""","handover":{"strategy":"Warm"}""";

        Assert.Equal("a b", Names(fleet.Plan().Touch));
        Assert.Equal(("Ready", 0), (fleet.Plan().Status.Phase, fleet.Plan().Next.Count));
    }

    private static string Names(IEnumerable<FleetBotPair> bots) => string.Join(' ', bots.Select(b => b.Member.Name));

    /// <summary>A fleet and its bots, which act with the first image until they are given another.</summary>
    private sealed class Fleet
    {
        private string _image = "first";

        public Fleet(params string[] names)
        {
            Bots = names.ToDictionary(n => n, n => new Bot { Metadata = new V1ObjectMeta { Name = n, NamespaceProperty = "ns" } }, StringComparer.Ordinal);
            foreach (var name in names)
            {
                Give(name, null, template: "", generation: 1).Settle(name, LongAgo);
            }
        }

        public Dictionary<string, Bot> Bots { get; }

        public FleetRollout Rules { get; set; } = new();

        public FleetStatus Status { get; set; } = new();

        public string Extra { get; set; } = "";

        public string Mode { get; init; } = BotSpec.Singleton;

        private BotFleet Object => new()
        {
            Metadata = new V1ObjectMeta { Name = "f", NamespaceProperty = "ns" }, Status = Status,
            Spec = JsonSerializer.Deserialize($$$"""{"name":"$(n)","matrix":[{"name":"n","values":[{{{string.Join(',', Bots.Keys.Select(k => $"\"{k}\""))}}}]}],"template":{"activation":{"mode":"{{{Mode}}}"},"template":{"image":"{{{_image}}}"}{{{Extra}}}}}""", BotJson.Default.FleetSpec)! with { Rollout = Rules },
        };

        public Fleet Change(string image = "second")
        {
            _image = image;
            return this;
        }

        public Fleet Give(string name, DateTime? since, string? template = null, long generation = 2)
        {
            var (bot, member) = (Bots[name], FleetPlan.Of(Object).Members.Single(m => m.Name == name));
            bot.Spec = member.Spec;
            bot.Metadata.Generation = generation;
            bot.Metadata.Annotations = new Dictionary<string, string> { [FleetMark.Annotation] = FleetMark.For(member, template ?? FleetMark.TemplateOf(Object.Spec)).ToString() };
            Status = Status with { StepSince = since, StepTemplate = since is null ? null : FleetMark.TemplateOf(Object.Spec) };
            return this;
        }

        /// <summary>It acts and has got through its window.</summary>
        public Fleet Settle(string name, DateTime since)
        {
            var (bot, revision) = (Bots[name], BotPodMaker.RevisionOf(Bots[name].Spec));
            bot.Status = new BotStatus { Phase = BotPhase.Active, ObservedGeneration = bot.Metadata.Generation, ActiveSince = since, Revision = revision, GoodRevision = revision };
            return this;
        }

        public Fleet Fail(string name)
        {
            var bot = Bots[name];
            bot.Status = new BotStatus { Phase = BotPhase.Active, ObservedGeneration = bot.Metadata.Generation, ActiveSince = LongAgo, Revision = "good", GoodRevision = "good", FailedRevision = BotPodMaker.RevisionOf(bot.Spec), Conditions = [new V1Condition { Type = "Reverted", Status = "True", Message = "guard pnl" }] };
            return this;
        }

        public RolloutPlan Plan(params string[] refused) => RolloutPlan.Of(Object, FleetPlan.Of(Object).Members, Bots, refused, Now);
    }
}
