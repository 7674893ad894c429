using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Operator;

namespace Kaji.Bots.Tests;

/// <summary>What is said of a Shared bot, from its Deployment and Pods.</summary>
public sealed class SharedStateTests
{
    private static readonly (string, string, string) Stop = (BotPhase.Stopped, "Stopped", "it was stopped");

    [Fact]
    public void AllOfThisVersion_Acts() => Assert.Equal((BotPhase.Active, "2 of 2 act"), Of(Deployment(2), [Pod("new"), Pod("new")], 2));

    [Fact]
    public void DeploymentNotTakenIn_Starts() => Assert.Equal((BotPhase.Starting, "its Deployment is taken in"), Of(Deployment(2, observed: 1), [Pod("old"), Pod("old")], 2));

    [Fact]
    public void OldPodLeft_Starts() => Assert.Equal((BotPhase.Starting, "1 of another version come to their end"), Of(Deployment(2), [Pod("new"), Pod("new"), Pod("old")], 2));

    [Fact]
    public void NotAllAvailable_SaysHowMany() => Assert.Equal((BotPhase.Starting, "1 of 2 are ready"), Of(Deployment(2, available: 1), [Pod("new"), Pod("new") with { Ready = false }], 2));

    [Fact]
    public void PodInTrouble_IsWhatItWaitsFor() =>
        Assert.Equal((BotPhase.Starting, "x-1: ErrImagePull: no such image"), Of(Deployment(2, updated: 1, available: 2), [Pod("old"), Pod("old"), Pod("new") with { Ready = false, Trouble = "ErrImagePull: no such image" }], 2));

    [Fact]
    public void PodLeft_IsStopping_HoweverManyAreAskedFor()
    {
        Assert.Equal((BotPhase.Stopping, "stopping: it was stopped"), Of(Deployment(0), [Pod("new") with { Deleting = true }], 0, Stop));
        Assert.Equal((BotPhase.Stopping, "stopping: it was stopped"), Of(Deployment(0, observed: 1), [], 0, Stop));
        Assert.Equal((BotPhase.Stopping, "stopping: it was stopped"), Of(Deployment(2), [], 0, Stop));
    }

    [Fact]
    public void NoPodLeft_IsStopped()
    {
        Assert.Equal((BotPhase.Stopped, "it was stopped"), Of(Deployment(0), [Pod("new") with { Ended = true }], 0, Stop));
        Assert.Equal((BotPhase.Stopped, "it was stopped"), Of(null, [], 0, Stop));
    }

    [Fact]
    public void DeploymentOfAnother_IsNotOwned()
    {
        var bot = new Bot { Metadata = new V1ObjectMeta { Uid = "b" } };
        var deployment = Deployment(1);
        Assert.False(SharedState.Owns(bot, deployment));
        deployment.Metadata.OwnerReferences = [new V1OwnerReference { Uid = "a", Controller = true, ApiVersion = "v1", Kind = "Bot", Name = "x" }];
        Assert.False(SharedState.Owns(bot, deployment));
        deployment.Metadata.OwnerReferences[0].Uid = "b";
        Assert.True(SharedState.Owns(bot, deployment));
    }

    private static (string, string) Of(V1Deployment? deployment, BotPod[] pods, int replicas, (string, string, string)? idle = null)
    {
        var state = SharedState.Of(deployment, pods, replicas, "new", idle);
        return (state.Phase, state.Message);
    }

    private static BotPod Pod(string revision) => new("x-1", 0, revision) { Ready = true };

    private static V1Deployment Deployment(int replicas, long observed = 2, int? updated = null, int? available = null) => new()
    {
        Metadata = new V1ObjectMeta { Name = "x", Generation = 2 }, Spec = new V1DeploymentSpec { Replicas = replicas },
        Status = new V1DeploymentStatus { ObservedGeneration = observed, Replicas = replicas, UpdatedReplicas = updated ?? replicas, AvailableReplicas = available ?? replicas },
    };
}
