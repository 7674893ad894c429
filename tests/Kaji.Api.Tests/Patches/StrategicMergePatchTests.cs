using System.Text.Json.Nodes;
using Kaji.Api.Patches;
using Kaji.Api.Schemas;

namespace Kaji.Api.Tests.Patches;

public sealed class StrategicMergePatchTests
{
    private static readonly string Pod = BuiltInSchemas.NameOf("", "v1", "Pod");
    private static readonly string Deployment = BuiltInSchemas.NameOf("apps", "v1", "Deployment");

    [Theory]

    // A named item is merged and keeps its place; a new one goes in front of what the patch does not name.
    [InlineData("""[{"name":"a","image":"1"},{"name":"b","image":"1"}]""", """{"containers":[{"name":"b","image":"2"}]}""", """[{"name":"a","image":"1"},{"name":"b","image":"2"}]""")]
    [InlineData("""[{"name":"a"},{"name":"b"}]""", """{"containers":[{"name":"c"}]}""", """[{"name":"c"},{"name":"a"},{"name":"b"}]""")]
    [InlineData("""[{"name":"a"},{"name":"b"}]""", """{"containers":[{"name":"a","$patch":"delete"}]}""", """[{"name":"b"}]""")]
    [InlineData("""[{"name":"a","image":"1"},{"name":"b"}]""", """{"containers":[{"$patch":"replace"},{"name":"c"}]}""", """[{"name":"c"}]""")]
    [InlineData("""[{"name":"a","image":"1"}]""", """{"containers":[{"name":"a","image":null}]}""", """[{"name":"a"}]""")]
    [InlineData("""[{"name":"a","args":["1","2"]}]""", """{"containers":[{"name":"a","args":["3"]}]}""", """[{"name":"a","args":["3"]}]""")]

    // An order without a list reorders; what it does not name stays before the item it preceded.
    [InlineData("""[{"name":"a"},{"name":"b"},{"name":"c"}]""", """{"$setElementOrder/containers":[{"name":"c"},{"name":"b"},{"name":"a"}]}""", """[{"name":"c"},{"name":"b"},{"name":"a"}]""")]
    [InlineData("""[{"name":"x"},{"name":"a"},{"name":"y"},{"name":"b"}]""", """{"$setElementOrder/containers":[{"name":"b"},{"name":"a"}]}""", """[{"name":"x"},{"name":"y"},{"name":"b"},{"name":"a"}]""")]
    [InlineData("""[{"name":"x"},{"name":"a"},{"name":"y"},{"name":"b"}]""", """{"$setElementOrder/containers":[{"name":"a"},{"name":"n"},{"name":"b"}],"containers":[{"name":"n"}]}""", """[{"name":"x"},{"name":"a"},{"name":"n"},{"name":"y"},{"name":"b"}]""")]
    [InlineData("""[{"name":"a"},{"name":"b"}]""", """{"$setElementOrder/containers":[{"name":"b"}],"containers":[{"name":"a","$patch":"delete"}]}""", """[{"name":"b"}]""")]
    public void Containers_Patched(string containers, string patch, string? expected)
    {
        var pod = new JsonObject { ["spec"] = new JsonObject { ["containers"] = JsonNode.Parse(containers) } };
        var change = new JsonObject { ["spec"] = JsonNode.Parse(patch) };
        if (expected is null)
        {
            Assert.Equal(400, Assert.Throws<ApiErrorException>(() => StrategicMergePatch.Apply(pod, change, Pod)).Error.Code);
            return;
        }

        Assert.Equal(JsonNode.Parse(expected)!.ToJsonString(), StrategicMergePatch.Apply(pod, change, Pod)["spec"]!["containers"]!.ToJsonString());
    }

    [Theory]
    [InlineData("""{"a":"1","b":"2"}""", """{"a":null,"c":"3"}""", """{"b":"2","c":"3"}""")]
    [InlineData("""{"a":"1","b":"2"}""", """{"$patch":"replace","c":"3"}""", """{"c":"3"}""")]
    [InlineData("""{"a":"1"}""", """{"$patch":"delete"}""", "{}")]
    public void Map_Patched(string labels, string patch, string expected)
    {
        var pod = new JsonObject { ["metadata"] = new JsonObject { ["labels"] = JsonNode.Parse(labels) } };
        var result = StrategicMergePatch.Apply(pod, new JsonObject { ["metadata"] = new JsonObject { ["labels"] = JsonNode.Parse(patch) } }, Pod);
        Assert.Equal(expected, result["metadata"]!["labels"]!.ToJsonString());
    }

    [Fact]
    public void PrimitiveList_MergedDeletedAndOrdered()
    {
        var pod = JsonNode.Parse("""{"metadata":{"finalizers":["a","b","c"]}}""")!.AsObject();
        StrategicMergePatch.Apply(pod, JsonNode.Parse("""{"metadata":{"finalizers":["d"],"$deleteFromPrimitiveList/finalizers":["a"],"$setElementOrder/finalizers":["d","c","b"]}}""")!.AsObject(), Pod);
        Assert.Equal("""["d","c","b"]""", pod["metadata"]!["finalizers"]!.ToJsonString());
    }

    [Fact]
    public void RetainKeys_ClearsTheOthers()
    {
        var deployment = JsonNode.Parse("""{"spec":{"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}}}}""")!.AsObject();
        StrategicMergePatch.Apply(deployment, JsonNode.Parse("""{"spec":{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}}""")!.AsObject(), Deployment);
        Assert.Equal("""{"type":"Recreate"}""", deployment["spec"]!["strategy"]!.ToJsonString());
        var stray = JsonNode.Parse("""{"spec":{"strategy":{"$retainKeys":["type"],"rollingUpdate":{}}}}""")!.AsObject();
        Assert.Equal(400, Assert.Throws<ApiErrorException>(() => StrategicMergePatch.Apply(deployment, stray, Deployment)).Error.Code);
    }

    [Theory]
    [InlineData("""{"spec":{"containers":[{"image":"x"}]}}""", "does not contain declared merge key: name")]
    [InlineData("""{"spec":{"$patch":"nonsense"}}""", "unknown patch type")]
    [InlineData("""{"spec":{"$setElementOrder/containers":[{"name":"b"}],"containers":[{"name":"a"}]}}""", "doesn't match $setElementOrder/containers list")]
    public void Nonsense_IsRefused(string patch, string why)
    {
        var pod = JsonNode.Parse("""{"spec":{"containers":[{"name":"a"}]}}""")!.AsObject();
        Assert.Contains(why, Assert.Throws<ApiErrorException>(() => StrategicMergePatch.Apply(pod, JsonNode.Parse(patch)!.AsObject(), Pod)).Message, StringComparison.Ordinal);
    }
}
