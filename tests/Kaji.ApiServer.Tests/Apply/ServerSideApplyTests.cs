using System.Text.Json.Nodes;

namespace Kaji.ApiServer.Tests.Apply;

public sealed class ServerSideApplyTests
{
    private const string Maps = "/api/v1/namespaces/n/configmaps";
    private const string Deployments = "/apis/apps/v1/namespaces/n/deployments";

    [Fact]
    public async Task Apply_CreatesThenUpdatesThenPrunes()
    {
        await using var server = await ApplyServer.StartAsync();
        var (code, made) = await server.ApplyAsync(Maps + "/c", Map("{a: '1', b: '2'}"), "me");
        Assert.Equal((201, "c", "n"), (code, (string?)made["metadata"]!["name"], (string?)made["metadata"]!["namespace"]));
        Assert.Equal("""{"f:data":{"f:a":{},"f:b":{}}}""", made["metadata"]!["managedFields"]![0]!["fieldsV1"]!.ToJsonString());

        server.Clock.Advance(TimeSpan.FromMinutes(1));
        (code, var same) = await server.ApplyAsync(Maps + "/c", Map("{a: '1', b: '2'}"), "me");
        Assert.Equal((200, Revision(made)), (code, Revision(same)));

        (_, var next) = await server.ApplyAsync(Maps + "/c", Map("{b: '3'}"), "me");
        Assert.Equal("""{"b":"3"}""", next["data"]!.ToJsonString());
        Assert.Equal("2026-01-02T03:05:05Z", (string?)next["metadata"]!["managedFields"]![0]!["time"]);
    }

