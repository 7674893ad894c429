using k8s.Models;
using Kaji.Controllers.Deployments;
using static Kaji.Controllers.Tests.Objects;

namespace Kaji.Controllers.Tests.Deployments;

public sealed class DeploymentStatusPlanTests
{
    private readonly V1Deployment _deployment = Deployment(3, "1", "0", "v2");

    [Fact]
    public void Rollout_TellsItsStory()
    {
        V1ReplicaSet old = Set(3).WithStatus(3, 3), newest = Set(1, "web-2", "v2", 2);
        Assert.Equal("True NewReplicaSetCreated Created new replica set \"web-2\"", Tell(newest, true, [old, newest], 0));
        Assert.Equal("True NewReplicaSetCreated Created new replica set \"web-2\"", Tell(newest, false, [old, newest], 1));
        Assert.Equal("True ReplicaSetUpdated ReplicaSet \"web-2\" is progressing.", Tell(newest.WithStatus(1, 0), false, [old, newest], 2));
        newest.Spec.Replicas = 3;
        Assert.Equal("True NewReplicaSetAvailable ReplicaSet \"web-2\" has successfully progressed.", Tell(newest.WithStatus(3, 3), false, [newest], 3));

        // A Pod fails afterwards: the rollout was through nevertheless.
        Assert.Equal("True NewReplicaSetAvailable ReplicaSet \"web-2\" has successfully progressed.", Tell(newest.WithStatus(3, 1), false, [newest], 3000));
        Assert.Equal("False MinimumReplicasUnavailable Deployment does not have minimum availability.", Said("Available"));
        Assert.Null(DeploymentStatusPlan.Deadline(_deployment, _deployment.Status));
    }

    [Fact]
    public void Deadline_Passed_IsSaid_AndProgressHealsIt()
    {
        V1ReplicaSet old = Set(3).WithStatus(3, 3), newest = Set(1, "web-2", "v2", 2).WithStatus(1, 0);
        Tell(newest, true, [old, newest], 0);
        Assert.Equal(Now.AddSeconds(600), DeploymentStatusPlan.Deadline(_deployment, _deployment.Status));
        Assert.StartsWith("True", Tell(newest, false, [old, newest], 599), StringComparison.Ordinal);
        Assert.Equal("False ProgressDeadlineExceeded ReplicaSet \"web-2\" has timed out progressing.", Tell(newest, false, [old, newest], 600));
        Assert.StartsWith("False", Tell(newest, false, [old, newest], 2000), StringComparison.Ordinal);
        Assert.Equal("True ReplicaSetUpdated ReplicaSet \"web-2\" is progressing.", Tell(newest.WithStatus(1, 1), false, [old, newest], 2001));
    }

    [Fact]
    public void Found_Paused_Resumed()
    {
        var newest = Set(3, "web-2", "v2").WithStatus(3, 1);
        Assert.Equal("True FoundNewReplicaSet Found new replica set \"web-2\"", Tell(newest, false, [newest], 0));
        _deployment.Spec.Paused = true;
        Assert.Equal("Unknown DeploymentPaused Deployment is paused", Tell(newest, false, [newest], 1));
        Assert.Null(DeploymentStatusPlan.Deadline(_deployment, _deployment.Status));
        _deployment.Spec.Paused = false;
        Assert.Equal("Unknown DeploymentResumed Deployment is resumed", Tell(newest, false, [newest], 2));
        Assert.Equal(Now.AddSeconds(602), DeploymentStatusPlan.Deadline(_deployment, _deployment.Status));
    }

    [Fact]
    public void NoDeadline_NoProgressing()
    {
        _deployment.Spec.ProgressDeadlineSeconds = int.MaxValue;
        var newest = Set(3, "web-2", "v2").WithStatus(3, 1);
        Assert.DoesNotContain(DeploymentStatusPlan.Of(_deployment, newest, false, [newest], Now).Conditions, c => c.Type == "Progressing");
    }

    [Fact]
    public void Numbers_AndTheFailureOfASet()
    {
        V1ReplicaSet old = Set(3).WithStatus(3, 2), newest = Set(1, "web-2", "v2", 2).WithStatus(0, 0);
        newest.Status.Conditions = [new V1ReplicaSetCondition { Type = "ReplicaFailure", Status = "True", Reason = "FailedCreate", Message = "quota" }];
        _deployment.Metadata.Generation = 7;
        var status = DeploymentStatusPlan.Of(_deployment, newest, false, [old, newest], Now);
        Assert.Equal((7, 3, 0, 2, 2, 2), (status.ObservedGeneration, status.Replicas, status.UpdatedReplicas, status.ReadyReplicas, status.AvailableReplicas, status.UnavailableReplicas));
        Assert.Equal("quota", status.Conditions.Single(c => c.Type == "ReplicaFailure").Message);
    }

    [Fact]
    public void Recreate_IsAvailableOnlyWhenAllAre()
    {
        var deployment = Deployment(3, strategy: "Recreate", image: "v2");
        var set = Set(3, "web-2", "v2").WithStatus(3, 2);
        Assert.Equal("False", DeploymentStatusPlan.Of(deployment, set, false, [set], Now).Conditions.Single(c => c.Type == "Available").Status);
    }

    private string Tell(V1ReplicaSet newest, bool created, V1ReplicaSet[] all, int seconds)
    {
        _deployment.Status = DeploymentStatusPlan.Of(_deployment, newest, created, all, Now.AddSeconds(seconds));
        return Said("Progressing");
    }

    private string Said(string type) => _deployment.Status.Conditions.Where(c => c.Type == type).Select(c => $"{c.Status} {c.Reason} {c.Message}").Single();
}
