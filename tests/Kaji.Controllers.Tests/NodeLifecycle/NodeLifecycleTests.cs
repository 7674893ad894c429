using System.Text.Json.Nodes;
using Kaji.Client;
using Kaji.Controllers.NodeLifecycle;
using Kaji.Controllers.PodGc;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Kaji.Controllers.Tests.NodeLifecycle;

public sealed class NodeLifecycleTests
{
    private const string Node = "/api/v1/nodes/a";
    private const string Lease = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    private static readonly DateTimeOffset Begin = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public async Task SilentNode_IsUnknown_ItsPodsGoAfterTheirToleration_AndItComesBack()
    {
        await using var api = await TestApi.StartAsync("test", "kube-node-lease");
        await CreateNodeAsync(api, "a");
        await CreateNodeAsync(api, "b");
        await CreatePodAsync(api, "plain", "a", """[{"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute","tolerationSeconds":30}]""");
        await CreatePodAsync(api, "patient", "a", """[{"operator":"Exists"}]""");
        await CreatePodAsync(api, "elsewhere", "b", "[]");
        await api.CreateAsync(Lease, """{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"a"},"spec":{"renewTime":"2026-01-02T03:04:05.000000Z"}}""");
        await api.CreateAsync(Lease, """{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"b"},"spec":{"renewTime":"2026-01-02T03:04:05.000000Z"}}""");
        var time = new FakeTimeProvider(Begin);
        var informers = await RunAsync(api, time);

        // Silence counts from when the controller has heard something: that must be before the clock moves.
        await RenewAsync(api, informers, "a", "2026-01-02T03:04:06.000000Z");
        time.Advance(TimeSpan.FromSeconds(30));
        await RenewAsync(api, informers, "b", "2026-01-02T03:04:35.000000Z");
        time.Advance(TimeSpan.FromSeconds(11));
        await TestApi.UntilAsync(async () => Ready(await api.GetAsync(Node)) == "Unknown", "the silent node still counts as ready");
        await TestApi.UntilAsync(async () => Taints(await api.GetAsync(Node)) == "unreachable:NoSchedule unreachable:NoExecute", "no taints");
        Assert.Equal("True", Ready(await api.GetAsync("/api/v1/nodes/b")));
        await TestApi.UntilAsync(() => Task.FromResult(informers.For(Kinds.Node).Get(null, "a")!.Spec.Taints?.Count == 2), "the taints are not seen");

        // b lives on; plain's 30 seconds run out.
        await RenewAsync(api, informers, "b", "2026-01-02T03:04:46.000000Z");
        await AdvanceUntilAsync(time, async () => (await api.GetAsync("/api/v1/namespaces/test/pods/plain"))?["metadata"]?["deletionTimestamp"] is not null);
        Assert.True(time.GetUtcNow() - Begin >= TimeSpan.FromSeconds(71), "it went too early");
        Assert.Null((await api.GetAsync("/api/v1/namespaces/test/pods/patient"))!["metadata"]!["deletionTimestamp"]);
        Assert.Null((await api.GetAsync("/api/v1/namespaces/test/pods/elsewhere"))!["metadata"]!["deletionTimestamp"]);

        await SetReadyAsync(api, "a", "True", "2026-01-02T03:06:00Z");
        await TestApi.UntilAsync(async () => Taints(await api.GetAsync(Node)).Length == 0, "the taints stay");
    }

    [Fact]
    public async Task LastNodeSilent_KeepsItsPods()
    {
        await using var api = await TestApi.StartAsync("test", "kube-node-lease");
        await CreateNodeAsync(api, "a");
        await CreatePodAsync(api, "p", "a", "[]");
        var time = new FakeTimeProvider(Begin);
        await RunAsync(api, time);
        await AdvanceUntilAsync(time, async () => Taints(await api.GetAsync(Node)).Length > 0);
        Assert.Equal("unreachable:NoSchedule", Taints(await api.GetAsync(Node)));
        Assert.Null((await api.GetAsync("/api/v1/namespaces/test/pods/p"))!["metadata"]!["deletionTimestamp"]);
    }

