using System.Text.Json.Nodes;
using Kaji.Api.Schemas;

namespace Kaji.Api.Tests.Schemas;

public sealed class SchemaCheckerTests
{
    private const string Deployment = "io.k8s.api.apps.v1.Deployment";

    [Theory]
    [InlineData("""{"spec":{"replicas":1,"foo":{"a":1},"template":{"spec":{"containers":[{"name":"c","imag":"x"}]}}}}""", """unknown field "spec.foo", unknown field "spec.template.spec.containers[0].imag" """)]
    [InlineData("""{"metadata":{"labels":{"a":"b"},"annotation":{}}}""", """unknown field "metadata.annotation" """)]
    public void UnknownFields_AreNamed(string json, string expected) => Assert.Equal(expected.Trim(), string.Join(", ", Check(json).UnknownFields));

    [Fact]
    public void UnknownFields_AreTakenOut_WhateverTheirNames()
    {
        var obj = (JsonObject)JsonNode.Parse("""{"spec":{"replicas":1,"a.b":{},"c[0]":1,"":2},"me[adata":{}}""")!;
        SchemaChecker.Check(obj, Deployment).RemoveUnknown();
        Assert.Equal("""{"spec":{"replicas":1}}""", obj.ToJsonString());
    }

    [Theory]
    [InlineData("""{"spec":{"replicas":"1"}}""", "json: cannot unmarshal string into Go struct field DeploymentSpec.replicas of type int32")]
    [InlineData("""{"spec":{"template":{"spec":{"containers":{}}}}}""", "json: cannot unmarshal object into Go struct field PodSpec.containers of type []v1.Container")]
    [InlineData("""{"metadata":{"labels":{"a":1}}}""", "json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string")]
    public void WrongTypes_AreErrors(string json, string expected) => Assert.Equal(expected, Check(json).TypeError);

    [Theory]
    [InlineData("""{"metadata":{"labels":{},"annotations":{},"finalizers":[],"creationTimestamp":null,"name":"a"}}""", """{"metadata":{"name":"a"}}""")]
    [InlineData("""{"spec":{"selector":{},"strategy":{},"template":{"metadata":{"creationTimestamp":null},"spec":{"containers":[],"volumes":[{"name":"v","emptyDir":{}}],"nodeSelector":{}}}}}""",
        """{"spec":{"selector":{},"strategy":{},"template":{"metadata":{},"spec":{"containers":[],"volumes":[{"name":"v","emptyDir":{}}]}}}}""")]
    public void EmptyListsAndMaps_AreAsIfNotSaid_ButObjectsAndWhatIsRequiredStay(string json, string expected)
    {
        var obj = (JsonObject)JsonNode.Parse(json)!;
        SchemaChecker.Check(obj, Deployment).RemoveUnset();
        Assert.Equal(expected, obj.ToJsonString());
    }

    private static SchemaFindings Check(string json) => SchemaChecker.Check((JsonObject)JsonNode.Parse(json)!, Deployment);
}
