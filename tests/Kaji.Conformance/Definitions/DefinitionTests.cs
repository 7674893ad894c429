using System.Text.Json.Nodes;

namespace Kaji.Conformance.Definitions;

/// <summary>Rows about CustomResourceDefinitions and the objects they define.</summary>
public sealed class DefinitionTests(ConformanceCluster cluster)
{
    private const string Prefix = "[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] ";
    private readonly Api _api = cluster.Admin;

    [Fact]
    [ConformanceRow(Prefix + "Simple CustomResourceDefinition creating/deleting custom resource definition objects works [Conformance]")]
    [ConformanceRow(Prefix + "Simple CustomResourceDefinition getting/updating/patching custom resource definition status sub-resource works [Conformance]")]
    public async Task Definition_IsEstablished_ItsStatusChanges_AndItGoes()
    {
        string path;
        await using (var definition = await Definition.CreateAsync(_api, Definition.Version("v1")))
        {
            path = definition.Path;
            var status = (await _api.GetAsync(path + "/status")).Ok().Json;
            Assert.Equal(definition.Plural, (string)status["status"]!["acceptedNames"]!["plural"]!);
            Assert.Equal("v1", (string)status["status"]!["storedVersions"]![0]!);
            (await _api.PatchAsync(path + "/status", """{"status":{"conditions":[{"type":"StatusPatch","status":"True","reason":"E2E","message":"Set by an e2e test","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}""")).Ok();
            Assert.Contains((await definition.ReadAsync())["status"]!["conditions"]!.AsArray(), c => (string)c!["type"]! == "StatusPatch");
            Answer put;
            do
            {
                var whole = (await _api.GetAsync(path + "/status")).Ok().Json;
                whole["status"]!["conditions"]!.AsArray().Add((JsonNode)new JsonObject { ["type"] = "StatusUpdate", ["status"] = "True", ["reason"] = "E2E", ["message"] = "m", ["lastTransitionTime"] = "2026-01-01T00:00:00Z" });
                put = await _api.PutAsync(path + "/status", whole.ToJsonString());
            }
            while (put.Code == 409);
            put.Ok();
            Assert.Contains((await definition.ReadAsync())["status"]!["conditions"]!.AsArray(), c => (string)c!["type"]! == "StatusUpdate");
        }

        (await _api.GetAsync(path)).Refused(404);
    }

    [Fact]
    [ConformanceRow(Prefix + "Simple CustomResourceDefinition listing custom resource definition objects works [Conformance]")]
    public async Task Definitions_AreListedAndDeletedByLabel()
    {
        await using var other = await Definition.CreateAsync(_api, Definition.Version("v1"));
        var label = $"l{Guid.NewGuid():n}"[..12];
        for (var i = 0; i < 4; i++)
        {
            await Definition.CreateAsync(_api, Definition.Version("v1"), labels: $"\"set\":\"{label}\"");
        }

        var selected = $"{Definition.Collection}?labelSelector=set%3D{label}";
        Assert.Equal(4, (await _api.GetAsync(selected)).Ok().Json["items"]!.AsArray().Count);
        (await _api.DeleteAsync(selected)).Ok();
        await _api.UntilAsync(selected, a => a.Ok().Json["items"]!.AsArray().Count == 0);
        Assert.NotNull(await other.ReadAsync());
    }

    [Fact]
    [ConformanceRow(Prefix + "should include custom resource definition resources in discovery documents [Conformance]")]
    public async Task Definitions_AreInDiscovery()
    {
        Assert.Contains((await _api.GetAsync("/apis")).Ok().Json["groups"]!.AsArray(), g => (string)g!["name"]! == "apiextensions.k8s.io" && g["versions"]!.AsArray().Any(v => (string)v!["groupVersion"]! == "apiextensions.k8s.io/v1"));
        Assert.Contains((await _api.GetAsync("/apis/apiextensions.k8s.io")).Ok().Json["versions"]!.AsArray(), v => (string)v!["version"]! == "v1");
        Assert.Contains((await _api.GetAsync("/apis/apiextensions.k8s.io/v1")).Ok().Json["resources"]!.AsArray(), r => (string)r!["name"]! == "customresourcedefinitions");
    }

    [Theory]
    [InlineData("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")]
    [InlineData("application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList")]
    [ConformanceRow("[sig-api-machinery] AggregatedDiscovery should support aggregated discovery interface for CRDs [Conformance]")]
    [ConformanceRow("[sig-api-machinery] AggregatedDiscovery should support raw aggregated discovery request for CRDs [Conformance]")]
    public async Task Aggregated_ComesToHoldTheResource(string accept)
    {
        await using var definition = await Definition.CreateAsync(_api, Definition.Version("v1"));
        var group = (await _api.GetAsync("/apis", accept)).Ok().Json["items"]!.AsArray().Single(g => (string)g!["metadata"]!["name"]! == definition.Group)!;
        Assert.Equal("v1", (string)group["versions"]![0]!["version"]!);
        Assert.Equal((definition.Plural, "TestCrd"), ((string)group["versions"]![0]!["resources"]![0]!["resource"]!, (string)group["versions"]![0]!["resources"]![0]!["responseKind"]!["kind"]!));
        Assert.Contains((await _api.GetAsync($"/apis/{definition.Group}/v1")).Ok().Json["resources"]!.AsArray(), r => (string)r!["name"]! == definition.Plural);
    }

