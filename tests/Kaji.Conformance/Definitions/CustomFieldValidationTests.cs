namespace Kaji.Conformance.Definitions;

/// <summary>Rows about <c>fieldValidation=Strict</c> of custom resources.</summary>
public sealed class CustomFieldValidationTests(ConformanceCluster cluster)
{
    private const string Prefix = "[sig-api-machinery] FieldValidation should ";
    private const string Closed = """{"type":"object","properties":{"spec":{"type":"object","properties":{"knownField1":{"type":"string"},"replicas":{"type":"integer"}}}}}""";
    private readonly Api _api = cluster.Admin;

    [Fact]
    [ConformanceRow(Prefix + "create/apply a CR with unknown fields for CRD with no validation schema [Conformance]")]
    public async Task WithoutASchema_AnythingIsApplied()
    {
        var ns = await cluster.NamespaceAsync();
        await using var definition = await Definition.CreateAsync(_api, Definition.Version("v1"));
        (await _api.ApplyAsync($"{definition.Objects(ns)}/any", definition.Object("any", "\"unknown\":{\"deep\":[1,2]}"), more: "&fieldValidation=Strict")).Ok(201);
        (await _api.PostAsync($"{definition.Objects(ns)}?fieldValidation=Strict", definition.Object("any2", "\"unknown\":{\"deep\":[1,2]}"))).Ok(201);
    }

    [Fact]
    [ConformanceRow(Prefix + "create/apply a valid CR for CRD with validation schema [Conformance]")]
    [ConformanceRow(Prefix + "create/apply an invalid CR with extra properties for CRD with validation schema [Conformance]")]
    public async Task WithASchema_UnknownFieldsAreNamed()
    {
        var ns = await cluster.NamespaceAsync();
        await using var definition = await Definition.CreateAsync(_api, Definition.Version("v1", schema: Closed));
        var objects = definition.Objects(ns);
        (await _api.PostAsync($"{objects}?fieldValidation=Strict", definition.Object("good", "\"spec\":{\"knownField1\":\"a\"}"))).Ok(201);
        (await _api.ApplyAsync($"{objects}/good2", definition.Object("good2", "\"spec\":{\"knownField1\":\"a\"}"), more: "&fieldValidation=Strict")).Ok(201);
        (await _api.PostAsync($"{objects}?fieldValidation=Strict", definition.Object("bad", "\"spec\":{\"knownField1\":\"a\",\"extra\":1},\"more\":2"))).Refused(400, "unknown field \"spec.extra\"").Refused(400, "unknown field \"more\"");
        Assert.Contains("extra", (await _api.ApplyAsync($"{objects}/bad", definition.Object("bad", "\"spec\":{\"extra\":1}"), more: "&fieldValidation=Strict")).Message, StringComparison.Ordinal);
        Assert.Contains((await _api.PostAsync($"{objects}?fieldValidation=Warn", definition.Object("warned", "\"spec\":{\"extra\":1}"))).Ok(201).Warnings, w => w.Contains("unknown field \\\"spec.extra\\\"", StringComparison.Ordinal));
    }

    [Fact]
    [ConformanceRow(Prefix + "detect duplicates in a CR when preserving unknown fields [Conformance]")]
    public async Task Duplicates_AreNamed_EvenWhereAnythingIsKept()
    {
        var ns = await cluster.NamespaceAsync();
        await using var definition = await Definition.CreateAsync(_api, Definition.Version("v1"));
        (await _api.PostAsync($"{definition.Objects(ns)}?fieldValidation=Strict", definition.Object("twice", "\"spec\":{\"a\":1,\"a\":2}"))).Refused(400, "duplicate field \"spec.a\"");
    }

    [Fact]
    [ConformanceRow(Prefix + "detect unknown metadata fields in both the root and embedded object of a CR [Conformance]")]
    public async Task UnknownMetadata_IsNamed_AtTheRootAndEmbedded()
    {
        var ns = await cluster.NamespaceAsync();
        await using var definition = await Definition.CreateAsync(
            _api, Definition.Version("v1", schema: """{"type":"object","properties":{"template":{"type":"object","x-kubernetes-embedded-resource":true,"properties":{"spec":{"type":"object"}}}}}"""));
        (await _api.PostAsync(
            $"{definition.Objects(ns)}?fieldValidation=Strict",
            definition.Object("x", "\"template\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\",\"unknownSubMeta\":\"foo\"}}", metadata: "\"unknownMeta\":\"foo\""))).Refused(400, "unknown field \"metadata.unknownMeta\"").Refused(400, "unknown field \"template.metadata.unknownSubMeta\"");
    }
}
