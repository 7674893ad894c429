using System.Text.Json.Nodes;
using static Kaji.ApiServer.Tests.CustomResources.CustomServer;

namespace Kaji.ApiServer.Tests.CustomResources;

/// <summary>Custom objects through the generic registry: what is served, where, and in which form.</summary>
public sealed class ServingTests
{
    private const string Open = """{"type":"object","x-kubernetes-preserve-unknown-fields":true}""";
    private const string Sized = """{"type":"object","properties":{"size":{"type":"integer"},"color":{"type":"string","default":"red"},"note":{"type":"string"} } }""";

    [Fact]
    public async Task Definition_WhenEstablished_IsInDiscoveryAndOpenApi()
    {
        await using var server = await StartAsync();
        await server.DefineAsync(Sized, """ "subresources":{"status":{}},""");
        var list = (await server.GetAsync("/apis/example.com/v1")).Is(200).Body["resources"]!.AsArray();
        Assert.Equal(["things", "things/status"], list.Select(r => (string)r!["name"]!));
        Assert.Equal("th", (string)list[0]!["shortNames"]![0]!);
        Assert.Contains((await server.GetAsync("/apis")).Body["groups"]!.AsArray(), g => (string)g!["name"]! == "example.com");
        var aggregated = await server.GetAsync("/apis", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
        Assert.Contains(aggregated.Body["items"]!.AsArray(), g => (string)g!["metadata"]!["name"]! == "example.com");
        Assert.NotNull((await server.GetAsync("/openapi/v3")).Body["paths"]!["apis/example.com/v1"]);
        var schema = (await server.GetAsync("/openapi/v3/apis/example.com/v1")).Is(200).Body["components"]!["schemas"]!["com.example.v1.Thing"]!;
        Assert.Equal("integer", (string)schema["properties"]!["spec"]!["properties"]!["size"]!["type"]!);
        Assert.NotNull((await server.GetAsync("/openapi/v2")).Body["definitions"]!["com.example.v1.Thing"]);
    }

    [Fact]
    public async Task Objects_AreCreatedReadChangedListedAndDeleted()
    {
        await using var server = await StartAsync();
        await server.DefineAsync(Open);
        var made = (await server.PostAsync(Things(), Thing("a", """ "spec":{"size":1}"""))).Is(201).Body;
        Assert.Equal(1, (int)made["metadata"]!["generation"]!);
        made["spec"]!["size"] = 2;
        Assert.Equal(2, (int)(await server.PutAsync($"{Things()}/a", made.ToJsonString())).Is(200).Body["metadata"]!["generation"]!);
        Assert.Equal(3, (int)(await server.PatchAsync($"{Things()}/a", """{"spec":{"size":3}}""")).Is(200).Body["spec"]!["size"]!);
        (await server.PatchAsync($"{Things()}/a", """{"spec":{"size":3}}""", "application/strategic-merge-patch+json")).Is(415);
        var list = (await server.GetAsync("/apis/example.com/v1/things")).Is(200).Body;
        Assert.Equal("ThingList", (string)list["kind"]!);
        Assert.Single(list["items"]!.AsArray());
        (await server.DeleteAsync($"{Things()}/a")).Is(200);
        (await server.GetAsync($"{Things()}/a")).Is(404);
    }

    [Fact]
    public async Task Writes_DropUnknownFields_AndFillDefaults()
    {
        await using var server = await StartAsync();
        await server.DefineAsync(Sized);
        var made = (await server.PostAsync(Things(), Thing("a", """ "spec":{"size":1,"weight":2,"note":null},"extra":true"""))).Is(201);
        Assert.Equal("""{"size":1,"color":"red"}""", made.Body["spec"]!.ToJsonString());
        Assert.False(made.Body.ContainsKey("extra"));
        Assert.Equal(["299 - \"unknown field \\\"spec.weight\\\"\"", "299 - \"unknown field \\\"extra\\\"\""], made.Warnings.Order(StringComparer.Ordinal).Reverse());
        (await server.PostAsync(Things() + "?fieldValidation=Strict", Thing("b", """ "spec":{"size":1,"weight":2}"""))).Says(400, "strict decoding error: unknown field \"spec.weight\"");
        Assert.Empty((await server.PostAsync(Things() + "?fieldValidation=Ignore", Thing("c", """ "spec":{"weight":2}"""))).Is(201).Warnings);
    }

    [Fact]
    public async Task Reads_FollowTheSchemaAsItIsNow()
    {
        await using var server = await StartAsync();
        await server.DefineAsync("""{"type":"object","properties":{"size":{"type":"integer"},"old":{"type":"string"} } }""");
        (await server.PostAsync(Things(), Thing("a", """ "spec":{"size":1,"old":"x"}"""))).Is(201);
        await server.PatchAsync($"{Crds}/things.example.com", """[{"op":"replace","path":"/spec/versions/0/schema/openAPIV3Schema/properties/spec","value":{"type":"object","properties":{"size":{"type":"integer"},"color":{"type":"string","default":"blue"}}}}]""", "application/json-patch+json");
        Assert.Equal("""{"size":1,"color":"blue"}""", (await server.GetAsync($"{Things()}/a")).Is(200).Body["spec"]!.ToJsonString());
        Assert.Equal("blue", (string)(await server.GetAsync(Things())).Is(200).Body["items"]![0]!["spec"]!["color"]!);
    }

    [Fact]
    public async Task Status_IsApart_WhenItIsASubresource()
    {
        await using var server = await StartAsync();
        await server.DefineAsync(Sized, """ "subresources":{"status":{}},""");
        var made = (await server.PostAsync(Things(), Thing("a", """ "spec":{"size":1},"status":{"done":true}"""))).Is(201).Body;
        Assert.False(made.ContainsKey("status"));
        made["status"] = new JsonObject { ["done"] = true };
        made["spec"]!["size"] = 5;
        var now = (await server.PutAsync($"{Things()}/a/status", made.ToJsonString())).Is(200).Body;
        Assert.Equal((1, true, 1), ((int)now["spec"]!["size"]!, (bool)now["status"]!["done"]!, (int)now["metadata"]!["generation"]!));
        now = (await server.PatchAsync($"{Things()}/a", """{"spec":{"size":7},"status":{"done":false}}""")).Is(200).Body;
        Assert.Equal((7, true, 2), ((int)now["spec"]!["size"]!, (bool)now["status"]!["done"]!, (int)now["metadata"]!["generation"]!));
    }

    [Fact]
    public async Task Scale_IsReadAndWrittenThroughPaths()
    {
        await using var server = await StartAsync();
        await server.DefineAsync(
            """{"type":"object","properties":{"count":{"type":"integer"} } }""",
            """ "subresources":{"status":{},"scale":{"specReplicasPath":".spec.count","statusReplicasPath":".status.count","labelSelectorPath":".status.selector"}},""");
        await server.PostAsync(Things(), Thing("a", """ "spec":{"count":3}"""));
        await server.PatchAsync($"{Things()}/a/status", """{"status":{"count":2,"selector":"app=a"}}""");
        var scale = (await server.GetAsync($"{Things()}/a/scale")).Is(200).Body;
        Assert.Equal(("Scale", 3, 2, "app=a"), ((string)scale["kind"]!, (int)scale["spec"]!["replicas"]!, (int)scale["status"]!["replicas"]!, (string)scale["status"]!["selector"]!));
        scale["spec"]!["replicas"] = 4;
        Assert.Equal(4, (int)(await server.PutAsync($"{Things()}/a/scale", scale.ToJsonString())).Is(200).Body["spec"]!["replicas"]!);
        await server.PatchAsync($"{Things()}/a/scale", """{"spec":{"replicas":5}}""");
        var obj = (await server.GetAsync($"{Things()}/a")).Body;
        Assert.Equal((5, 3), ((int)obj["spec"]!["count"]!, (int)obj["metadata"]!["generation"]!));
    }

    [Fact]
    public async Task Tables_ShowPrinterColumns()
    {
        await using var server = await StartAsync();
        await server.DefineAsync(
            Sized,
            """ "additionalPrinterColumns":[{"name":"Size","type":"integer","jsonPath":".spec.size","description":"how large"},{"name":"Ready","type":"string","priority":1,"jsonPath":".status.conditions[?(@.type==\"Ready\")].status"},{"name":"Since","type":"date","jsonPath":".metadata.creationTimestamp"},{"name":"None","type":"string","jsonPath":".spec.note"}],""");
        await server.PostAsync(Things(), Thing("a", """ "spec":{"size":3},"status":{"conditions":[{"type":"Other","status":"False"},{"type":"Ready","status":"True"}]}"""));
        var table = (await server.GetAsync(Things(), "application/json;as=Table;v=v1;g=meta.k8s.io")).Is(200).Body;
        Assert.Equal(["Name", "Size", "Ready", "Since", "None"], table["columnDefinitions"]!.AsArray().Select(c => (string)c!["name"]!));
        Assert.Equal([0, 0, 1, 0, 0], table["columnDefinitions"]!.AsArray().Select(c => (int)c!["priority"]!));
        var cells = table["rows"]![0]!["cells"]!.AsArray();
        Assert.Equal(("a", 3, "True", null), ((string)cells[0]!, (int)cells[1]!, (string)cells[2]!, (string?)cells[4]));
        Assert.EndsWith("s", (string)cells[3]!, StringComparison.Ordinal);
        var one = (await server.GetAsync($"{Things()}/a", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io")).Is(200).Body;
        Assert.Equal(("PartialObjectMetadata", "a"), ((string)one["kind"]!, (string)one["metadata"]!["name"]!));
    }

    [Fact]
    public async Task Versions_WithoutConversion_DifferInNameOnly()
    {
        await using var server = await StartAsync();
        const string Schema = """ "schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}""";
        await server.CreateAsync(Crd($$"""[{"name":"v1","served":true,"storage":true,{{Schema}} },{"name":"v2","served":true,"storage":false,{{Schema}} },{"name":"v1beta1","served":true,"storage":false,"deprecated":true,{{Schema}} }]"""));
        await server.PostAsync(Things(version: "v2"), Thing("a", """ "spec":{"x":1}""", "v2"));
        Assert.Equal("example.com/v1", (string)(await server.GetAsync($"{Things()}/a")).Is(200).Body["apiVersion"]!);
        Assert.Equal("example.com/v2", (string)(await server.GetAsync(Things(version: "v2"))).Body["items"]![0]!["apiVersion"]!);
        var old = await server.GetAsync($"{Things(version: "v1beta1")}/a");
        Assert.Contains("example.com/v1beta1 Thing is deprecated", Assert.Single(old.Warnings), StringComparison.Ordinal);
        Assert.Equal("v2", (string)(await server.GetAsync("/apis/example.com")).Body["preferredVersion"]!["version"]!);

        // A new storage version is written by the next write, however empty.
        await server.PatchAsync($"{Crds}/things.example.com", """[{"op":"replace","path":"/spec/versions/0/storage","value":false},{"op":"replace","path":"/spec/versions/1/storage","value":true}]""", "application/json-patch+json");
        var crd = (await server.GetAsync($"{Crds}/things.example.com")).Body;
        Assert.Equal("""["v1","v2"]""", crd["status"]!["storedVersions"]!.ToJsonString());
        var before = (string)(await server.GetAsync($"{Things()}/a")).Body["metadata"]!["resourceVersion"]!;
        Assert.NotEqual(before, (string)(await server.PatchAsync($"{Things()}/a", "{}")).Is(200).Body["metadata"]!["resourceVersion"]!);
    }

    [Fact]
    public async Task FieldSelectors_UseSelectableFields()
    {
        await using var server = await StartAsync();
        await server.DefineAsync(Sized, """ "selectableFields":[{"jsonPath":".spec.color"}],""");
        foreach (var (name, color) in ((string, string)[])[("a", "blue"), ("b", "green"), ("c", "blue")])
        {
            (await server.PostAsync(Things(), Thing(name, $$""" "spec":{"color":"{{color}}"}"""))).Is(201);
        }

        var list = (await server.GetAsync(Things() + "?fieldSelector=spec.color%3Dblue")).Is(200).Body["items"]!.AsArray();
        Assert.Equal(["a", "c"], list.Select(i => (string)i!["metadata"]!["name"]!));
        (await server.GetAsync(Things() + "?fieldSelector=spec.size%3D1")).Is(400);
        await server.SendAsync("DELETE", Things() + "?fieldSelector=spec.color%3Dblue", null);
        Assert.Equal("b", (string)Assert.Single((await server.GetAsync(Things())).Body["items"]!.AsArray())!["metadata"]!["name"]!);
    }

    [Fact]
    public async Task Watches_SeeChanges_AndEndWithTheDefinition()
    {
        await using var server = await StartAsync();
        await server.DefineAsync(Open);
        using var watch = await server.WatchAsync(Things() + "?watch=1");
        await server.PostAsync(Things(), Thing("a", """ "spec":{"x":1}"""));
        await server.PatchAsync($"{Things()}/a", """{"spec":{"x":2}}""");
        (await server.DeleteAsync($"{Crds}/things.example.com")).Is(200);
        var seen = new List<string>();
        while (await watch.ReadLineAsync() is { } line)
        {
            seen.Add((string)JsonNode.Parse(line)!["type"]!);
        }

        Assert.Equal(["ADDED", "MODIFIED", "DELETED"], seen);
        (await server.UntilAsync($"{Crds}/things.example.com", r => r.Code == 404)).Is(404);
        (await server.GetAsync(Things())).Is(404);
    }

    [Fact]
    public async Task Apply_OwnsFieldsByTheDefinitionsSchema()
    {
        await using var server = await StartAsync();
        await server.DefineAsync("""{"type":"object","properties":{"ports":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],"items":{"type":"object","required":["name"],"properties":{"name":{"type":"string"},"port":{"type":"integer"}}}}}}""");
        (await server.PatchAsync($"{Things()}/a?fieldManager=one", Thing("a", """ "spec":{"ports":[{"name":"x","port":1}]}"""), "application/apply-patch+yaml")).Is(201);
        var merged = (await server.PatchAsync($"{Things()}/a?fieldManager=two", Thing("a", """ "spec":{"ports":[{"name":"y","port":2}]}"""), "application/apply-patch+yaml")).Is(200).Body;
        Assert.Equal(["x", "y"], merged["spec"]!["ports"]!.AsArray().Select(p => (string)p!["name"]!));
        (await server.PatchAsync($"{Things()}/a?fieldManager=two", Thing("a", """ "spec":{"ports":[{"name":"x","port":9}]}"""), "application/apply-patch+yaml")).Says(409, "conflict with \"one\": .spec.ports[name=\"x\"].port");
    }
}
