using System.Globalization;
using System.Text.Json.Nodes;

namespace Kaji.Conformance.Machinery;

/// <summary>Rows about watches of ConfigMaps.</summary>
public sealed class WatchTests(ConformanceCluster cluster)
{
    [Fact]
    [ConformanceRow("[sig-api-machinery] Watchers should observe add, update, and delete watch notifications on configmaps [Conformance]")]
    public async Task LabelledWatches_SeeTheirOwn()
    {
        var (api, maps) = await MapsAsync();
        await using var a = await api.WatchAsync($"{maps}?labelSelector=watch%3Da&resourceVersion=0");
        await using var b = await api.WatchAsync($"{maps}?labelSelector=watch%3Db&resourceVersion=0");
        await using var both = await api.WatchAsync($"{maps}?labelSelector=watch%20in%20(a,b)&resourceVersion=0");
        foreach (var (name, own) in ((string, Watch)[])[("a", a), ("b", b)])
        {
            await CreateAsync(api, maps, name, name);
            await own.ExpectAsync("ADDED", name);
            await both.ExpectAsync("ADDED", name);
            await ChangeAsync(api, maps, name, "1");
            Assert.Equal("1", Value(await own.ExpectAsync("MODIFIED", name)));
            await both.ExpectAsync("MODIFIED", name);
            (await api.DeleteAsync($"{maps}/{name}")).Ok();
            await own.ExpectAsync("DELETED", name);
            await both.ExpectAsync("DELETED", name);
        }
    }

    [Fact]
    [ConformanceRow("[sig-api-machinery] Watchers should be able to start watching from a specific resource version [Conformance]")]
    public async Task FromAVersion_OnlyWhatCameLater()
    {
        var (api, maps) = await MapsAsync();
        await CreateAsync(api, maps, "one", "v");
        var first = await ChangeAsync(api, maps, "one", "1");
        await ChangeAsync(api, maps, "one", "2");
        (await api.DeleteAsync($"{maps}/one")).Ok();
        await using var watch = await api.WatchAsync($"{maps}?resourceVersion={Version(first)}&fieldSelector=metadata.name%3Done");
        Assert.Equal("2", Value(await watch.ExpectAsync("MODIFIED", "one")));
        await watch.ExpectAsync("DELETED", "one");
    }

    [Fact]
    [ConformanceRow("[sig-api-machinery] Watchers should be able to restart watching from the last resource version observed by the previous watch [Conformance]")]
    public async Task Restarted_MissesNothing()
    {
        var (api, maps) = await MapsAsync();
        var version = Version((await api.GetAsync(maps)).Ok().Json);
        string seen;
        await using (var watch = await api.WatchAsync($"{maps}?resourceVersion={version}&labelSelector=watch%3Dv"))
        {
            await CreateAsync(api, maps, "one", "v");
            await watch.ExpectAsync("ADDED", "one");
            await ChangeAsync(api, maps, "one", "1");
            seen = Version(await watch.ExpectAsync("MODIFIED", "one"));
        }

        await ChangeAsync(api, maps, "one", "2");
        (await api.DeleteAsync($"{maps}/one")).Ok();
        await using var again = await api.WatchAsync($"{maps}?resourceVersion={seen}&labelSelector=watch%3Dv");
        Assert.Equal("2", Value(await again.ExpectAsync("MODIFIED", "one")));
        await again.ExpectAsync("DELETED", "one");
    }

    [Fact]
    [ConformanceRow("[sig-api-machinery] Watchers should observe an object deletion if it stops meeting the requirements of the selector [Conformance]")]
    public async Task LeavingTheSelection_IsADeletion()
    {
        var (api, maps) = await MapsAsync();
        var version = Version((await api.GetAsync(maps)).Ok().Json);
        await using var watch = await api.WatchAsync($"{maps}?resourceVersion={version}&labelSelector=watch%3Din");
        await CreateAsync(api, maps, "one", "in");
        await watch.ExpectAsync("ADDED", "one");
        await ChangeAsync(api, maps, "one", "1");
        await watch.ExpectAsync("MODIFIED", "one");
        await LabelAsync("out");
        await watch.ExpectAsync("DELETED", "one");
        await ChangeAsync(api, maps, "one", "2");
        await LabelAsync("in");
        Assert.Equal("2", Value(await watch.ExpectAsync("ADDED", "one")));
        await ChangeAsync(api, maps, "one", "3");
        await watch.ExpectAsync("MODIFIED", "one");
        (await api.DeleteAsync($"{maps}/one")).Ok();
        await watch.ExpectAsync("DELETED", "one");

        async Task LabelAsync(string label) => (await api.PatchAsync($"{maps}/one", $$$"""{"metadata":{"labels":{"watch":"{{{label}}}"} } }""")).Ok();
    }

