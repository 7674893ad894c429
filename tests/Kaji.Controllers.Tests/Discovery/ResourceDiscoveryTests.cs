using Kaji.Controllers.Discovery;

namespace Kaji.Controllers.Tests.Discovery;

public sealed class ResourceDiscoveryTests
{
    [Fact]
    public void Read_TakesEachResourceOnce_InThePreferredVersion()
    {
        var found = new List<ApiResource>();
        ResourceDiscovery.Read(
            """
            {"items":[{"metadata":{"name":"example.com"},"versions":[
              {"version":"v1","resources":[{"resource":"bots","responseKind":{"group":"example.com","version":"v1","kind":"Bot"},"scope":"Namespaced","verbs":["list","delete"],"subresources":[{"subresource":"status"}]}]},
              {"version":"v1beta1","resources":[{"resource":"bots","responseKind":{"kind":"Bot"},"scope":"Namespaced","verbs":["list"]},{"resource":"old","responseKind":{"kind":"Old"},"scope":"Cluster","verbs":["get"]}]}]},
              {"metadata":{"name":""},"versions":[]}]}
            """u8.ToArray(),
            found);
        Assert.Equal(["bots.example.com v1", "old.example.com v1beta1"], found.Select(r => $"{r.GroupResource} {r.Version}"));
        Assert.Equal("/apis/example.com/v1/namespaces/n/bots/b", found[0].Object("n", "b"));
        Assert.Equal("/apis/example.com/v1beta1/old/o", found[1].Object("n", "o"));
        Assert.True(found[0].Can("delete"));
        Assert.False(found[1].Can("delete"));
    }

    [Fact]
    public async Task AllAsync_OfTheServer_HasCoreAndGroups()
    {
        await using var api = await TestApi.StartAsync();
        var all = await ResourceDiscovery.AllAsync(api.Client, default);
        Assert.Contains(all, r => r is { GroupResource: "pods", Kind: "Pod", Namespaced: true } && r.Can("deletecollection"));
        Assert.Contains(all, r => r is { GroupResource: "deployments.apps", Version: "v1" });
        Assert.Equal(all.Count, all.DistinctBy(r => r.GroupResource).Count());
    }
}
