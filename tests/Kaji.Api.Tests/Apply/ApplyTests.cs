using System.Text.Json.Nodes;
using Kaji.Api.Apply;
using static Kaji.Api.Tests.Apply.Objects;

namespace Kaji.Api.Tests.Apply;

public sealed class ApplyTests
{
    [Fact]
    public void Apply_OnNothing_OwnsWhatItSays()
    {
        var made = Applied(null, Map("""{"b":"2","a":"1"}"""), ConfigMap, "me");
        Same("""[{"manager":"me","operation":"Apply","apiVersion":"v1","time":"2026-01-02T03:04:05Z","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:a":{},"f:b":{}}}}]""", made["metadata"]!["managedFields"]);
    }

    [Fact]
    public void Apply_FieldLeftOut_Goes()
    {
        var live = Applied(null, Map("""{"a":"1","b":"2"}"""), ConfigMap, "me");
        var next = Applied(live, Map("""{"b":"2"}"""), ConfigMap, "me");
        Same("""{"b":"2"}""", next["data"]);
        Same("""{"f:data":{"f:b":{}}}""", Fields(next, "me"));
    }

    [Fact]
    public void Apply_FieldLeftOutThatAnotherOwns_Stays()
    {
        var live = Applied(null, Map("""{"a":"1","b":"2"}"""), ConfigMap, "me");
        live = Applied(live, Map("""{"a":"1"}"""), ConfigMap, "you");
        var next = Applied(live, Map("""{"b":"2"}"""), ConfigMap, "me");
        Alike(Json("""{"a":"1","b":"2"}"""), next["data"]);
        Same("""{"f:data":{"f:a":{}}}""", Fields(next, "you"));
    }

    [Fact]
    public void Apply_AllLeftOut_EmptiesTheMap()
    {
        var live = Applied(null, Map("""{"a":"1"}"""), ConfigMap, "me");
        var next = Applied(live, Json("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"n"}}"""), ConfigMap, "me");
        Assert.False(next.ContainsKey("data"));
        Assert.Empty(Managers(next));
        Assert.Equal("a", (string?)next["metadata"]!["name"]);
    }

    [Fact]
    public void Apply_ValueOfAnotherApplier_IsAConflict()
    {
        var live = Applied(null, Map("""{"key":"1"}"""), ConfigMap, "x");
        var refusal = Refused(live, Map("""{"key":"2"}"""), ConfigMap, "y");
        Assert.Equal((409, "Conflict", "Apply failed with 1 conflict: conflict with \"x\": .data.key"), (refusal.Code, refusal.Reason, refusal.Message));
        Assert.Equal([new FieldError("FieldManagerConflict", ".data.key", "conflict with \"x\"")], refusal.Causes);
    }

    [Fact]
    public void Apply_ValueOfAnUpdater_NamesVersionAndSubresource()
    {
        var live = Created(Map("""{"key":"1"}"""), ConfigMap, "x");
        Assert.Equal("Apply failed with 1 conflict: conflict with \"x\" using v1: .data.key", Refused(live, Map("""{"key":"2"}"""), ConfigMap, "y").Message);

        var scaled = Updated(live, Map("""{"key":"1","other":"1"}"""), ConfigMap, By("hpa", subresource: "scale"));
        Assert.Equal(
            "Apply failed with 2 conflicts: conflicts with \"hpa\" with subresource \"scale\" using v1:\n- .data.other\nconflicts with \"x\" using v1:\n- .data.key",
            Refused(scaled, Map("""{"key":"2","other":"2"}"""), ConfigMap, "y").Message);
    }

    [Fact]
    public void Apply_Forced_TakesTheField()
    {
        var live = Created(Map("""{"a":"1","b":"1"}"""), ConfigMap, "x");
        var next = Applied(live, Map("""{"a":"2"}"""), ConfigMap, "y", force: true);
        Assert.Equal("2", (string?)next["data"]!["a"]);
        Same("""{"f:data":{".":{},"f:b":{}}}""", Fields(next, "x"));
        Same("""{"f:data":{"f:a":{}}}""", Fields(next, "y"));
    }

