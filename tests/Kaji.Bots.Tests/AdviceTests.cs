using k8s.Models;
using Kaji.Bots.Advice;
using Kaji.Bots.Api;
using Kaji.Bots.Fence;
using Kaji.Bots.Operator;

namespace Kaji.Bots.Tests;

/// <summary>What a person is told of a bot, and what to type next.</summary>
public sealed class AdviceTests
{
    [Theory]
    [InlineData("""{"all":true}""", "kaji resume --all")]
    [InlineData("""{"account":"keys/main"}""", "kaji resume --account keys/main")]
    [InlineData("""{"namespace":"ns"}""", "kaji resume -n ns")]
    [InlineData("""{"bots":["ns/b","ns/c"]}""", "kaji resume --bot ns/b --bot ns/c")]
    [InlineData("""{"matchLabels":{"team":"x"}}""", """kubectl patch halt h --type=merge -p '{"spec":{"released":{"why":"TEXT"}}}'""")]
    public void HaltedBot_IsResumedAsItWasHalted(string spec, string command)
    {
        var bot = Bot(BotPhase.Halted, labels: new() { ["team"] = "x" });
        bot.Spec = bot.Spec with { Account = "keys/main" };
        var over = HaltWords.Over(bot, [Halt("h", spec), Halt("other", """{"namespace":"elsewhere"}"""), Halt("over", """{"all":true,"released":{"by":"me"}}""")]);

        Assert.Equal($"when the cause is gone: {command}", NextStep.For(bot, null, over));
    }

    [Fact]
    public void BotUnderSeveralHalts_IsToldOfEach_OnceACommand()
    {
        var over = HaltWords.Over(Bot(BotPhase.Halted), [Halt("c", """{"all":true}"""), Halt("b", """{"all":true}"""), Halt("d", """{"namespace":"ns","flatten":true}""")]);

        Assert.Equal(["d", "b", "c"], over.Select(h => h.Metadata.Name));
        Assert.Equal("kaji resume -n ns; kaji resume --all", HaltWords.Release(over));
        Assert.Equal("kaji resume --all", HaltWords.Release([]));
    }

    [Theory]
    [InlineData(BotPhase.Stopped, "Stopped", "kubectl -n ns scale bot b --replicas=1", "kubectl -n ns edit botfleet f")]
    [InlineData(BotPhase.Stopped, "Schedule", "nothing needs to be done; to change its hours: kubectl -n ns edit bot b", "nothing needs to be done; to change its hours: kubectl -n ns edit botfleet f")]
    [InlineData(BotPhase.Waiting, "BadSchedule", "kubectl -n ns edit bot b", "kubectl -n ns edit botfleet f")]
    [InlineData(BotPhase.Waiting, "BadTemplate", "kubectl -n ns edit bot b", "kubectl -n ns edit botfleet f")]
    [InlineData(BotPhase.Waiting, "AccountDeleted", "kubectl -n ns get accounts", "kubectl -n ns get accounts")]
    [InlineData(BotPhase.Waiting, "ClaimRefused", "kaji bots", "kaji bots")]
    [InlineData(BotPhase.Waiting, "NameTaken", "delete what has that name", "delete what has that name")]
    [InlineData(BotPhase.Waiting, "", "nothing but to look again", "nothing but to look again")]
    [InlineData(null, "", "kaji status", "kaji status")]
    public void NextStep_FitsTheReason_AndAFleetsBotIsMendedInItsFleet(string? phase, string reason, string own, string fleets)
    {
        Assert.StartsWith(own, NextStep.For(Bot(phase, reason), null, []), StringComparison.Ordinal);
        Assert.StartsWith(fleets, NextStep.For(Bot(phase, reason, new() { [BotNames.FleetLabel] = "f" }), null, []), StringComparison.Ordinal);
    }

    [Fact]
    public void Pods_AreDescribedOnlyWhereThereAreSome()
    {
        var bot = Bot(BotPhase.Starting);
        bot.Status = bot.Status! with { Replicas = 1 };

        Assert.StartsWith("kubectl -n ns describe pods", NextStep.For(bot, null, []), StringComparison.Ordinal);
    }

    [Fact]
    public void Message_IsShownOnce_AsItWasLastSaid()
    {
        Corev1Event At(int minute, string message) => new() { Metadata = new V1ObjectMeta(), LastTimestamp = new DateTime(2026, 1, 1, 12, minute, 0, DateTimeKind.Utc), Message = message };

        Assert.Equal([(2, "a"), (3, "b")], NextStep.Lately([At(1, "b"), At(2, "a"), At(3, "b"), At(0, "c")], 2).Select(e => (e.LastTimestamp!.Value.Minute, e.Message)));
    }

