using System.Text;
using System.Text.Json.Nodes;
using k8s.Models;
using Kaji.Controllers.Deployments;
using static Kaji.Controllers.Tests.Objects;

namespace Kaji.Controllers.Tests.Deployments;

public sealed class DeploymentPlanTests
{
    [Fact]
    public void Hash_IsStable_AndDiffersByTemplateAndCollisions()
    {
        var hash = TemplateHash.Of(Template("v1"), null);
        Assert.Matches("^[bcdfghjklmnpqrstvwxz2456789]{1,10}$", hash);
        Assert.Equal(hash, TemplateHash.Of(Template("v1"), null));
        Assert.NotEqual(hash, TemplateHash.Of(Template("v2"), null));
        Assert.NotEqual(hash, TemplateHash.Of(Template("v1"), 1));
    }

    [Fact]
    public void Find_IgnoresTheHashLabelAndTheOrderOfLabels_AndTakesTheOldest()
    {
        var deployment = Deployment(1);
        deployment.Spec.Template = Template("v1", ("a", "1"), ("b", "2"));
        V1ReplicaSet first = Set(1, "web-x", revision: 1), second = Set(1, "web-y", revision: 2), other = Set(1, "web-z", "v2", 0);
        first.Spec.Template = Template("v1", ("b", "2"), ("pod-template-hash", "x"), ("a", "1"));
        second.Spec.Template = Template("v1", ("a", "1"), ("b", "2"), ("pod-template-hash", "y"));
        Assert.Same(first, NewReplicaSet.Find(deployment, [other, second, first]));
    }

    [Fact]
    public void Make_NamesLabelsAndAnnotates()
    {
        var deployment = Deployment(10, "3", "2", "v2");
        deployment.Metadata.Annotations = new Dictionary<string, string> { ["kubernetes.io/change-cause"] = "because", ["kubectl.kubernetes.io/last-applied-configuration"] = "{}", ["deployment.kubernetes.io/revision"] = "4" };
        var made = NewReplicaSet.Make(deployment, [Set(10, revision: 4)]);
        var hash = made.Spec.Template.Metadata.Labels["pod-template-hash"];
        Assert.Equal($"web-{hash}", made.Metadata.Name);
        Assert.Equal(hash, made.Spec.Selector.MatchLabels["pod-template-hash"]);
        Assert.Equal(3, made.Spec.Replicas);
        Assert.Equal(
            ["deployment.kubernetes.io/desired-replicas=10", "deployment.kubernetes.io/max-replicas=13", "deployment.kubernetes.io/revision=5", "kubernetes.io/change-cause=because"],
            made.Metadata.Annotations.Select(a => $"{a.Key}={a.Value}").Order(StringComparer.Ordinal));
        Assert.False(deployment.Spec.Template.Metadata.Labels.ContainsKey("pod-template-hash"));
    }

    [Fact]
    public void Update_Undo_RaisesTheRevisionAndRemembersTheOldOne()
    {
        V1ReplicaSet present = Set(0, "web-1", revision: 1), other = Set(3, "web-2", "v2", 2);
        var revision = NewReplicaSet.RevisionFor(present, [present, other]);
        var patch = JsonNode.Parse(Encoding.UTF8.GetString(NewReplicaSet.Update(Deployment(3), present, revision)!.Body.Span))!;
        Assert.Equal(3, revision);
        Assert.Equal("3", (string?)patch["metadata"]!["annotations"]!["deployment.kubernetes.io/revision"]);
        Assert.Equal("1", (string?)patch["metadata"]!["annotations"]!["deployment.kubernetes.io/revision-history"]);
        Assert.Null(patch["spec"]);
    }

    [Fact]
    public void Update_ChangeCauseAndMinReadySeconds_FollowTheDeployment_AndThenNothing()
    {
        var deployment = Deployment(3);
        deployment.Metadata.Annotations = new Dictionary<string, string> { ["kubernetes.io/change-cause"] = "\"quoted\"" };
        deployment.Spec.MinReadySeconds = 7;
        var present = Set(3);
        var patch = JsonNode.Parse(Encoding.UTF8.GetString(NewReplicaSet.Update(deployment, present, 1)!.Body.Span))!;
        Assert.Equal("\"quoted\"", (string?)patch["metadata"]!["annotations"]!["kubernetes.io/change-cause"]);
        Assert.Equal(7, (int)patch["spec"]!["minReadySeconds"]!);

        present.Metadata.Annotations["kubernetes.io/change-cause"] = "\"quoted\"";
        present.Spec.MinReadySeconds = 7;
        Assert.Null(NewReplicaSet.Update(deployment, present, 1));
    }