    [Fact]
    public void Apply_SameValue_IsShared()
    {
        var live = Applied(null, Map("""{"a":"1"}"""), ConfigMap, "x");
        var next = Applied(live, Map("""{"a":"1"}"""), ConfigMap, "y");
        Assert.Equal(["x", "y"], Managers(next).Order());
        var dropped = Applied(next, Map("{}"), ConfigMap, "x");
        Same("""{"a":"1"}""", dropped["data"]);
        Assert.Equal("x", Managers(dropped).Single(m => m == "x"));
        Same("""{"f:data":{}}""", Fields(dropped, "x"));
    }

    [Fact]
    public void Apply_Again_ChangesNothingNotEvenTime()
    {
        var live = Applied(null, Map("""{"a":"1"}"""), ConfigMap, "me");
        Alike(live, Applied(live, Map("""{"a":"1"}"""), ConfigMap, "me", seconds: 60));
    }

    [Fact]
    public void Apply_OnUntrackedObject_GivesTheRestToBeforeFirstApply()
    {
        var next = Applied(Map("""{"old":"1"}"""), Map("""{"new":"1"}"""), ConfigMap, "me");
        Alike(Json("""{"old":"1","new":"1"}"""), next["data"]);
        Same("""{"f:data":{".":{},"f:old":{}}}""", Fields(next, "before-first-apply"));
    }

    [Fact]
    public void Apply_Null_UnsetsAndOwns()
    {
        var live = Created(Deploy("""{"paused":true,"replicas":2}"""), Deployment, "x", "apps/v1");
        var next = Applied(live, Deploy("""{"paused":null}"""), Deployment, "me", force: true, apiVersion: "apps/v1");
        Assert.False(next["spec"]!.AsObject().ContainsKey("paused"));
        Same("""{"f:spec":{"f:paused":{}}}""", Fields(next, "me"));
        Same("""{"f:spec":{"f:replicas":{}}}""", Fields(next, "x"));
    }

    [Fact]
    public void Apply_ListMap_MergesByKeysAndTheirDefaults()
    {
        var live = Applied(null, Deploy(Pod("""{"name":"a","image":"1","ports":[{"containerPort":80}]}""")), Deployment, "x", apiVersion: "apps/v1");
        var next = Applied(live, Deploy(Pod("""{"name":"a","ports":[{"containerPort":80,"protocol":"TCP","name":"web"},{"containerPort":80,"protocol":"UDP"}]}""", """{"name":"b","image":"2"}""")), Deployment, "y", apiVersion: "apps/v1");
        var containers = next["spec"]!["template"]!["spec"]!["containers"]!.AsArray();
        Assert.Equal(["a", "b"], containers.Select(c => (string?)c!["name"]));
        Alike(JsonNode.Parse("""[{"containerPort":80,"protocol":"TCP","name":"web"},{"containerPort":80,"protocol":"UDP"}]"""), containers[0]!["ports"]);
        Assert.Equal("1", (string?)containers[0]!["image"]);

        var without = Applied(next, Deploy(Pod("""{"name":"b","image":"2"}""")), Deployment, "y", apiVersion: "apps/v1");
        Alike(JsonNode.Parse("""[{"name":"a","image":"1","ports":[{"containerPort":80}]},{"name":"b","image":"2"}]"""), WithoutDefaults(without));

        static JsonNode WithoutDefaults(JsonObject obj)
        {
            // The key's value that y wrote out stays: without it the item would not be x's any more.
            var list = (JsonArray)obj["spec"]!["template"]!["spec"]!["containers"]!.DeepClone();
            list[0]!["ports"]![0]!.AsObject().Remove("protocol");
            return list;
        }
    }

    [Fact]
    public void Apply_ItemDroppedByItsOnlyOwner_GoesWithItsDefaults()
    {
        var live = Applied(null, Deploy(Pod("""{"name":"a","image":"1"}""", """{"name":"b","image":"1"}""")), Deployment, "x", apiVersion: "apps/v1");
        foreach (var container in live["spec"]!["template"]!["spec"]!["containers"]!.AsArray())
        {
            container!["imagePullPolicy"] = "Always";
        }

        var next = Applied(live, Deploy(Pod("""{"name":"b","image":"1"}""")), Deployment, "x", apiVersion: "apps/v1");
        Alike(JsonNode.Parse("""[{"name":"b","image":"1","imagePullPolicy":"Always"}]"""), next["spec"]!["template"]!["spec"]!["containers"]);
    }