    [Fact]
    [ConformanceRow("[sig-api-machinery] Watchers should receive events on concurrent watches in same order [Conformance]")]
    public async Task ManyWatches_OneOrder()
    {
        var (api, maps) = await MapsAsync();
        var start = Version((await api.GetAsync(maps)).Ok().Json);
        var writing = Task.Run(async () =>
        {
            for (var i = 0; i < 40; i++)
            {
                var name = $"m{i % 5}";
                switch (i / 5 % 3)
                {
                    case 0:
                        await CreateAsync(api, maps, name, "v");
                        break;
                    case 1:
                        await ChangeAsync(api, maps, name, i.ToString(CultureInfo.InvariantCulture));
                        break;
                    default:
                        (await api.DeleteAsync($"{maps}/{name}")).Ok();
                        break;
                }
            }
        });
        var order = new List<string>();
        await using var first = await api.WatchAsync($"{maps}?resourceVersion={start}&labelSelector=watch%3Dv");
        for (var i = 0; i < 40; i++)
        {
            order.Add(Version((await first.NextAsync()).Object));
        }

        await writing;
        var later = await Task.WhenAll(order.Take(20).Select(async (version, i) =>
        {
            await using var watch = await api.WatchAsync($"{maps}?resourceVersion={version}&labelSelector=watch%3Dv");
            var seen = new List<string>();
            for (var n = i + 1; n < order.Count; n++)
            {
                seen.Add(Version((await watch.NextAsync()).Object));
            }

            return seen;
        }));
        Assert.All(later.Select((seen, i) => (seen, i)), pair => Assert.Equal(order.Skip(pair.i + 1), pair.seen));
    }

    [Fact]
    public async Task FromALongGoneVersion_Is410()
    {
        var (api, maps) = await MapsAsync();
        await using var watch = await api.WatchAsync($"{maps}?resourceVersion=1");
        var (type, status) = await watch.NextAsync();

        // Version 1 is either compacted (an ERROR event with 410) or still there, and then its first event is of this namespace's beginning.
        Assert.True(type == "ERROR" ? (int)status["code"]! == 410 : type is "ADDED" or "MODIFIED", $"{type} {status}");
    }

    [Fact]
    public async Task InitialEvents_EndWithABookmark()
    {
        var (api, maps) = await MapsAsync();
        await CreateAsync(api, maps, "one", "v");
        await using var watch = await api.WatchAsync($"{maps}?sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&labelSelector=watch%3Dv");
        await watch.ExpectAsync("ADDED", "one");
        var (type, obj) = await watch.NextAsync();
        Assert.Equal(("BOOKMARK", "true"), (type, (string?)obj["metadata"]!["annotations"]!["k8s.io/initial-events-end"]));
        await ChangeAsync(api, maps, "one", "1");
        await watch.ExpectAsync("MODIFIED", "one");
    }

    private async Task<(Api Api, string Maps)> MapsAsync() => (cluster.Admin, $"/api/v1/namespaces/{await cluster.NamespaceAsync()}/configmaps");

    private static async Task CreateAsync(Api api, string maps, string name, string label) =>
        (await api.PostAsync(maps, $$$"""{"metadata":{"name":"{{{name}}}","labels":{"watch":"{{{label}}}"} } }""")).Ok(201);

    private static async Task<JsonNode> ChangeAsync(Api api, string maps, string name, string value) =>
        (await api.PatchAsync($"{maps}/{name}", $$$"""{"data":{"v":"{{{value}}}"} }""")).Ok().Json;

    private static string Value(JsonNode map) => (string)map["data"]!["v"]!;

    private static string Version(JsonNode obj) => (string)obj["metadata"]!["resourceVersion"]!;
}