    [Fact]
    public void Resize_InTheMiddleOfARollout_KeepsTheShares()
    {
        // The documentation's example: 10 replicas with surge 3, 8 old and 5 new, scaled to 15: three of the five more go to the old set.
        var deployment = Deployment(15, "3", "2", "v2");
        V1ReplicaSet old = Told(Set(8, "web-1"), 10, 13), newest = Told(Set(5, "web-2", "v2", 2), 10, 13);
        Assert.True(ScalePlan.IsResized(deployment, [old, newest]));
        Assert.Equal(["web-1 11", "web-2 7"], ScalePlan.Resize(deployment, newest, [old, newest]).Select(p => $"{p.Set.Metadata.Name} {p.Size}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Resize_ToZero_EmptiesAll() =>
        Assert.All(ScalePlan.Resize(Deployment(0, "1", "0", "v2"), null, [Told(Set(3), 4, 5), Told(Set(2, "web-2", "v2", 2), 4, 5)]), p => Assert.Equal(0, p.Size));

    [Fact]
    public void Resize_PausedWithOneSet_FollowsTheReplicas() =>
        Assert.Equal(5, Assert.Single(ScalePlan.Resize(Deployment(5, image: "v9"), null, [Told(Set(3), 3, 4), Set(0, "web-0", "v0", 0)])).Size);

    [Fact]
    public void Rollout_Recreate_WaitsForTheOldPods()
    {
        var deployment = Deployment(3, strategy: "Recreate", image: "v2");
        V1ReplicaSet old = Set(3), newest = Set(0, "web-2", "v2", 2);
        Assert.Equal([0, 0], ScalePlan.Rollout(deployment, newest, [old], oldPodsLeft: true).Select(p => p.Size));
        Assert.Equal([0, 0], ScalePlan.Rollout(deployment, newest, [Set(0)], oldPodsLeft: true).Select(p => p.Size));
        Assert.Equal([3, 0], ScalePlan.Rollout(deployment, newest, [Set(0)], oldPodsLeft: false).Select(p => p.Size));
        Assert.Equal(0, NewReplicaSet.Make(deployment, []).Spec.Replicas);
    }

    [Fact]
    public void Rollout_BrokenTemplate_KeepsTheOldPods()
    {
        V1ReplicaSet old = Set(3).WithStatus(3, 3), broken = Set(1, "web-2", "v2", 2).WithStatus(1, 0);
        Assert.Equal([1, 3], ScalePlan.Rollout(Deployment(3, "1", "0", "v2"), broken, [old], oldPodsLeft: true).Select(p => p.Size));
    }

    [Fact]
    public void Surplus_OldestIdleSetsBeyondTheLimit()
    {
        var deployment = Deployment(1);
        deployment.Spec.RevisionHistoryLimit = 2;
        V1ReplicaSet[] sets = [.. Enumerable.Range(1, 5).Select(i => Set(0, $"web-{i}", $"v{i}", i).WithStatus(0, 0)), Set(1, "web-6", "v6", 6).WithStatus(1, 1)];
        Assert.Equal(["web-1", "web-2", "web-3"], HistoryPlan.Surplus(deployment, sets[^1], sets).Select(s => s.Metadata.Name));
        sets[0].Status.Replicas = 1;
        Assert.Equal(["web-2", "web-3"], HistoryPlan.Surplus(deployment, sets[^1], sets).Select(s => s.Metadata.Name));
    }

    private static V1ReplicaSet Told(V1ReplicaSet set, int desired, int max)
    {
        set.Metadata.Annotations["deployment.kubernetes.io/desired-replicas"] = $"{desired}";
        set.Metadata.Annotations["deployment.kubernetes.io/max-replicas"] = $"{max}";
        return set;
    }
}