    [Theory]
    [InlineData("RolloutFailed", 2, "RolloutFailed: why")]
    [InlineData("RolloutFailed", 1, null)]
    [InlineData("RollingOut", 2, null)]
    public void Fleet_IsHeard_WhenItNeedsAPerson(string phase, int observed, string? trouble) => Assert.Equal(trouble, NextStep.Trouble(Fleet(phase, observed)));

    [Fact]
    public void BotsAtRest_AreCounted_ForAHaltThatFlattens()
    {
        Bot[] bots = [Bot(BotPhase.Active), Named("held"), Named("released"), Named("never"), Named("shared")];
        bots[4].Spec = new BotSpec { Activation = new BotActivation { Mode = BotSpec.Shared } };
        V1Lease[] leases = [LeaseRecord.New("ns", "b", 5, 3), LeaseRecord.New("ns", "held", 5, 1), LeaseRecord.New("ns", "released", 5, 0)];

        Assert.Equal(2, HaltWords.AtRest(new HaltSpec { Namespace = "ns" }, bots, leases));
        Assert.Equal(1, HaltWords.AtRest(new HaltSpec { Bots = ["ns/never", "ns/held"] }, bots, leases));
    }

    [Fact]
    public void StoppedBot_SaysHowItStopped_AndASharedOneThatNoneRuns()
    {
        var bot = Bot(BotPhase.Stopped, "Stopped");
        Assert.Null(RestOutcome.Of(bot, stopped: true, generation: 2));
        Assert.Equal("ns/b is at rest", RestOutcome.Of(bot, stopped: true, generation: 1)!.Message);
        bot.Status = bot.Status! with { LastStop = new StopResult { Outcome = StopResult.Clean, OpenOrders = 0 } };
        Assert.Equal("ns/b is at rest: clean, 0 orders open", RestOutcome.Of(bot, stopped: true, generation: 1)!.Message);

        var shared = Bot(BotPhase.Stopped, "Stopped");
        shared.Spec = new BotSpec { Activation = new BotActivation { Mode = BotSpec.Shared } };
        shared.Status = shared.Status! with { Replicas = 1 };
        Assert.Null(RestOutcome.Of(shared, stopped: true, generation: 1));
        shared.Status = shared.Status with { Replicas = 0 };
        Assert.Equal("ns/b is at rest: none of its Pods runs", RestOutcome.Of(shared, stopped: true, generation: 1)!.Message);
        shared.Status = shared.Status with { Phase = BotPhase.Active, Message = "2 of 2 act" };
        Assert.Equal(new RestOutcome(false, "ns/b: 2 of 2 act"), RestOutcome.Of(shared, stopped: false, generation: 1));
    }

    [Fact]
    public void StartedBot_ThatMayNotAct_SaysWhy()
    {
        var bot = Bot(BotPhase.Stopped, "Schedule");
        bot.Status = bot.Status! with { Message = "its schedule has it rest until 2026-01-01 12:00 UTC" };

        Assert.StartsWith("ns/b may act, but its schedule has it rest", RestOutcome.Of(bot, stopped: false, generation: 1)!.Message, StringComparison.Ordinal);
        Assert.True(RestOutcome.Of(Bot(BotPhase.Halted), stopped: false, generation: 1)!.Failed);
        Assert.Null(RestOutcome.Of(Bot(BotPhase.Starting), stopped: false, generation: 1));
    }

    [Theory]
    [InlineData("Invalid", 2, true)]
    [InlineData("Paused", 2, true)]
    [InlineData("RolloutFailed", 2, true)]
    [InlineData("RolloutFailed", 1, false)]
    [InlineData("Refused", 2, true)]
    [InlineData("RollingOut", 2, false)]
    [InlineData("Ready", 2, false)]
    public void Deploy_EndsWhenItsFleetCantBringTheChange(string phase, int observed, bool ends)
    {
        var bot = Bot(BotPhase.Active);

        var outcome = DeployOutcome.Of(bot, bot, Fleet(phase, observed, "bot b: no"), 2);

        Assert.Equal(ends ? new DeployOutcome(true, $"fleet f is {phase}: bot b: no") : null, outcome);
        Assert.Null(DeployOutcome.Of(bot, bot, Fleet(phase, observed, "bot b: no"), 3));
    }

