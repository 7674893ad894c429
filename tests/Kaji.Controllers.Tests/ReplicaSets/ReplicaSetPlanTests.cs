using k8s.Models;
using Kaji.Controllers.ReplicaSets;
using static Kaji.Controllers.Tests.Objects;

namespace Kaji.Controllers.Tests.ReplicaSets;

public sealed class ReplicaSetPlanTests
{
    private static readonly HashSet<string> None = [];

    [Fact]
    public void Of_TooFew_CreatesTheMissing_AndEndedOrLeavingPodsDoNotCount()
    {
        var leaving = Pod("p3");
        leaving.Metadata.DeletionTimestamp = Now.UtcDateTime;

        var plan = ReplicaSetPlan.Of(Set(4), [Pod("p1"), Pod("p2", phase: "Failed"), leaving], Now);

        Assert.Equal(3, plan.Create);
        Assert.Empty(plan.Delete);
    }

    [Fact]
    public void Of_ManyMissing_IsBounded() => Assert.Equal(ReplicaSetPlan.Burst, ReplicaSetPlan.Of(Set(5000), [], Now).Create);

    public static TheoryData<string, V1Pod, V1Pod> Ranks() => new()
    {
        { "not on a node", Pod("x1", phase: "Pending", ready: false, node: null), Pod("y1", phase: "Pending", ready: false) },
        { "pending", Pod("x1", phase: "Pending", ready: false), Pod("y1", phase: "Unknown", ready: false) },
        { "unknown", Pod("x1", phase: "Unknown", ready: false), Pod("y1", ready: false) },
        { "not ready", Pod("x1", ready: false), Pod("y1") },
        { "lower cost", Pod("x1", cost: "-5", readyFor: 500), Pod("y1", cost: "3") },
        { "ready for a shorter time", Pod("x1", readyFor: 5), Pod("y1", readyFor: 50) },
        { "restarted more", Pod("x1", restarts: 3), Pod("y1", restarts: 1) },
        { "younger", Pod("x1", age: 5), Pod("y1", age: 50) },
    };

    [Theory]
    [MemberData(nameof(Ranks))]
    public void Of_TooMany_DeletesTheOneMissedLeast(string why, V1Pod first, V1Pod second)
    {
        Assert.NotEmpty(why);
        Assert.Equal("x1", Assert.Single(ReplicaSetPlan.Of(Set(1), [second, first], Now).Delete).Metadata.Name);
        Assert.Equal("x1", Assert.Single(ReplicaSetPlan.Of(Set(1), [first, second], Now).Delete).Metadata.Name);
    }

    [Fact]
    public void Of_TooMany_TakesFromTheNodeThatHasMore() =>
        Assert.Equal("n1", Assert.Single(ReplicaSetPlan.Of(Set(2), [Pod("p1", node: "n2", readyFor: 1), Pod("p2"), Pod("p3")], Now).Delete).Spec.NodeName);

    [Fact]
    public void Status_CountsReadyAvailableAndLabelled()
    {
        var set = Set(4, minReadySeconds: 30);
        var labelled = Pod("p1");
        labelled.Metadata.Labels["pod-template-hash"] = "web-1";
        var leaving = Pod("p4");
        leaving.Metadata.DeletionTimestamp = Now.UtcDateTime;

        var status = ReplicaSetPlan.Status(set, [labelled, Pod("p2", readyFor: 10), Pod("p3", ready: false), leaving], None, null, Now);

        Assert.Equal((3, 2, 1, 1, 1), (status.Replicas, status.ReadyReplicas, status.AvailableReplicas, status.FullyLabeledReplicas, status.TerminatingReplicas));
        Assert.Equal(1, status.ObservedGeneration);
        Assert.Null(status.Conditions);
    }

    [Fact]
    public void Status_PodWhoseDeletionWasAskedFor_IsNotAvailableAnyMore()
    {
        var status = ReplicaSetPlan.Status(Set(1), [Pod("p1"), Pod("p2")], new HashSet<string> { "uid-p2" }, null, Now);
        Assert.Equal((1, 1, 1), (status.Replicas, status.AvailableReplicas, status.TerminatingReplicas));
    }

    [Fact]
    public void Status_Refused_SaysReplicaFailure_UntilItHeals()
    {
        var set = Set(1);
        set.Status = ReplicaSetPlan.Status(set, [], None, new PodFailure("FailedCreate", "no"), Now);
        var condition = Assert.Single(set.Status.Conditions);
        Assert.Equal(("ReplicaFailure", "True", "FailedCreate", "no"), (condition.Type, condition.Status, condition.Reason, condition.Message));
        Assert.Equal(condition.LastTransitionTime, ReplicaSetPlan.Status(set, [], None, new PodFailure("FailedCreate", "still"), Now.AddMinutes(1)).Conditions[0].LastTransitionTime);
        Assert.Null(ReplicaSetPlan.Status(set, [], None, null, Now).Conditions);
    }

    [Fact]
    public void NextAvailable_IsTheNearestPodsRest()
    {
        Assert.Equal(TimeSpan.FromSeconds(20), ReplicaSetPlan.NextAvailable(Set(3, minReadySeconds: 30), [Pod("p1", readyFor: 5), Pod("p2", readyFor: 10), Pod("p3", readyFor: 99), Pod("p4", ready: false)], Now));
        Assert.Null(ReplicaSetPlan.NextAvailable(Set(3), [Pod("p1")], Now));
    }

    [Fact]
    public void PodNames_AreTheOwnersAndFiveLetters_AndFitALabel()
    {
        Assert.Matches("^web-abc-[bcdfghjklmnpqrstvwxz2456789]{5}$", PodNames.Next("web-abc", new Random(1)));
        Assert.Equal(63, PodNames.Next(new string('a', 80), new Random(1)).Length);
    }
}
