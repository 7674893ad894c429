using Kaji.Controllers.Discovery;
using Kaji.Controllers.GarbageCollection;

namespace Kaji.Controllers.Tests.GarbageCollection;

public sealed class GarbagePlanTests
{
    private static readonly ApiResource Maps = new("", "v1", "configmaps", "ConfigMap", true, []);

    [Theory]
    [InlineData("S", false, false, "keep")]
    [InlineData("A", false, false, "delete Background")]
    [InlineData("AA", true, false, "delete Background")]
    [InlineData("W", false, false, "delete Background")]
    [InlineData("W", true, false, "delete Foreground")]
    [InlineData("WA", true, true, "delete Foreground unblock")]
    [InlineData("SA", true, false, "drop to 0")]
    [InlineData("ASW", true, true, "drop to 1")]
    public void Of_FollowsTheOwners(string states, bool dependents, bool waiting, string expected)
    {
        var owners = states.Select((_, i) => Owner($"o{i}")).ToArray();
        var found = states.Select(s => s switch { 'S' => OwnerState.Solid, 'A' => OwnerState.Absent, _ => OwnerState.Waiting }).ToArray();
        Assert.Equal(expected, Say(GarbagePlan.Of(Map("x", owners), found, dependents, waiting)));
    }

    [Fact]
    public void Of_KeepsToTheFinalizersThatAreThere() =>
        Assert.Equal("delete Orphan", Say(GarbagePlan.Of(Map("x", Owner("o")) with { Finalizers = ["orphan"] }, [OwnerState.Absent], true, false)));

    [Fact]
    public void Graph_AnOwnerThatGoes_BringsUpItsDependents()
    {
        var graph = new OwnershipGraph();
        graph.Follow(Maps);
        Assert.Empty(graph.Put(Maps, Map("a")));
        Assert.Empty(graph.Put(Maps, Map("b", Owner("a"))));
        Assert.Equal(["b"], graph.Remove(Maps, "a"));
        Assert.True(graph.IsKnownAbsent("a"));
        Assert.Equal(["b"], graph.Sweep());
    }

    [Fact]
    public void Graph_AnOwnerNeverSeen_IsToBeLookedFor()
    {
        var graph = new OwnershipGraph();
        graph.Follow(Maps);
        Assert.Equal(["b"], graph.Put(Maps, Map("b", Owner("a"))));
        Assert.False(graph.IsKnownAbsent("a"));
        graph.Put(Maps, Map("a"));
        Assert.Empty(graph.Sweep());
    }

    [Fact]
    public void Graph_TheLastDependent_BringsUpTheOwnerThatWaits()
    {
        var graph = new OwnershipGraph();
        graph.Follow(Maps);
        graph.Put(Maps, Map("a"));
        graph.Put(Maps, Map("b", Owner("a")));
        Assert.Equal(["a"], graph.Put(Maps, Map("a") with { Deleting = true, Finalizers = ["foregroundDeletion"] }));
        Assert.Equal(["a"], graph.Remove(Maps, "b"));
        Assert.Empty(graph.DependentsOf("a"));
    }

    [Fact]
    public void Graph_WhatAListNoLongerHas_Went()
    {
        var graph = new OwnershipGraph();
        graph.Follow(Maps);
        graph.Put(Maps, Map("a"));
        graph.Put(Maps, Map("b", Owner("a")));
        Assert.Equal(["b"], graph.Retain(Maps, new HashSet<string> { "b" }));
        Assert.Empty(graph.Forget(Maps));
        Assert.Null(graph.Find("b"));
    }

    private static OwnerRef Owner(string uid) => new("v1", "ConfigMap", uid, uid, true);

    private static ObjectMetadata Map(string uid, params OwnerRef[] owners) => new("test", uid, uid, "1", false, [], owners);

    private static string Say(GarbageAction action) => action switch
    {
        GarbageAction.Keep => "keep",
        GarbageAction.DropOwners drop => $"drop to {Assert.Single(drop.Remaining).Uid[1..]}",
        GarbageAction.Delete delete => $"delete {delete.Policy}{(delete.Unblock ? " unblock" : "")}",
        _ => throw new InvalidOperationException(),
    };
}