    [Fact]
    public void Apply_ItemSharedWithAnother_LosesOnlyItsOwnFields()
    {
        var live = Applied(null, Deploy(Pod("""{"name":"a","image":"1","env":[{"name":"X","value":"1"}]}""")), Deployment, "x", apiVersion: "apps/v1");
        live = Applied(live, Deploy(Pod("""{"name":"a","env":[{"name":"Y","value":"2"}]}""")), Deployment, "y", apiVersion: "apps/v1");
        live["spec"]!["template"]!["spec"]!["containers"]![0]!["imagePullPolicy"] = "Always";
        var next = Applied(live, Deploy("""{"paused":true}"""), Deployment, "x", apiVersion: "apps/v1");
        Alike(JsonNode.Parse("""[{"name":"a","imagePullPolicy":"Always","env":[{"name":"Y","value":"2"}]}]"""), next["spec"]!["template"]!["spec"]!["containers"]);
    }

    [Fact]
    public void Apply_SharedItems_ComeInItsOrderOthersKeepTheirs()
    {
        var live = Created(Deploy(Pod("""{"name":"a"}""", """{"name":"s"}""", """{"name":"b"}""", """{"name":"c"}""")), Deployment, "x", "apps/v1");
        var next = Applied(live, Deploy(Pod("""{"name":"c"}""", """{"name":"new"}""", """{"name":"a"}""")), Deployment, "me", apiVersion: "apps/v1");
        Assert.Equal(["s", "b", "c", "new", "a"], next["spec"]!["template"]!["spec"]!["containers"]!.AsArray().Select(c => (string?)c!["name"]));
    }

    [Fact]
    public void Apply_Set_AddsAndTakesSingleItems()
    {
        var live = Applied(null, WithFinalizers("a", "b"), ConfigMap, "x");
        live = Applied(live, WithFinalizers("b", "c"), ConfigMap, "y");
        Same("""{"f:data":{},"f:metadata":{"f:finalizers":{"v:\"b\"":{},"v:\"c\"":{}}}}""", Fields(live, "y"));
        var next = Applied(live, WithFinalizers("a"), ConfigMap, "x");
        Assert.Equal(["a", "b", "c"], next["metadata"]!["finalizers"]!.AsArray().Select(f => (string?)f).Order());
        Assert.Equal(["b", "c"], Applied(next, Map("{}"), ConfigMap, "x")["metadata"]!["finalizers"]!.AsArray().Select(f => (string?)f).Order());

        static JsonObject WithFinalizers(params string[] names)
        {
            var map = Map("{}");
            map["metadata"]!["finalizers"] = new JsonArray([.. names.Select(n => (JsonNode)n)]);
            return map;
        }
    }

    [Fact]
    public void Apply_AtomicMap_IsReplacedAsAWhole()
    {
        var live = Applied(null, Deploy("""{"selector":{"matchLabels":{"a":"1"}}}"""), Deployment, "x", apiVersion: "apps/v1");
        Same("""{"f:spec":{"f:selector":{}}}""", Fields(live, "x"));
        Assert.Equal(".spec.selector", Refused(live, Deploy("""{"selector":{"matchLabels":{"b":"1"}}}"""), Deployment, "y", "apps/v1").Causes[0].Field);
        var next = Applied(live, Deploy("""{"selector":{"matchLabels":{"b":"1"}}}"""), Deployment, "x", apiVersion: "apps/v1");
        Same("""{"matchLabels":{"b":"1"}}""", next["spec"]!["selector"]);
    }

    [Theory]
    [InlineData("""{"nonsense":1}""", ".spec.nonsense: field not declared in schema")]
    [InlineData("""{"template":{"spec":{"containers":[{"image":"x"}]}}}""", ".spec.template.spec.containers: element 0: associative list with keys has an element that omits key field \"name\" (and doesn't have default value)")]
    [InlineData("""{"template":{"spec":{"containers":[{"name":"x"},{"name":"x"}]}}}""", ".spec.template.spec.containers: duplicate entries for key [name=\"x\"]")]
    [InlineData("""{"template":[]}""", ".spec.template: expected map, got []")]
    public void Apply_WhatDoesNotFitTheSchema_IsRefused(string spec, string why) =>
        Assert.Equal("failed to create typed patch object (n/a; apps/v1, Kind=Deployment): " + why, Refused(null, Deploy(spec), Deployment, "x", "apps/v1").Message);

