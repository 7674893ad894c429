using System.Text.Json.Nodes;

namespace Kaji.Conformance.Definitions;

/// <summary>Rows about what OpenAPI says of custom resources, and what kubectl makes of it.</summary>
public sealed class PublishTests(ConformanceCluster cluster)
{
    private const string Prefix = "[sig-api-machinery] CustomResourcePublishOpenAPI [Privileged:ClusterAdmin] ";
    private const string Foo =
        """
        {"type":"object","description":"Foo CRD for Testing","properties":{"spec":{"type":"object","description":"Specification of Foo","properties":{"bars":{"type":"array","description":"List of Bars and their specs.",
        "items":{"type":"object","required":["name"],"properties":{"name":{"type":"string","description":"Name of Bar."},"age":{"type":"string","description":"Age of Bar."}}}}}},"status":{"type":"object","description":"Status of Foo"}}}
        """;

    private readonly Api _api = cluster.Admin;

    [Fact]
    [ConformanceRow(Prefix + "works for CRD with validation schema [Conformance]")]
    public async Task WithASchema_KubectlValidatesAndExplains()
    {
        var ns = await cluster.NamespaceAsync();
        await using var definition = await Definition.CreateAsync(_api, Definition.Version("v1", schema: Foo));
        await PublishedAsync(d => d[definition.OpenApiName()] is { } found && (string)found["description"]! == "Foo CRD for Testing");
        await KubectlAsync(0, definition.Object("good", "\"spec\":{\"bars\":[{\"name\":\"b\",\"age\":\"10\"}]}"), "-n", ns, "create", "-f", "-");
        Assert.Contains("unknown", await KubectlAsync(1, definition.Object("bad", "\"spec\":{\"foo\":true}"), "-n", ns, "create", "--validate=true", "-f", "-"), StringComparison.Ordinal);
        Assert.Contains("spec.bars[0].name", await KubectlAsync(1, definition.Object("bad", "\"spec\":{\"bars\":[{\"age\":\"10\"}]}"), "-n", ns, "create", "-f", "-"), StringComparison.Ordinal);
        var explained = await KubectlAsync(0, "", "explain", $"{definition.Plural}.spec.bars", $"--api-version={definition.Group}/v1");
        Assert.Contains("Name of Bar.", explained, StringComparison.Ordinal);
        Assert.Contains("-required-", explained, StringComparison.Ordinal);
        Assert.Contains("does not exist", await KubectlAsync(1, "", "explain", $"{definition.Plural}.spec.bars2", $"--api-version={definition.Group}/v1"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"type":"object","x-kubernetes-preserve-unknown-fields":true}""", "\"anything\":{\"a\":[1]}", null)]
    [InlineData("""{"type":"object","x-kubernetes-preserve-unknown-fields":true,"properties":{"spec":{"type":"object","description":"Specification of Waldo"}}}""", "\"more\":1", "Specification of Waldo")]
    [InlineData("""{"type":"object","properties":{"spec":{"type":"object","description":"Specification of Waldo","x-kubernetes-preserve-unknown-fields":true,"properties":{"dummy":{"type":"string","description":"Dummy property."}}}}}""", "\"spec\":{\"b\":[{\"c\":\"d\"}]}", "Specification of Waldo")]
    [ConformanceRow(Prefix + "works for CRD without validation schema [Conformance]")]
    [ConformanceRow(Prefix + "works for CRD preserving unknown fields at the schema root [Conformance]")]
    [ConformanceRow(Prefix + "works for CRD preserving unknown fields in an embedded object [Conformance]")]
    public async Task UnknownFields_AreTaken_AndTheKindIsExplained(string schema, string fields, string? described)
    {
        var ns = await cluster.NamespaceAsync();
        await using var definition = await Definition.CreateAsync(_api, Definition.Version("v1", schema: schema));
        await PublishedAsync(d => d[definition.OpenApiName()] is not null);
        await KubectlAsync(0, definition.Object("any", fields), "-n", ns, "create", "--validate=true", "-f", "-");
        await KubectlAsync(0, definition.Object("any", fields), "-n", ns, "apply", "--validate=true", "-f", "-");
        var explained = await KubectlAsync(0, "", "explain", definition.Plural, $"--api-version={definition.Group}/v1");
        Assert.Matches("KIND: +TestCrd", explained);
        Assert.Contains("DESCRIPTION:", explained, StringComparison.Ordinal);
        Assert.True(described is null || explained.Contains(described, StringComparison.Ordinal), explained);
    }

    [Fact]
    [ConformanceRow(Prefix + "works for multiple CRDs of different groups [Conformance]")]
    [ConformanceRow(Prefix + "works for multiple CRDs of same group but different versions [Conformance]")]
    [ConformanceRow(Prefix + "works for multiple CRDs of same group and version but different kinds [Conformance]")]
    public async Task Groups_Versions_AndKinds_AreEachPublished()
    {
        await using var one = await Definition.CreateAsync(_api, Definition.Version("v2") + "," + Definition.Version("v3", storage: false));
        await using var two = await Definition.CreateAsync(_api, Definition.Version("v2"));
        var other = one.Json(Definition.Version("v2")).Replace(one.Plural[..^1], "othercrd", StringComparison.Ordinal).Replace("TestCrd", "OtherCrd", StringComparison.Ordinal);
        (await _api.PostAsync(Definition.Collection, other)).Ok(201);
        await PublishedAsync(d => new[] { one.OpenApiName("v2"), one.OpenApiName("v3"), two.OpenApiName("v2"), one.OpenApiName("v2", "OtherCrd") }.All(n => d[n] is not null));
        (await _api.DeleteAsync($"{Definition.Collection}/othercrds.{one.Group}")).Ok();
        await PublishedAsync(d => d[one.OpenApiName("v2", "OtherCrd")] is null && d[one.OpenApiName("v2")] is not null);
    }

    [Fact]
    [ConformanceRow(Prefix + "removes definition from spec when one version gets changed to not be served [Conformance]")]
    [ConformanceRow(Prefix + "updates the published spec when one version gets renamed [Conformance]")]
    public async Task Versions_AreRenamed_AndTakenOut()
    {
        await using var definition = await Definition.CreateAsync(_api, Definition.Version("v2") + "," + Definition.Version("v3", storage: false));
        await PublishedAsync(d => d[definition.OpenApiName("v2")] is not null && d[definition.OpenApiName("v3")] is not null);
        (await _api.PatchAsync(definition.Path, """[{"op":"replace","path":"/spec/versions/1/name","value":"v4"}]""", "application/json-patch+json")).Ok();
        await PublishedAsync(d => d[definition.OpenApiName("v3")] is null && d[definition.OpenApiName("v4")] is not null && d[definition.OpenApiName("v2")] is not null);
        (await _api.PatchAsync(definition.Path, """[{"op":"replace","path":"/spec/versions/1/served","value":false}]""", "application/json-patch+json")).Ok();
        await PublishedAsync(d => d[definition.OpenApiName("v4")] is null && d[definition.OpenApiName("v2")] is not null);
    }

    private Task PublishedAsync(Func<JsonObject, bool> holds) => _api.UntilAsync("/openapi/v2", a => holds(a.Ok().Json["definitions"]!.AsObject()));

    private async Task<string> KubectlAsync(int expected, string input, params string[] arguments)
    {
        var (code, output) = await cluster.KubectlWithInputAsync(input, arguments);
        Assert.True(code == expected, $"kubectl {string.Join(' ', arguments)} ended with {code}: {output}");
        return output;
    }
}
