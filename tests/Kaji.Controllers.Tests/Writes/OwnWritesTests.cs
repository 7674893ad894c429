using System.Text;
using System.Text.Json.Nodes;
using k8s.Models;
using Kaji.Controllers.Writes;
using Microsoft.Extensions.Time.Testing;

namespace Kaji.Controllers.Tests.Writes;

public sealed class OwnWritesTests
{
    private readonly FakeTimeProvider _time = new(Objects.Now);
    private readonly FakeInformer<V1ReplicaSet> _informer = new();

    [Fact]
    public void Get_OwnWriteIsNewer_UntilTheWatchShowsIt()
    {
        var sets = new OwnWrites<V1ReplicaSet>(_informer, _time);
        _informer.Put(At("9", 1));
        sets.Wrote(At("10", 2));
        Assert.Equal(2, sets.Get("ns", "web-1")!.Spec.Replicas);
        Assert.Equal(2, Assert.Single(sets.List("ns")).Spec.Replicas);

        _informer.Put(At("11", 3));
        Assert.Equal(3, sets.Get("ns", "web-1")!.Spec.Replicas);
    }

    [Fact]
    public void Wrote_WatchWasFaster_TheWatchCounts()
    {
        var sets = new OwnWrites<V1ReplicaSet>(_informer, _time);
        _informer.Put(At("12", 3));
        sets.Wrote(At("10", 2));
        Assert.Equal(3, sets.Get("ns", "web-1")!.Spec.Replicas);
    }

    [Fact]
    public void List_HasWhatWasCreated_AndNotWhatWasDeletedSince()
    {
        var sets = new OwnWrites<V1ReplicaSet>(_informer, _time);
        sets.Wrote(At("10", 2));
        Assert.Single(sets.List("ns"));
        Assert.Empty(sets.List("other"));

        _informer.Put(At("10", 2));
        _informer.Remove(At("11", 2));
        Assert.Empty(sets.List("ns"));
    }

    [Fact]
    public void Get_NeverShown_IsForgottenAfterAWhile()
    {
        var sets = new OwnWrites<V1ReplicaSet>(_informer, _time);
        sets.Wrote(At("10", 2));
        _time.Advance(OwnWrites<V1ReplicaSet>.Lifetime + TimeSpan.FromSeconds(1));
        Assert.Null(sets.Get("ns", "web-1"));
    }

    [Fact]
    public void StatusPatch_NamesWhatHasGone()
    {
        var present = new V1ReplicaSetStatus { Replicas = 1, ReadyReplicas = 1, Conditions = [new V1ReplicaSetCondition { Type = "ReplicaFailure", Status = "True" }] };
        var patch = StatusPatch.Of(present, new V1ReplicaSetStatus { Replicas = 1, ReadyReplicas = 0 })!;
        var status = JsonNode.Parse(Encoding.UTF8.GetString(patch.Body.Span))!["status"]!.AsObject();
        Assert.True(status.ContainsKey("conditions"));
        Assert.Null(status["conditions"]);
        Assert.Equal(0, (int)status["readyReplicas"]!);
        Assert.Null(StatusPatch.Of(present, present));
    }

    private static V1ReplicaSet At(string version, int replicas)
    {
        var set = Objects.Set(replicas);
        set.Metadata.ResourceVersion = version;
        return set;
    }
}