    [Fact]
    public void Apply_WithManagedFields_IsRefused()
    {
        var map = Map("{}");
        map["metadata"]!["managedFields"] = new JsonArray();
        Assert.Equal("metadata.managedFields must be nil", Refused(null, map, ConfigMap, "x").Message);
    }

    [Fact]
    public void Kubectl_AfterClientSideApply_TakesOverWithoutConflict()
    {
        var live = Map("""{"a":"1","b":"1"}""");
        live["metadata"]!["annotations"] = new JsonObject { ["kubectl.kubernetes.io/last-applied-configuration"] = Map("""{"a":"1","b":"1"}""").ToJsonString() + "\n" };
        live = Created(live, ConfigMap, "kubectl-client-side-apply");

        Assert.Equal("Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using v1: .data.a", Refused(live, Map("""{"a":"2"}"""), ConfigMap, "someone").Message);
        var next = Applied(live, Map("""{"a":"2","b":"1"}"""), ConfigMap, "kubectl");
        Assert.Equal("2", (string?)next["data"]!["a"]);
        Assert.Contains("\"a\":\"2\"", (string)next["metadata"]!["annotations"]!["kubectl.kubernetes.io/last-applied-configuration"]!, StringComparison.Ordinal);

        // What another has changed since is not kubectl's to take.
        var changed = Updated(live, WithData(live, "b", "9"), ConfigMap, By("other"));
        Assert.Equal("Apply failed with 1 conflict: conflict with \"other\" using v1: .data.b", Refused(changed, Map("""{"a":"2","b":"1"}"""), ConfigMap, "kubectl").Message);
    }

    [Fact]
    public void Apply_ToStatus_OwnsOnlyStatus()
    {
        var live = Created(Deploy("""{"replicas":1}"""), Deployment, "x", "apps/v1");
        var wish = Deploy("""{"replicas":5}""");
        wish["status"] = new JsonObject { ["replicas"] = 1 };
        var result = FieldManager.Apply(live, wish, Deployment, By("ctl", "apps/v1", "status", reset: ResetFields.AllButStatus), force: false);
        Assert.Equal(1, (int)result.Object!["spec"]!["replicas"]!);
        Same("""{"f:status":{"f:replicas":{}}}""", Fields(result.Object!, "ctl"));
        Assert.Equal("status", (string?)Entry(result.Object!, "ctl")!["subresource"]);
    }

    [Fact]
    public void Apply_CustomKind_FollowsItsSchema()
    {
        var atom = OpenApiAtoms.OfObject(Json("""
            {"type":"object","properties":{"spec":{"type":"object","properties":{
              "tags":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}},
              "parts":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["id","kind"],"items":{"type":"object","properties":{"id":{"type":"string"},"kind":{"type":"string","default":"k"},"v":{"type":"integer"}}}},
              "whole":{"type":"object","x-kubernetes-map-type":"atomic","properties":{"a":{"type":"string"}}},
              "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true},
              "list":{"type":"array","items":{"type":"string"}}}}}}
            """));
        var made = Applied(null, Json("""{"apiVersion":"g/v1","kind":"K","metadata":{"name":"a","labels":{"x":"y"}},"spec":{"tags":["t"],"parts":[{"id":"1","v":1}],"whole":{"a":"1"},"free":{"q":{"r":[1]}},"list":["a"]}}"""), atom, "me", apiVersion: "g/v1");
        Same(
            """{"f:metadata":{"f:labels":{"f:x":{}}},"f:spec":{"f:free":{"f:q":{".":{},"f:r":{}}},"f:list":{},"f:parts":{"k:{\"id\":\"1\",\"kind\":\"k\"}":{".":{},"f:id":{},"f:v":{}}},"f:tags":{"v:\"t\"":{}},"f:whole":{}}}""",
            Fields(made, "me"));
        Assert.EndsWith(".spec.unknown: field not declared in schema", Refused(null, Json("""{"apiVersion":"g/v1","kind":"K","metadata":{"name":"a"},"spec":{"unknown":1}}"""), atom, "me").Message, StringComparison.Ordinal);
    }

    private static JsonObject WithData(JsonObject live, string key, string value)
    {
        var next = (JsonObject)live.DeepClone();
        next["data"]![key] = value;
        return next;
    }

    private static string Pod(params string[] containers) => """{"template":{"spec":{"containers":[""" + string.Join(',', containers) + "]}}}";
}
