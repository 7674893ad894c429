using System.Text.Json.Nodes;
using Kaji.Conformance.Definitions;

namespace Kaji.Conformance.Admission;

/// <summary>Webhooks on custom resources.</summary>
public sealed class CustomWebhookTests(ConformanceCluster cluster)
{
    private const string Prefix = "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] ";
    private const string Configurations = "/apis/admissionregistration.k8s.io/v1/";
    private readonly Api _api = cluster.Admin;

    [Fact]
    [ConformanceRow(Prefix + "should be able to deny custom resource creation, update and deletion [Conformance]")]
    public async Task Validating_DeniesEachOperation()
    {
        var ns = await cluster.NamespaceAsync();
        await using var definition = await Definition.CreateAsync(_api, Definition.Version("v1"));
        await using var server = await WebhookServer.StartAsync(("/", r => Task.FromResult(
            (string?)(r["object"] ?? r["oldObject"])!["data"]?["webhook-e2e-test"] == "webhook-disallow" ? WebhookServer.Deny("the custom resource contains unwanted data") : WebhookServer.Allow)));
        var objects = definition.Objects(ns);
        (await _api.PostAsync(objects, definition.Object("allowed"))).Ok(201);
        (await _api.PostAsync(objects, definition.Object("kept", Data))).Ok(201);
        await ConfigureAsync("validating", ns, definition, server, "CREATE", "UPDATE", "DELETE");
        var serial = 0;
        await UntilAsync(() => _api.PostAsync(objects, definition.Object($"denied{serial++}", Data)), a => a.Code == 400);
        (await _api.PostAsync(objects, definition.Object("denied", Data))).Refused(400, "the custom resource contains unwanted data");
        (await _api.PatchAsync($"{objects}/allowed", """{"data":{"webhook-e2e-test":"webhook-disallow"}}""")).Refused(400, "unwanted data");
        (await _api.DeleteAsync($"{objects}/kept")).Refused(400, "unwanted data");
        (await _api.DeleteAsync($"{objects}/allowed")).Ok();
        await RemoveAsync("validating", ns);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [ConformanceRow(Prefix + "should mutate custom resource [Conformance]")]
    [ConformanceRow(Prefix + "should mutate custom resource with pruning [Conformance]")]
    public async Task Mutating_ChangesIt_AndTheSchemaPrunes(bool pruning)
    {
        var ns = await cluster.NamespaceAsync();
        const string Schema = """{"type":"object","properties":{"data":{"type":"object","properties":{"mutation-start":{"type":"string"},"mutation-stage-1":{"type":"string"}}}}}""";
        await using var definition = await Definition.CreateAsync(_api, Definition.Version("v1", schema: pruning ? Schema : Definition.Open));
        await using var server = await WebhookServer.StartAsync(("/", r => Task.FromResult(
            WebhookServer.Patch("""[{"op":"add","path":"/data/mutation-stage-1","value":"yes"},{"op":"add","path":"/data/mutation-stage-2","value":"yes"}]"""))));
        await ConfigureAsync("mutating", ns, definition, server, "CREATE");
        var serial = 0;
        var made = (await UntilAsync(
            () => _api.PostAsync(definition.Objects(ns), definition.Object($"o{serial++}", "\"data\":{\"mutation-start\":\"yes\"}")), a => a.Json["data"]?["mutation-stage-1"] is not null)).Ok(201).Json["data"]!.AsObject();
        Assert.Equal(pruning ? ["mutation-stage-1", "mutation-start"] : ["mutation-stage-1", "mutation-stage-2", "mutation-start"], made.Select(d => d.Key).Order(StringComparer.Ordinal));
        await RemoveAsync("mutating", ns);
    }

    [Fact]
    [ConformanceRow(Prefix + "should mutate custom resource with different stored version [Conformance]")]
    public async Task Mutating_GoesOn_WhenTheStoredVersionMoves()
    {
        var ns = await cluster.NamespaceAsync();
        await using var definition = await Definition.CreateAsync(_api, Definition.Version("v1") + "," + Definition.Version("v2", storage: false));
        await using var server = await WebhookServer.StartAsync(("/", r => Task.FromResult(
            r["object"]!["data"]?["mutation-start"] is not null ? WebhookServer.Patch("""[{"op":"add","path":"/data/mutation-stage-1","value":"yes"}]""") : WebhookServer.Allow)));
        await ConfigureAsync("mutating", ns, definition, server, "CREATE", "UPDATE");
        var (serial, objects) = (0, definition.Objects(ns));
        var made = (await UntilAsync(() => _api.PostAsync(objects, definition.Object($"o{serial++}", "\"data\":{\"mutation-start\":\"yes\"}")), a => a.Json["data"]?["mutation-stage-1"] is not null)).Ok(201).Json;
        var name = (string)made["metadata"]!["name"]!;
        (await _api.PatchAsync(definition.Path, """[{"op":"replace","path":"/spec/versions/0/storage","value":false},{"op":"replace","path":"/spec/versions/1/storage","value":true}]""", "application/json-patch+json")).Ok();
        await _api.UntilAsync(definition.Path, a => a.Ok().Json["status"]!["storedVersions"]!.AsArray().Count == 2);
        var patched = (await UntilAsync(() => _api.PatchAsync($"{definition.Objects(ns, "v2")}/{name}", """{"data":{"dummy":"test"}}"""), a => a.Code == 200)).Json;
        Assert.Equal((definition.Group + "/v2", "test", "yes"), ((string)patched["apiVersion"]!, (string)patched["data"]!["dummy"]!, (string)patched["data"]!["mutation-stage-1"]!));
        await RemoveAsync("mutating", ns);
    }

    private const string Data = "\"data\":{\"webhook-e2e-test\":\"webhook-disallow\"}";

    private async Task ConfigureAsync(string kind, string ns, Definition definition, WebhookServer server, params string[] operations)
    {
        var rule = $$"""{"operations":[{{string.Join(',', operations.Select(o => $"\"{o}\""))}}],"apiGroups":["{{definition.Group}}"],"apiVersions":["*"],"resources":["{{definition.Plural}}"]}""";
        (await _api.PostAsync($"{Configurations}{kind}webhookconfigurations", WebhookTests.Configuration(kind, $"custom-{ns}", ns, "custom", WebhookTests.Hook("custom.k8s.io", server.ClientConfig("/"), rule)))).Ok(201);
    }

    private async Task RemoveAsync(string kind, string ns) => (await _api.DeleteAsync($"{Configurations}{kind}webhookconfigurations/custom-{ns}")).Ok();

    private static async Task<Answer> UntilAsync(Func<Task<Answer>> ask, Func<Answer, bool> holds)
    {
        var end = TimeProvider.System.GetUtcNow() + TimeSpan.FromSeconds(20);
        while (true)
        {
            var answer = await ask();
            if (holds(answer))
            {
                return answer;
            }

            Assert.True(TimeProvider.System.GetUtcNow() < end, $"last answer: {answer.Code} {answer.Text}");
            await Task.Delay(20); // poll interval of a condition
        }
    }
}
