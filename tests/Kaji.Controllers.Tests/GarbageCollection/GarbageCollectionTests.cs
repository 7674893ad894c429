using System.Text.Json.Nodes;
using Kaji.Controllers.GarbageCollection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaji.Controllers.Tests.GarbageCollection;

public sealed class GarbageCollectionTests
{
    private const string Maps = "/api/v1/namespaces/test/configmaps/";

    [Fact]
    public async Task Background_TakesAllBelow_AndNothingElse()
    {
        await using var api = await StartAsync();
        var root = await api.CreateMapAsync("root");
        var other = await api.CreateMapAsync("other");
        var child = await api.CreateMapAsync("child", TestApi.Owner("root", root));
        await api.CreateMapAsync("grandchild", TestApi.Owner("child", child));
        await api.CreateMapAsync("shared", TestApi.Owner("root", root), TestApi.Owner("other", other));
        await api.DeleteAsync(Maps + "root");
        await api.GoneAsync(Maps + "child");
        await api.GoneAsync(Maps + "grandchild");
        await TestApi.UntilAsync(async () => (await api.MapAsync("shared"))!["metadata"]!["ownerReferences"] is JsonArray { Count: 1 }, "the owner that went is still named");
        Assert.NotNull(await api.MapAsync("other"));
    }

    [Fact]
    public async Task OwnersThatNeverWere_OrHaveAnotherUid_CountAsGone()
    {
        await using var api = await StartAsync();
        var present = await api.CreateMapAsync("present");
        await api.CreateMapAsync("a", TestApi.Owner("never", "11111111-0000-0000-0000-000000000000"));
        await api.CreateMapAsync("b", TestApi.Owner("present", "22222222-0000-0000-0000-000000000000"));
        await api.CreateMapAsync("c", TestApi.Owner("present", present));
        await api.GoneAsync(Maps + "a");
        await api.GoneAsync(Maps + "b");
        Assert.NotNull(await api.MapAsync("c"));
    }

    [Fact]
    public async Task LeftFromBefore_IsFoundAtStart()
    {
        await using var api = await TestApi.StartAsync("test");
        var root = await api.CreateMapAsync("root");
        await api.CreateMapAsync("kept", TestApi.Owner("root", root));
        await api.CreateMapAsync("left", TestApi.Owner("gone", "33333333-0000-0000-0000-000000000000"));
        await RunCollectorAsync(api);
        await api.GoneAsync(Maps + "left");
        Assert.NotNull(await api.MapAsync("kept"));
    }

    [Fact]
    public async Task Foreground_OwnerGoesLast()
    {
        await using var api = await StartAsync();
        var root = await api.CreateMapAsync("root");
        var child = await api.CreateMapAsync("child", TestApi.Owner("root", root, block: true));
        await api.CreateMapAsync("grandchild", TestApi.Owner("child", child, block: true));
        await api.SendAsync(HttpMethod.Patch, Maps + "grandchild", """{"metadata":{"finalizers":["example.com/hold"]}}""");
        await api.DeleteAsync(Maps + "root", "Foreground");
        await TestApi.UntilAsync(async () => (await api.MapAsync("grandchild"))!["metadata"]!["deletionTimestamp"] is not null, "the lowest is not being deleted");
        Assert.NotNull(await api.MapAsync("root"));
        Assert.NotNull(await api.MapAsync("child"));
        await api.SendAsync(HttpMethod.Patch, Maps + "grandchild", """{"metadata":{"finalizers":null}}""");
        await api.GoneAsync(Maps + "grandchild");
        await api.GoneAsync(Maps + "child");
        await api.GoneAsync(Maps + "root");
    }

    [Fact]
    public async Task Foreground_OfACircle_Ends()
    {
        await using var api = await StartAsync();
        var a = await api.CreateMapAsync("a");
        var b = await api.CreateMapAsync("b", TestApi.Owner("a", a, block: true));
        await api.SendAsync(HttpMethod.Patch, Maps + "a", $$"""{"metadata":{"ownerReferences":[{{TestApi.Owner("b", b, block: true)}}]} }""");
        await api.DeleteAsync(Maps + "a", "Foreground");
        await api.GoneAsync(Maps + "a");
        await api.GoneAsync(Maps + "b");
    }

    [Fact]
    public async Task Orphan_LetsDependentsGo()
    {
        await using var api = await StartAsync();
        var root = await api.CreateMapAsync("root");
        await api.CreateMapAsync("child", TestApi.Owner("root", root, block: true));
        await api.DeleteAsync(Maps + "root", "Orphan");
        await api.GoneAsync(Maps + "root");
        Assert.Null((await api.MapAsync("child"))!["metadata"]!["ownerReferences"]);
    }

    private static async Task<TestApi> StartAsync()
    {
        var api = await TestApi.StartAsync("test");
        await RunCollectorAsync(api);
        return api;
    }

    private static async Task RunCollectorAsync(TestApi api)
    {
        var collector = new GarbageCollectionController(api.Client, TimeProvider.System, NullLoggerFactory.Instance);
        await api.RunAsync(null, collector);
        await collector.Synced;
    }
}
