using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Fence;
using Kaji.Bots.Operator;
using Kaji.Bots.Warden;

namespace Kaji.Bots.Tests;

/// <summary>What the operator does next, from what it sees: no I/O.</summary>
public sealed class BotPlanTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void NewBot_GetsItsLeaseFirst() => Assert.Equal([BotStepKind.MakeLease], Steps(View()));

    [Fact]
    public void LeaseThatWasDeleted_IsMadeAgain_WithTheNewestEpochThatThereWas()
    {
        var plan = BotPlan.Of(View(pods: [Pod(5), Pod(6) with { Standby = true }], status: new BotStatus { Epoch = 5, Node = "node" }));

        Assert.Equal([(BotStepKind.MakeLease, 6L)], plan.Steps.Select(s => (s.Kind, s.Epoch)));
        Assert.Equal((5L, "node"), (plan.Status.Epoch, plan.Status.Node));
    }

    [Fact]
    public void DeletedBot_NeedsNoLease_ToEndItsPods()
    {
        var plan = BotPlan.Of(View(pods: [Pod(4)]) with { Idle = (BotPhase.Stopped, "Deleted", "it is deleted") });

        Assert.Equal([(BotStepKind.DeletePod, "bot-4")], plan.Steps.Select(s => (s.Kind, s.Pod)));
    }

    [Fact]
    public void ReleasedLease_MakesAPodAndGrantsIt()
    {
        var plan = BotPlan.Of(View(epoch: 4, released: true));

        Assert.Equal([BotStepKind.MakePod, BotStepKind.Grant], plan.Steps.Select(s => s.Kind));
        Assert.All(plan.Steps, s => Assert.Equal(("bot-5", 5L), (s.Pod, s.Epoch)));
    }

    [Fact]
    public void SilentHolder_IsNotFollowed_BeforeItsTimeIsOver()
    {
        var plan = BotPlan.Of(View(epoch: 4, grantIn: TimeSpan.FromSeconds(2)));

        Assert.Empty(plan.Steps);
        Assert.True(plan.Due > TimeSpan.FromSeconds(2));
    }

    [Fact]
    public void SilentHolder_IsFollowed_ElsewhereWhenItsTimeIsOver()
    {
        var plan = BotPlan.Of(View(epoch: 4, grantIn: TimeSpan.Zero, pods: [Pod(4) with { Node = "dead" }]));

        Assert.Equal("dead", plan.Steps.Single(s => s.Kind == BotStepKind.MakePod).Avoid);
        Assert.Equal(5, plan.Steps.Single(s => s.Kind == BotStepKind.Grant).Epoch);
    }

    [Fact]
    public void HolderThatHasNotBegun_IsWaitedFor_AndSaysWhatFor()
    {
        var plan = BotPlan.Of(View(epoch: 4, grantIn: TimeSpan.Zero, pods: [Pod(4) with { Node = null, NotBegun = true, Ready = false, Trouble = "no node takes it: 0/1 nodes are available" }]));

        Assert.Empty(plan.Steps);
        Assert.Equal((BotPhase.Starting, "no node takes it: 0/1 nodes are available"), (plan.Status.Phase, plan.Status.Message));
        Assert.NotNull(plan.Due);
    }

    [Fact]
    public void StandbyOnTheNodeThatFellSilent_DoesNotGetTheEpoch()
    {
        var plan = BotPlan.Of(View(epoch: 4, grantIn: TimeSpan.Zero, pods: [Pod(4) with { Node = "dead" }, Pod(5) with { Node = "dead", Standby = true }]));

        Assert.Equal("bot-6", plan.Steps.Single(s => s.Kind == BotStepKind.Grant).Pod);
        Assert.Contains(plan.Steps, s => s is { Kind: BotStepKind.DeletePod, Pod: "bot-5" });
    }

    [Fact]
    public void EpochOfAFailedCandidate_IsNeverGivenAgain()
    {
        var plan = BotPlan.Of(View(epoch: 4, released: true, pods: [Pod(7) with { Ended = true }]));

        Assert.Equal(8, plan.Steps.Single(s => s.Kind == BotStepKind.Grant).Epoch);
    }

    [Fact]
    public void ActingHolder_IsLeftAlone() => Assert.Empty(Steps(View(epoch: 4, pods: [Pod(4)], acting: true)));

    [Fact]
    public void NewVersion_Recreates_ByEndingTheHolderFirst()
    {
        var plan = BotPlan.Of(View(epoch: 4, pods: [Pod(4, "old")], acting: true));

        Assert.Equal([BotStepKind.TryPod, BotStepKind.DeletePod], plan.Steps.Select(s => s.Kind));
        Assert.Equal("old", plan.Status.GoodRevision);
    }

    [Fact]
    public void NewVersion_WarmsUpBesideTheHolder_ThenAsksItToYield()
    {
        var spec = new BotSpec { Handover = new BotHandover { Strategy = BotHandover.Warm } };

        var first = BotPlan.Of(View(spec, epoch: 4, pods: [Pod(4, "old")], acting: true)).Steps.Single();
        Assert.Equal((BotStepKind.MakePod, 5L, true), (first.Kind, first.Epoch, first.Standby));
        Assert.Empty(Steps(View(spec, epoch: 4, pods: [Pod(4, "old"), Pod(5) with { Standby = true, Ready = false }], acting: true)));
        var yield = BotPlan.Of(View(spec, epoch: 4, pods: [Pod(4, "old"), Pod(5) with { Standby = true }], acting: true)).Steps.Single();
        Assert.Equal((BotStepKind.AskToYield, "bot-4", "bot-5"), (yield.Kind, yield.Pod, yield.Why));
    }

    [Fact]
    public void RefusedHandover_KeepsTheOldOne_AndDoesNotTryTheVersionAgain()
    {
        var spec = new BotSpec { Handover = new BotHandover { Strategy = BotHandover.Warm } };
        var view = View(spec, epoch: 4, pods: [Pod(4, "old"), Pod(5) with { Standby = true }], acting: true, status: new BotStatus { GoodRevision = "old" });

        var plan = BotPlan.Of(view with { Report = view.Report! with { Refused = "bot-5", Fault = "did not yield" } });

        Assert.Equal([(BotStepKind.DeletePod, "bot-5")], plan.Steps.Select(s => (s.Kind, s.Pod)));
        Assert.Equal("new", plan.Status.FailedRevision);
        Assert.Empty(Steps(View(spec, epoch: 4, pods: [Pod(4, "old")], acting: true, status: plan.Status)));
    }

    [Fact]
    public void DeafBotWhoseHandoverFails_IsRestartedInOrder_AndItsVersionIsNotBlamed()
    {
        var spec = new BotSpec { Handover = new BotHandover { Strategy = BotHandover.Warm }, Freshness = new BotFreshness { Metric = "age", Remedy = "Handover" } };
        var view = View(spec, epoch: 4, pods: [Pod(4), Pod(5) with { Standby = true, Ready = false, Created = Now.AddMinutes(-3) }], acting: true, status: new BotStatus { GoodRevision = "new" }) with { ReplaceThrough = 4 };

        var plan = BotPlan.Of(view);

        Assert.Equal([(BotStepKind.DeletePod, "bot-5"), (BotStepKind.DeletePod, "bot-4")], plan.Steps.Select(s => (s.Kind, s.Pod)));
        Assert.Null(plan.Status.FailedRevision);
    }

    [Fact]
    public void VersionThatTheApiRefuses_IsNotTried_AndWhatActsGoesOn()
    {
        var view = View(epoch: 4, pods: [Pod(4, "old")], acting: true, status: new BotStatus { Revision = "old" }) with { TemplateFault = "its template can't become a Pod: no" };

        var plan = BotPlan.Of(view);

        Assert.Empty(plan.Steps);
        Assert.Equal(("new", "old", BotPhase.Active), (plan.Status.FailedRevision, plan.Status.GoodRevision, plan.Status.Phase));
    }

    [Fact]
    public void VersionThatCanNotStart_IsTakenBack_WhenItsDeadlineIsOver()
    {
        BotView Stuck(int seconds) => View(epoch: 4, pods: [Pod(4) with { Ready = false, Trouble = "ErrImagePull: no such image", Created = Now.AddSeconds(-seconds) }], status: new BotStatus { GoodRevision = "old" });

        var waits = BotPlan.Of(Stuck(20));
        Assert.Empty(waits.Steps);
        Assert.Equal("ErrImagePull", waits.Status.Conditions!.Single(c => c.Type == "Ready").Reason);
        var over = BotPlan.Of(Stuck(61));
        Assert.Equal([(BotStepKind.DeletePod, "bot-4")], over.Steps.Select(s => (s.Kind, s.Pod)));
        Assert.Equal("new", over.Status.FailedRevision);
    }

    [Fact]
    public void BotOnALostNode_IsAtRest_OnceItsEpochIsFenced()
    {
        var gone = Pod(4) with { Deleting = true, NodeIsLost = true };

        Assert.True(View(epoch: 4, released: true, pods: [gone]).AtRest);
        Assert.True(View(epoch: 4, released: true, pods: [gone, Pod(5) with { Deleting = true, NodeIsLost = true }]).AtRest);
        Assert.False(View(epoch: 4, released: true, pods: [gone, Pod(5) with { Deleting = true }]).AtRest);
        Assert.False(View(epoch: 4, pods: [gone]).AtRest);
    }

    [Fact]
    public void VersionThatCrashesInItsWindow_IsTakenBack()
    {
        var status = new BotStatus { GoodRevision = "old", ActiveSince = Now.UtcDateTime.AddSeconds(-5), Revision = "new", Epoch = 4 };
        var view = View(epoch: 4, released: true, pods: [Pod(4) with { Ended = true }], status: status);

        var plan = BotPlan.Of(view with { LastStop = new StopResult { Epoch = 4, Outcome = StopResult.Unclean, Cause = StopResult.Crash, Why = "exit code 1" } });

        Assert.Equal("new", plan.Status.FailedRevision);
        Assert.Equal("old", plan.Steps.Single(s => s.Kind == BotStepKind.MakePod).Revision);
    }

    [Fact]
    public void Crashes_MakeTheNextStartWaitLonger_ButALostNodeDoesNot()
    {
        var status = new BotStatus { Crashes = 3, LastEnd = Now.UtcDateTime, LastStop = new StopResult { Epoch = 3 } };
        StopResult Stop(string cause) => new() { Epoch = 4, Cause = cause, At = Now.UtcDateTime };

        var crashed = BotPlan.Of(View(epoch: 4, released: true, status: status) with { LastStop = Stop(StopResult.Crash) });
        Assert.Equal((BotPhase.CrashLoop, 4), (crashed.Status.Phase, crashed.Status.Crashes));
        Assert.Equal(TimeSpan.FromSeconds(4), crashed.Due);
        var lost = BotPlan.Of(View(epoch: 4, released: true, status: status with { Crashes = 0 }) with { LastStop = Stop(StopResult.Lost) });
        Assert.Contains(lost.Steps, s => s.Kind == BotStepKind.Grant);
        Assert.Equal(1, lost.Status.Restarts);
    }

    [Fact]
    public void HaltedBot_EndsItsPods_AndAHolderThatVanishedIsWrittenOff()
    {
        var idle = (BotPhase.Halted, "Halted", "halt x");
        Assert.Equal([BotStepKind.DeletePod], Steps(View(epoch: 4, pods: [Pod(4)], acting: true) with { Idle = idle }));
        Assert.Equal([BotStepKind.WriteOff], Steps(View(epoch: 4, grantIn: TimeSpan.Zero) with { Idle = idle }));
        Assert.Equal(BotPhase.Halted, BotPlan.Of(View(epoch: 4, released: true) with { Idle = idle }).Status.Phase);
    }

    [Fact]
    public void Gap_IsFromTheLastActOfOneToTheFirstOfTheNext()
    {
        var view = View(epoch: 5, pods: [Pod(5)], acting: true);

        var plan = BotPlan.Of(view with { LastStop = new StopResult { Epoch = 4, ActedUntil = Now.UtcDateTime.AddSeconds(-10).AddMilliseconds(-42) } });

        Assert.Equal(42, plan.Status.LastGapMilliseconds);
    }

    private static BotStepKind[] Steps(BotView view) => [.. BotPlan.Of(view).Steps.Select(s => s.Kind)];

    private static BotPod Pod(long epoch, string revision = "new") => new(BotNames.PodOf("bot", epoch), epoch, revision) { Ready = true, Node = "node", Created = Now };

    private static BotView View(BotSpec? spec = null, long? epoch = null, bool released = false, TimeSpan? grantIn = null, BotPod[]? pods = null, bool acting = false, BotStatus? status = null) => new()
    {
        Bot = new Bot { Metadata = new V1ObjectMeta { Name = "bot", NamespaceProperty = "ns" }, Spec = spec ?? new BotSpec(), Status = status }, Now = Now, Pods = pods ?? [], Revision = "new",
        Lease = epoch is { } e ? new FenceRecord("1", e, BotNames.PodOf("bot", e), released) : null, GrantIn = released ? TimeSpan.Zero : grantIn ?? TimeSpan.FromSeconds(5),
        Report = acting ? new BotReport { Epoch = epoch ?? 0, State = BotReport.Acting, ActingSince = Now.UtcDateTime.AddSeconds(-10) } : null,
    };
}
