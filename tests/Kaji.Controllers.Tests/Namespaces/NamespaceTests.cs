using System.Text.Json.Nodes;
using k8s.Models;
using Kaji.Client;
using Kaji.Controllers.Namespaces;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaji.Controllers.Tests.Namespaces;

public sealed class NamespaceTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero);

    [Fact]
    public async Task Terminating_IsEmptiedAndGoes_OthersStay()
    {
        await using var api = await StartAsync();
        await api.CreateMapAsync("a");
        await api.CreateAsync("/api/v1/namespaces/test/secrets", """{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"}}""");
        await api.CreateAsync("/api/v1/namespaces/other/configmaps", """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}""");
        await api.DeleteAsync("/api/v1/namespaces/test");
        await api.GoneAsync("/api/v1/namespaces/test");
        Assert.Null(await api.MapAsync("a"));
        Assert.NotNull(await api.GetAsync("/api/v1/namespaces/other/configmaps/a"));
    }

    [Fact]
    public async Task Terminating_TellsWhatStandsInTheWay()
    {
        await using var api = await StartAsync();
        await api.CreateMapAsync("held");
        await api.SendAsync(HttpMethod.Patch, "/api/v1/namespaces/test/configmaps/held", """{"metadata":{"finalizers":["example.com/hold"]}}""");
        await api.DeleteAsync("/api/v1/namespaces/test");
        JsonNode? ns = null;
        await TestApi.UntilAsync(async () => (ns = await api.GetAsync("/api/v1/namespaces/test"))?["status"]?["conditions"] is JsonArray, "no conditions");
        Assert.Equal("Terminating", (string?)ns!["status"]!["phase"]);
        var messages = ns["status"]!["conditions"]!.AsArray().ToDictionary(c => (string)c!["type"]!, c => (string)c!["message"]!);
        Assert.Equal("Some resources are remaining: configmaps has 1 resource instances", messages["NamespaceContentRemaining"]);
        Assert.Equal("Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances", messages["NamespaceFinalizersRemaining"]);
        await api.SendAsync(HttpMethod.Patch, "/api/v1/namespaces/test/configmaps/held", """{"metadata":{"finalizers":null}}""");
        await api.GoneAsync("/api/v1/namespaces/test");
    }

    [Fact]
    public async Task Terminating_PodsGoBeforeTheRest()
    {
        await using var api = await StartAsync();
        await api.CreateMapAsync("needed");
        await api.CreateAsync("/api/v1/namespaces/test/pods", """{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"nodeName":"n","containers":[{"name":"c","image":"i"}]}}""");
        await api.DeleteAsync("/api/v1/namespaces/test");
        await TestApi.UntilAsync(async () => (await api.GetAsync("/api/v1/namespaces/test"))?["status"]?["conditions"] is JsonArray, "no conditions");
        Assert.NotNull((await api.GetAsync("/api/v1/namespaces/test/pods/p"))!["metadata"]!["deletionTimestamp"]);
        Assert.NotNull(await api.MapAsync("needed"));

        // The node agent has ended it.
        await api.SendAsync(HttpMethod.Delete, "/api/v1/namespaces/test/pods/p", """{"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0}""", "application/json");
        await api.GoneAsync("/api/v1/namespaces/test");
    }

    [Fact]
    public void Conditions_KeepTheirTransitionTime_WhileTheStatusIsTheSame()
    {
        var before = new DateTime(2025, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        V1NamespaceCondition[] present =
        [
            new() { Type = "NamespaceContentRemaining", Status = "True", LastTransitionTime = before },
            new() { Type = "NamespaceFinalizersRemaining", Status = "True", LastTransitionTime = before },
            new() { Type = "Own", Status = "True", LastTransitionTime = before },
        ];
        var outcome = new NamespaceOutcome([new NamespaceContent("pods", 2, new Dictionary<string, int>())], null, ["secrets: no"]);
        var conditions = NamespaceConditions.Of(present, outcome, Now).ToDictionary(c => c.Type);
        Assert.Equal(before, conditions["NamespaceContentRemaining"].LastTransitionTime);
        Assert.Equal(("False", new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc)), (conditions["NamespaceFinalizersRemaining"].Status, conditions["NamespaceFinalizersRemaining"].LastTransitionTime));
        Assert.Equal("Failed to delete all resource types, 1 remaining: secrets: no", conditions["NamespaceDeletionContentFailure"].Message);
        Assert.Equal("True", conditions["Own"].Status);
    }

    private static async Task<TestApi> StartAsync()
    {
        var api = await TestApi.StartAsync("test", "other");
        var informers = new InformerFactory(api.Client, TimeProvider.System, NullLoggerFactory.Instance);
        await api.RunAsync(informers, new NamespaceController(api.Client, informers, TimeProvider.System, NullLoggerFactory.Instance));
        return api;
    }
}