    [Fact]
    public void Deploy_IsNotEnded_ByAnotherBotsRefusal() => Assert.Null(DeployOutcome.Of(Bot(BotPhase.Active), Bot(BotPhase.Active), Fleet("Refused", 2, "bot bb: no"), 2));

    [Fact]
    public void Deploy_EndsWithTheVersion_HoweverItGoes()
    {
        var (before, after) = (Bot(BotPhase.Active), Bot(BotPhase.Active));
        after.Metadata.Generation = 2;
        after.Spec = after.Spec with { Markets = ["BTC"] };
        var wanted = BotPodMaker.RevisionOf(after.Spec);
        DeployOutcome? With(BotStatus status)
        {
            after.Status = status;
            return DeployOutcome.Of(before, after, Fleet("RolloutFailed", 2), 2);
        }

        Assert.Null(With(new BotStatus { Phase = BotPhase.Active, ObservedGeneration = 2, Revision = "old" }));
        Assert.Equal("epoch 4 acts; 7 ms passed between the two. It is taken back by itself if it fails within 30 s.", With(new BotStatus { Phase = BotPhase.Active, ObservedGeneration = 2, Revision = wanted, Epoch = 4, LastGapMilliseconds = 7 })!.Message);
        Assert.Equal(new DeployOutcome(true, "the new version was taken back: why"), With(new BotStatus { Phase = BotPhase.Active, ObservedGeneration = 2, Revision = "old", FailedRevision = wanted, Message = "why" }));
        Assert.False(With(new BotStatus { Phase = BotPhase.Halted, ObservedGeneration = 2 })!.Failed);
        Assert.True(DeployOutcome.Of(before, null, null, 0)!.Failed);
    }

    [Fact]
    public void Deploy_OfWhatMakesNoVersion_SaysSo_AndAVersionTakenBackWithOthersIsAFailure()
    {
        var (before, after) = (Bot(BotPhase.Active), Bot(BotPhase.Active));
        after.Metadata.Generation = after.Status!.ObservedGeneration.GetValueOrDefault() + 1;
        after.Status = after.Status with { ObservedGeneration = after.Metadata.Generation };

        Assert.Equal("nothing that runs has changed", DeployOutcome.Of(before, after, null, 0)!.Message);
        Assert.Equal("nothing that runs has changed", DeployOutcome.Of(before, after, Fleet("Ready", 2), 2)!.Message);
        Assert.Null(DeployOutcome.Of(before, after, Fleet("RollingOut", 2), 2));
        Assert.True(DeployOutcome.Of(before, after, Fleet("RolloutFailed", 2), 2)!.Failed);
    }

    [Fact]
    public void WhileItWaits_TheFleetIsHeard_ThenTheBot()
    {
        var (before, after) = (Bot(BotPhase.Active), Bot(BotPhase.Starting));
        after.Status = after.Status! with { Message = "starts" };

        Assert.Null(DeployOutcome.Word(before, before, Fleet("Ready", 1), 2));
        Assert.Equal("fleet f: why", DeployOutcome.Word(before, before, Fleet("RollingOut", 2), 2));
        after.Metadata.Generation = 2;
        Assert.Null(DeployOutcome.Word(before, after, Fleet("RollingOut", 2), 2));
        after.Status = after.Status with { ObservedGeneration = 2 };
        Assert.Equal("Starting: starts", DeployOutcome.Word(before, after, Fleet("RollingOut", 2), 2));
    }

    private static Halt Halt(string name, string spec) => new() { Metadata = new V1ObjectMeta { Name = name }, Spec = Client.ModelJson.Deserialize<Halt>(System.Text.Encoding.UTF8.GetBytes($$"""{"kind":"{{BotKinds.Halt.Kind}}","spec":{{spec}}}""")).Spec };

    private static BotFleet Fleet(string phase, int observed, string message = "why") => new()
    {
        Metadata = new V1ObjectMeta { Name = "f", NamespaceProperty = "ns", Generation = 2 }, Status = new FleetStatus { Phase = phase, ObservedGeneration = observed, Message = message },
    };

    private static Bot Named(string name) => new() { Metadata = new V1ObjectMeta { Name = name, NamespaceProperty = "ns" } };

    private static Bot Bot(string? phase, string reason = "", Dictionary<string, string>? labels = null) => new()
    {
        Metadata = new V1ObjectMeta { Name = "b", NamespaceProperty = "ns", Generation = 1, Labels = labels },
        Status = phase is null ? null : new BotStatus { Phase = phase, ObservedGeneration = 1, Conditions = [new V1Condition { Type = "Ready", Status = "False", Reason = reason }] },
    };
}