    [Fact]
    public async Task PodsOfANodeThatWent_AreFailedAndDeleted()
    {
        await using var api = await TestApi.StartAsync("test");
        await CreateNodeAsync(api, "a");
        await CreateNodeAsync(api, "b");
        await CreatePodAsync(api, "lost", "a", "[]");
        await CreatePodAsync(api, "kept", "b", "[]");
        var time = new FakeTimeProvider(Begin);
        var informers = new InformerFactory(api.Client, time, NullLoggerFactory.Instance);
        await api.RunAsync(informers, new PodGcController(api.Client, informers, time, NullLoggerFactory.Instance));
        await api.DeleteAsync(Node);
        await AdvanceUntilAsync(time, async () => await api.GetAsync("/api/v1/namespaces/test/pods/lost") is null);
        Assert.True(time.GetUtcNow() - Begin >= TimeSpan.FromSeconds(40), "it went too early");
        Assert.NotNull(await api.GetAsync("/api/v1/namespaces/test/pods/kept"));
    }

    private static async Task<InformerFactory> RunAsync(TestApi api, TimeProvider time)
    {
        var informers = new InformerFactory(api.Client, time, NullLoggerFactory.Instance);
        var events = new EventRecorder(api.Client, "node-controller", null, time, NullLoggerFactory.Instance);
        await api.RunAsync(informers, new NodeLifecycleController(api.Client, informers, events, time, NullLoggerFactory.Instance));
        return informers;
    }

    /// <summary>Moves the clock on, a second a look, until the controllers have come to it.</summary>
    private static Task AdvanceUntilAsync(FakeTimeProvider time, Func<Task<bool>> condition) => TestApi.UntilAsync(
        async () =>
        {
            if (await condition())
            {
                return true;
            }

            time.Advance(TimeSpan.FromSeconds(1));
            return false;
        },
        "it did not come to it");

    private static async Task RenewAsync(TestApi api, InformerFactory informers, string node, string renewed)
    {
        await api.SendAsync(HttpMethod.Patch, $"{Lease}/{node}", $$"""{"spec":{"renewTime":"{{renewed}}"} }""");
        var leases = informers.For(Kinds.Lease, "kube-node-lease");
        await TestApi.UntilAsync(() => Task.FromResult(leases.Get("kube-node-lease", node)?.Spec.RenewTime?.ToUniversalTime() == DateTimeOffset.Parse(renewed, null).UtcDateTime), "the renewal is not seen");
    }

    private static async Task CreateNodeAsync(TestApi api, string name)
    {
        await api.CreateAsync("/api/v1/nodes", $$"""{"apiVersion":"v1","kind":"Node","metadata":{"name":"{{name}}"} }""");
        await SetReadyAsync(api, name, "True");
    }

    private static Task SetReadyAsync(TestApi api, string name, string ready, string heard = "2026-01-02T03:04:05Z") =>
        api.SendAsync(HttpMethod.Patch, $"/api/v1/nodes/{name}/status", $$"""{"status":{"conditions":[{"type":"Ready","status":"{{ready}}","reason":"KubeletReady","message":"","lastHeartbeatTime":"{{heard}}"}]} }""");

    private static Task CreatePodAsync(TestApi api, string name, string node, string tolerations) => api.CreateAsync(
        "/api/v1/namespaces/test/pods",
        $$"""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{name}}"},"spec":{"nodeName":"{{node}}","tolerations":{{tolerations}},"containers":[{"name":"c","image":"i"}]} }""");

    private static string? Ready(JsonNode? node) => (string?)node!["status"]!["conditions"]!.AsArray().Single(c => (string?)c!["type"] == "Ready")!["status"];

    private static string Taints(JsonNode? node) =>
        string.Join(' ', (node!["spec"]?["taints"] as JsonArray ?? []).Select(t => $"{((string)t!["key"]!).Split('/')[1]}:{t["effect"]}"));
}
