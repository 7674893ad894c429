using System.Text.Json.Nodes;
using Kaji.Api.Apply;
using static Kaji.Api.Tests.Apply.Objects;

namespace Kaji.Api.Tests.Apply;

public sealed class TrackUpdateTests
{
    [Fact]
    public void Create_OwnsAllButIdentity()
    {
        var made = Json("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"uid":"u","name":"a","namespace":"n","creationTimestamp":"2026-01-01T00:00:00Z","labels":{"x":"1"},"generateName":"a-"},"data":{"k":"v"}}""");
        Same("""{"f:data":{".":{},"f:k":{}},"f:metadata":{"f:generateName":{},"f:labels":{".":{},"f:x":{}}}}""", Fields(Created(made, ConfigMap, "curl"), "curl"));
        Assert.Equal("Update", (string?)Entry(made, "curl")!["operation"]);
    }

    [Fact]
    public void Create_OfDeployment_IsAsKubernetesSaysIt()
    {
        var made = Created(
            Json("""
                {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a","labels":{"app":"a"}},"spec":{"replicas":1,"selector":{"matchLabels":{"app":"a"}},"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"25%"}},
                 "template":{"metadata":{"labels":{"app":"a"}},"spec":{"containers":[{"name":"c","image":"i","resources":{},"ports":[{"containerPort":80,"protocol":"TCP"}]}],"restartPolicy":"Always","securityContext":{}}}},"status":{}}
                """),
            Deployment, "kubectl-create", "apps/v1");
        Same(
            """
            {"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:replicas":{},"f:selector":{},"f:strategy":{"f:rollingUpdate":{".":{},"f:maxSurge":{}},"f:type":{}},
             "f:template":{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{},"f:name":{},"f:ports":{".":{},"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{},"f:protocol":{}}},"f:resources":{}}},
               "f:restartPolicy":{},"f:securityContext":{}}}}}
            """,
            Fields(made, "kubectl-create"));
    }

    [Fact]
    public void Update_TakesWhatItChangesAndDropsWhatWent()
    {
        var live = Created(Map("""{"a":"1","b":"1","c":"1"}"""), ConfigMap, "x");
        var next = Updated(live, Map("""{"a":"2","b":"1"}"""), ConfigMap, By("y", seconds: 10));
        Same("""{"f:data":{".":{},"f:b":{}}}""", Fields(next, "x"));
        Same("""{"f:data":{"f:a":{}}}""", Fields(next, "y"));
        Assert.Equal("2026-01-02T03:04:05Z", (string?)Entry(next, "x")!["time"]);
        Assert.Equal("2026-01-02T03:04:15Z", (string?)Entry(next, "y")!["time"]);
        Assert.Equal(["y"], Managers(Updated(next, Json("""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"a":"2"}}"""), ConfigMap, By("y"))).Where(m => m != "x"));
    }

    [Fact]
    public void Update_OfNothing_KeepsEntriesAsTheyAre()
    {
        var live = Created(Map("""{"a":"1"}"""), ConfigMap, "x");
        var next = Updated(live, Map("""{"a":"1"}"""), ConfigMap, By("y", seconds: 10));
        Alike(live["metadata"]!["managedFields"], next["metadata"]!["managedFields"]);
    }

    [Fact]
    public void Update_OfOwnField_MovesOnlyItsTime()
    {
        var live = Created(Map("""{"a":"1"}"""), ConfigMap, "x");
        var next = Updated(live, Map("""{"a":"2"}"""), ConfigMap, By("x", seconds: 10));
        Assert.Equal("2026-01-02T03:04:15Z", (string?)Entry(next, "x")!["time"]);
        Alike(Fields(live, "x"), Fields(next, "x"));
        Assert.Single(Managers(next));
    }