    [Fact]
    [ConformanceRow("[sig-api-machinery] CustomResourceDefinition Watch [Privileged:ClusterAdmin] CustomResourceDefinition Watch watch on custom resource definition objects [Conformance]")]
    public async Task Objects_AreWatched()
    {
        var ns = await cluster.NamespaceAsync();
        await using var definition = await Definition.CreateAsync(_api, Definition.Version("v1"));
        var objects = definition.Objects(ns);
        await using var watch = await _api.WatchAsync(objects);
        foreach (var name in (string[])["name1", "name2"])
        {
            (await _api.PostAsync(objects, definition.Object(name, "\"content\":{\"key\":\"value\"}"))).Ok(201);
            await watch.ExpectAsync("ADDED", name);
        }

        foreach (var name in (string[])["name1", "name2"])
        {
            (await _api.PatchAsync($"{objects}/{name}", """{"dummy":"test"}""")).Ok();
            Assert.Equal("test", (string)(await watch.ExpectAsync("MODIFIED", name))["dummy"]!);
        }

        foreach (var name in (string[])["name1", "name2"])
        {
            (await _api.DeleteAsync($"{objects}/{name}")).Ok();
            await watch.ExpectAsync("DELETED", name);
        }
    }

    [Fact]
    [ConformanceRow(Prefix + "custom resource defaulting for requests and from storage works [Conformance]")]
    public async Task Defaults_ApplyToRequests_AndToWhatIsStored()
    {
        var ns = await cluster.NamespaceAsync();
        await using var definition = await Definition.CreateAsync(_api, Definition.Version("v1", schema: """{"type":"object","properties":{"a":{"type":"string","default":"A"},"b":{"type":"string"}}}"""));
        var objects = definition.Objects(ns);
        Assert.Equal("A", (string)(await _api.PostAsync(objects, definition.Object("one"))).Ok(201).Json["a"]!);
        (await _api.PatchAsync(definition.Path, """[{"op":"add","path":"/spec/versions/0/schema/openAPIV3Schema/properties/b/default","value":"B"}]""", "application/json-patch+json")).Ok();
        var read = (await _api.UntilAsync($"{objects}/one", a => (string?)a.Ok().Json["b"] == "B")).Json;
        Assert.Equal("A", (string)read["a"]!);
        Assert.Equal("B", (string)(await _api.GetAsync(objects)).Ok().Json["items"]![0]!["b"]!);
        (await _api.PatchAsync(definition.Path, """[{"op":"replace","path":"/spec/versions/0/schema/openAPIV3Schema/properties/a/default","value":"AA"},{"op":"remove","path":"/spec/versions/0/schema/openAPIV3Schema/properties/b/default"}]""", "application/json-patch+json")).Ok();
        await _api.UntilAsync($"{objects}/one", a => a.Ok().Json["b"] is null && (string)a.Json["a"]! == "A");
        Assert.Equal("AA", (string)(await _api.PostAsync(objects, definition.Object("two"))).Ok(201).Json["a"]!);
    }

    [Fact]
    [ConformanceRow("[sig-api-machinery] CustomResourceFieldSelectors [Privileged:ClusterAdmin] CustomResourceFieldSelectors MUST list and watch custom resources matching the field selector [Conformance]")]
    public async Task SelectableFields_SelectAtBothVersions()
    {
        var ns = await cluster.NamespaceAsync();
        const string Schema = """{"type":"object","properties":{"hostPort":{"type":"string"},"host":{"type":"string"},"port":{"type":"string"}}}""";
        const string Selectable = """ "selectableFields":[{"jsonPath":".host"},{"jsonPath":".port"}]""";
        await using var definition = await Definition.CreateAsync(
            _api, Definition.Version("v1", schema: Schema, more: Selectable) + "," + Definition.Version("v2", storage: false, schema: Schema, more: Selectable));
        foreach (var version in (string[])["v1", "v2"])
        {
            var objects = definition.Objects(ns, version);
            await using var watch = await _api.WatchAsync($"{objects}?fieldSelector=host%3Dhost1,port%3D80");
            (await _api.PostAsync(objects, definition.Object("hit", "\"host\":\"host1\",\"port\":\"80\"", version))).Ok(201);
            (await _api.PostAsync(objects, definition.Object("miss", "\"host\":\"host1\",\"port\":\"81\"", version))).Ok(201);
            await watch.ExpectAsync("ADDED", "hit");
            foreach (var listed in (string[])["v1", "v2"])
            {
                Assert.Equal("hit", (string)(await _api.GetAsync($"{definition.Objects(ns, listed)}?fieldSelector=host%3Dhost1,port%3D80")).Ok().Json["items"]!.AsArray().Single()!["metadata"]!["name"]!);
            }

            (await _api.PatchAsync($"{objects}/miss", """{"port":"80"}""")).Ok();
            await watch.ExpectAsync("ADDED", "miss");
            (await _api.PatchAsync($"{objects}/hit", """{"port":"90"}""")).Ok();
            await watch.ExpectAsync("DELETED", "hit");
            (await _api.DeleteAsync($"{objects}?fieldSelector=port%3D80")).Ok();
            await watch.ExpectAsync("DELETED", "miss");
            (await _api.GetAsync($"{objects}?fieldSelector=other%3Dx")).Refused(400, "field label not supported");
            (await _api.DeleteAsync(objects)).Ok();
        }
    }
}