    [Fact]
    public async Task Apply_AgainstAnUpdate_ConflictsUnlessForced()
    {
        await using var server = await ApplyServer.StartAsync();
        await server.SendAsync("POST", Maps, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"key":"1"}}""");
        var (code, refusal) = await server.ApplyAsync(Maps + "/c", Map("{key: '2'}"), "me");
        Assert.Equal((409, "Conflict", "Apply failed with 1 conflict: conflict with \"tester\" using v1: .data.key"), (code, (string?)refusal["reason"], (string?)refusal["message"]));
        Assert.Equal("""[{"reason":"FieldManagerConflict","message":"conflict with \u0022tester\u0022 using v1","field":".data.key"}]""", refusal["details"]!["causes"]!.ToJsonString());
        (code, var forced) = await server.ApplyAsync(Maps + "/c", Map("{key: '2'}"), "me", "&force=true");
        Assert.Equal((200, "2"), (code, (string?)forced["data"]!["key"]));
    }

    [Fact]
    public async Task Update_ThatChangesNothing_KeepsTheRevision()
    {
        await using var server = await ApplyServer.StartAsync();
        var (_, made) = await server.SendAsync("POST", Maps, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"key":"1"}}""");
        server.Clock.Advance(TimeSpan.FromMinutes(1));
        var (_, echoed) = await server.SendAsync("PUT", Maps + "/c", made.ToJsonString());
        Assert.Equal(Revision(made), Revision(echoed));
        made["metadata"]!.AsObject().Remove("managedFields");
        (_, var stripped) = await server.SendAsync("PUT", Maps + "/c", made.ToJsonString(), userAgent: "other");
        Assert.Equal(Revision(made), Revision(stripped));
        Assert.Equal("tester", (string?)stripped["metadata"]!["managedFields"]![0]!["manager"]);
    }

    [Fact]
    public async Task ManagedFields_CanBeResetAndRewritten()
    {
        await using var server = await ApplyServer.StartAsync();
        await server.SendAsync("POST", Maps, """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"},"data":{"key":"1"}}""", userAgent: "kubectl-client-side-apply");
        var (code, moved) = await server.SendAsync(
            "PATCH", Maps + "/c", """[{"op":"replace","path":"/metadata/managedFields/0/manager","value":"kubectl"},{"op":"replace","path":"/metadata/managedFields/0/operation","value":"Apply"}]""", "application/json-patch+json");
        Assert.Equal((200, "kubectl"), (code, (string?)moved["metadata"]!["managedFields"]![0]!["manager"]));

        (code, var refusal) = await server.SendAsync("PATCH", Maps + "/c", """[{"op":"replace","path":"/metadata/managedFields/0/operation","value":"Nonsense"}]""", "application/json-patch+json");
        Assert.Equal((422, "metadata.managedFields[0].operation"), (code, (string?)refusal["details"]!["causes"]![0]!["field"]));

        (_, var forgotten) = await server.SendAsync("PATCH", Maps + "/c", """{"metadata":{"managedFields":[{}]}}""", "application/merge-patch+json");
        Assert.False(forgotten["metadata"]!.AsObject().ContainsKey("managedFields"));
    }

    [Fact]
    public async Task Apply_OfStatusAndScale_HaveEntriesOfTheirOwn()
    {
        await using var server = await ApplyServer.StartAsync();
        var yaml = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  replicas: 1\n  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec: {containers: [{name: c, image: i}]}\nstatus: {replicas: 7}\n";
        var (code, made) = await server.ApplyAsync(Deployments + "/d", yaml, "me");
        Assert.Equal(201, code);
        Assert.DoesNotContain("f:status", made["metadata"]!["managedFields"]!.ToJsonString(), StringComparison.Ordinal);

        (code, _) = await server.ApplyAsync(Deployments + "/d/status", "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {replicas: 9}, status: {replicas: 1}}", "ctl");
        Assert.Equal(200, code);
        const string Scale = "{apiVersion: autoscaling/v1, kind: Scale, metadata: {name: d}, spec: {replicas: 4}}";
        (code, var refusal) = await server.ApplyAsync(Deployments + "/d/scale", Scale, "hpa");
        Assert.Equal((409, "Apply failed with 1 conflict: conflict with \"me\": .spec.replicas"), (code, (string?)refusal["message"]));
        (code, var scaled) = await server.ApplyAsync(Deployments + "/d/scale", Scale, "hpa", "&force=true");
        Assert.Equal((200, "Scale", 4), (code, (string?)scaled["kind"], (int)scaled["spec"]!["replicas"]!));

        var (_, now) = await server.SendAsync("GET", Deployments + "/d");
        Assert.Equal((4, 1), ((int)now["spec"]!["replicas"]!, (int)now["status"]!["replicas"]!));
        var entries = now["metadata"]!["managedFields"]!.AsArray().ToDictionary(e => (string)e!["manager"]!, e => e!);
        Assert.Equal(("status", """{"f:status":{"f:replicas":{}}}"""), ((string?)entries["ctl"]["subresource"], entries["ctl"]["fieldsV1"]!.ToJsonString()));
        Assert.Equal(("scale", """{"f:spec":{"f:replicas":{}}}"""), ((string?)entries["hpa"]["subresource"], entries["hpa"]["fieldsV1"]!.ToJsonString()));
        Assert.DoesNotContain("f:replicas", entries["me"]["fieldsV1"]!.ToJsonString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("010", "8")]
    [InlineData("0x10", "16")]
    [InlineData("12", "12")]
    [InlineData("1.5", null)]
    [InlineData("'3'", null)]
    public async Task Apply_YamlNumbers_AreWhatYaml11Says(string replicas, string? expected)
    {
        await using var server = await ApplyServer.StartAsync();
        var (code, made) = await server.ApplyAsync(
            Deployments + "/d", $"{{apiVersion: apps/v1, kind: Deployment, spec: {{replicas: {replicas}, selector: {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, spec: {{containers: [{{name: c, image: i}}]}}}}}}}}", "me");
        Assert.Equal((expected is null ? 400 : 201, expected), (code, made["spec"]?["replicas"]?.ToJsonString()));
    }

    [Theory]
    [InlineData("yes", 400)]
    [InlineData("\"yes\"", 201)]
    [InlineData("1e3", 400)]
    [InlineData("abc", 201)]
    [InlineData("Infinity", 201)]
    [InlineData("09", 201)]
    public async Task Apply_YamlScalars_AreWhatYaml11Says(string value, int expected)
    {
        await using var server = await ApplyServer.StartAsync();
        Assert.Equal(expected, (await server.ApplyAsync(Maps + "/c", Map($"{{a: {value}}}"), "me")).Code);
    }

    [Fact]
    public async Task Apply_DryRun_StoresNothing()
    {
        await using var server = await ApplyServer.StartAsync();
        Assert.Equal(201, (await server.ApplyAsync(Maps + "/c", Map("{a: '1'}"), "me", "&dryRun=All")).Code);
        Assert.Equal(404, (await server.SendAsync("GET", Maps + "/c")).Code);
    }

    [Fact]
    public async Task Apply_ByOneWhoMayNotCreate_IsForbiddenOnlyThen()
    {
        await using var server = await ApplyServer.StartAsync();
        Assert.Equal(403, (await server.ApplyAsync(Maps + "/c", Map("{a: '1'}"), "me", user: "patcher")).Code);
        await server.ApplyAsync(Maps + "/c", Map("{a: '1'}"), "me");
        Assert.Equal(200, (await server.ApplyAsync(Maps + "/c", Map("{b: '1'}"), "them", user: "patcher")).Code);
    }

    [Theory]
    [InlineData("PATCH", "?force=true", "application/merge-patch+json", "{}", 422, "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch")]
    [InlineData("PATCH", "", "application/apply-patch+yaml", "apiVersion: v1\nkind: ConfigMap", 422, "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch")]
    [InlineData("PATCH", "?fieldManager=m", "application/apply-patch+yaml", "kind: ConfigMap", 400, "Object 'apiVersion' is missing in the object")]
    [InlineData("PATCH", "?fieldManager=m", "application/apply-patch+yaml", "apiVersion: v2\nkind: ConfigMap", 400, "Incorrect version specified in apply patch. Specified patch version: v2, expected: v1")]
    [InlineData("PATCH", "?fieldManager=m", "application/apply-patch+yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {managedFields: []}", 400, "metadata.managedFields must be nil")]
    [InlineData("PATCH", "?fieldManager=m", "application/apply-patch+yaml", "apiVersion: v1\nkind: ConfigMap\nspec: 1", 400, "failed to create typed patch object (n/c; /v1, Kind=ConfigMap): .spec: field not declared in schema")]
    [InlineData("PATCH", "?fieldManager=m", "application/apply-patch+cbor", "x", 415, null)]
    public async Task Apply_Nonsense_IsRefused(string method, string query, string type, string body, int expected, string? message)
    {
        await using var server = await ApplyServer.StartAsync();
        var (code, refusal) = await server.SendAsync(method, Maps + "/c" + query, body, type);
        Assert.Equal(expected, code);
        Assert.Equal(message ?? (string?)refusal["message"], (string?)refusal["message"]);
    }

    [Fact]
    public async Task Apply_WithAUidOfNothing_IsAConflict()
    {
        await using var server = await ApplyServer.StartAsync();
        var (code, refusal) = await server.ApplyAsync(Maps + "/c", "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, uid: u}}", "me");
        Assert.Equal(409, code);
        Assert.EndsWith("uid mismatch: the provided object specified uid u, and no existing object was found", (string?)refusal["message"], StringComparison.Ordinal);
    }

    private static string Map(string data) => $"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {data}\n";

    private static string? Revision(JsonObject obj) => (string?)obj["metadata"]!["resourceVersion"];
}