    [Fact]
    public void Update_ThroughSubresource_IsAnotherEntryAndCannotEditEntries()
    {
        var live = Created(Deploy("""{"replicas":1}"""), Deployment, "x", "apps/v1");
        var wish = Deploy("""{"replicas":2}""");
        wish["metadata"]!["managedFields"] = new JsonArray();
        var next = Updated(live, wish, Deployment, By("x", "apps/v1", "scale"));
        Assert.Equal("scale", (string?)next["metadata"]!["managedFields"]![0]!["subresource"]);
        Same("""{"f:spec":{"f:replicas":{}}}""", next["metadata"]!["managedFields"]![0]!["fieldsV1"]);
        Assert.Single(Managers(next));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("[{}]")]
    public void Update_WithEmptyList_ForgetsAll(string list)
    {
        var live = Created(Map("""{"a":"1"}"""), ConfigMap, "x");
        var wish = Map("""{"a":"1"}""");
        wish["metadata"]!["managedFields"] = JsonNode.Parse(list);
        Assert.False(Updated(live, wish, ConfigMap, By("y"))["metadata"]!.AsObject().ContainsKey("managedFields"));
    }

    [Fact]
    public void Update_WithEntriesOfItsOwn_Edits()
    {
        var live = Created(Map("""{"a":"1"}"""), ConfigMap, "kubectl-client-side-apply");
        var wish = (JsonObject)live.DeepClone();
        wish["metadata"]!["managedFields"]![0]!["manager"] = "kubectl";
        wish["metadata"]!["managedFields"]![0]!["operation"] = "Apply";
        var next = Updated(live, wish, ConfigMap, By("kubectl-edit"));
        Assert.Equal(["kubectl"], Managers(next));
        Assert.Equal("Apply", (string?)Entry(next, "kubectl")!["operation"]);
    }

    [Fact]
    public void Update_ByMoreThanTen_MergesTheOldest()
    {
        var obj = Created(Map("{}"), ConfigMap, "m0");
        var live = obj;
        for (var i = 1; i <= 14; i++)
        {
            var next = Map($"{{{string.Join(',', Enumerable.Range(1, i).Select(n => $"\"k{n}\":\"v\""))}}}");
            live = Updated(live, next, ConfigMap, By($"m{i}", seconds: i));
        }

        Assert.Equal(10, Managers(live).Length);
        Assert.Contains("ancient-changes", Managers(live));
        Assert.Contains("f:k1", Fields(live, "ancient-changes")!["f:data"]!.AsObject().Select(p => p.Key));
        Assert.Equal(14, Managers(live).Sum(m => Fields(live, m)!["f:data"]!.AsObject().Count(p => p.Key != ".")));
    }

    [Fact]
    public void Create_InOneWalk_IsAsComparingWithNothing()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var obj = RandomObjects.Deployment(new Random(seed));
            var compared = Comparison.Of(null, obj, Deployment, ResetFields.Status).Changed;
            FieldManager.TrackUpdate(null, obj, Deployment, By("x", "apps/v1", reset: ResetFields.Status));
            Assert.Equal(compared.ToJson().ToJsonString(), (Fields(obj, "x") ?? []).ToJsonString());
        }
    }

    [Theory]
    [InlineData("kubectl/v1.35.0 (linux/amd64)", "kubectl")]
    [InlineData("Helm", "Helm")]
    [InlineData("", "")]
    public void Manager_OfUserAgent_IsItsFirstWord(string userAgent, string manager) => Assert.Equal(manager, FieldManager.OfUserAgent(userAgent));

    [Fact]
    public void Manager_TooLongOrUnprintable_IsInvalid()
    {
        var errors = new List<FieldError>();
        FieldManager.ValidateManager(new string('x', 129), "fieldManager", errors);
        FieldManager.ValidateManager("a\nb", "fieldManager", errors);
        FieldManager.ValidateManager("fine name", "fieldManager", errors);
        Assert.Equal(["fieldManager: Too long: may not be more than 128 bytes", "fieldManager: Invalid value: \"a\nb\": invalid character U+000A (at position 1)"], errors.Select(e => e.ToString()));
    }
}
