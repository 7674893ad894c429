using System.Text;
using Microsoft.Extensions.Time.Testing;
using static Kaji.Store.Tests.StoreDirectory;

namespace Kaji.Store.Tests;

public sealed class WriteTests : IDisposable
{
    private readonly StoreDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Verbs_SayWhatTheyFound()
    {
        await using var store = _directory.Open();
        Assert.Equal(1, store.Revision);
        var created = await store.WriteAsync(Create("/registry/core/pods/a", "1"));
        Assert.Equal((WriteOutcome.Committed, 2L, 2L), (created.Outcome, created.Entry!.Revision, created.Entry.CreateRevision));
        Assert.Equal(WriteOutcome.Exists, (await store.WriteAsync(Create("/registry/core/pods/a", "2"))).Outcome);
        Assert.Equal(WriteOutcome.NotFound, (await store.WriteAsync(Update("/registry/core/pods/b", "2"))).Outcome);
        var conflict = await store.WriteAsync(Update("/registry/core/pods/a", "2", expected: 99));
        Assert.Equal((WriteOutcome.Conflict, "1"), (conflict.Outcome, Text(conflict.Entry)));
        var updated = await store.WriteAsync(Update("/registry/core/pods/a", "3", expected: 2));
        Assert.Equal((3L, 2L), (updated.Entry!.Revision, updated.Entry.CreateRevision));
        var deleted = await store.WriteAsync(Delete("/registry/core/pods/a", expected: 3));
        Assert.Equal((4L, "3"), (deleted.Entry!.Revision, Text(deleted.Entry)));
        Assert.Null(store.Get("/registry/core/pods/a"));
    }

    [Fact]
    public async Task Stamp_PutsTheRevisionIntoTheValue()
    {
        await using var store = _directory.Open();
        var value = """{"resourceVersion":""}""";
        var written = await store.WriteAsync(new Write(WriteKind.Create, "/registry/core/pods/a", Encoding.UTF8.GetBytes(value), StampOffset: value.Length - 2));
        Assert.Equal("""{"resourceVersion":"2"}""", Text(written.Entry));
    }

    [Fact]
    public async Task ManyWriters_OfOneKey_OneWinsEachRevision()
    {
        await using var store = _directory.Open();
        await store.WriteAsync(Create("/registry/core/pods/a", "0"));
        await Task.WhenAll(Enumerable.Range(0, 32).Select(async _ =>
        {
            for (var done = 0; done < 20;)
            {
                var now = store.Get("/registry/core/pods/a")!;
                var next = int.Parse(Text(now), System.Globalization.CultureInfo.InvariantCulture) + 1;
                var result = await store.WriteAsync(Update("/registry/core/pods/a", $"{next}", now.Revision));
                done += result.Outcome == WriteOutcome.Committed ? 1 : 0;
            }
        }));
        Assert.Equal(("640", 642L), (Text(store.Get("/registry/core/pods/a")), store.Revision));
    }

    [Fact]
    public async Task Reopened_HasEverything_AndGoesOnCounting()
    {
        await using (var store = _directory.Open())
        {
            await store.WriteAsync(Create("/registry/core/pods/a", "1"));
            await store.WriteAsync(Create("/registry/core/pods/b", "1"));
            await store.WriteAsync(Update("/registry/core/pods/a", "2"));
            await store.WriteAsync(Delete("/registry/core/pods/b"));
        }

        await using var again = _directory.Open();
        Assert.Equal((5L, "2", 4L, 2L), (again.Revision, Text(again.Get("/registry/core/pods/a")), again.Get("/registry/core/pods/a")!.Revision, again.Get("/registry/core/pods/a")!.CreateRevision));
        Assert.Null(again.Get("/registry/core/pods/b"));
        Assert.Equal(6, (await again.WriteAsync(Create("/registry/core/pods/b", "3"))).Entry!.Revision);
        Assert.Equal(["Create b 1 ", "Update a 2 1", "Delete b 1 1", "Create b 3 "], await ReadAsync(again.Watch("/registry/", 2), 4));
        Assert.Equal(["a:1", "b:1"], again.Range("/registry/core/pods/", 3).Entries.Select(e => $"{e.Key[^1]}:{Text(e)}"));
        Assert.Equal(["a:2"], again.Range("/registry/core/pods/", 5).Entries.Select(e => $"{e.Key[^1]}:{Text(e)}"));
    }

    [Fact]
    public async Task Reopened_KnowsNoMoreThanWasKept()
    {
        await using (var store = _directory.Open())
        {
            await store.WriteAsync(Create("/registry/core/pods/a", "1"));
            await store.WriteAsync(Update("/registry/core/pods/a", "2"));
            await store.CompactAsync(store.Revision);
            await store.WriteAsync(Update("/registry/core/pods/a", "3"));
            await store.WriteAsync(Delete("/registry/core/pods/a"));
        }

        await using var again = _directory.Open();
        Assert.Equal(3, again.CompactedRevision);
        Assert.True(again.Range("/registry/core/pods/", 2).Compacted);
        Assert.Equal(WatchEndReason.Compacted, await EndAsync(again.Watch("/registry/", 2)));
        Assert.Equal(["Update a 3 2", "Delete a 3 3"], await ReadAsync(again.Watch("/registry/", 3), 2));
    }

    [Fact]
    public async Task History_OverItsBytes_GoesOnceItIsOld()
    {
        var time = new FakeTimeProvider();
        await using var store = _directory.Open(new StoreOptions { Directory = "", HistoryBytes = 1000, HistoryAge = TimeSpan.FromMinutes(2), Time = time });
        await store.WriteAsync(Create("/registry/core/pods/a", "x"));
        for (var i = 0; i < 20; i++)
        {
            await store.WriteAsync(Update("/registry/core/pods/a", new string('x', 100)));
        }

        Assert.Equal(1, store.CompactedRevision);
        time.Advance(TimeSpan.FromMinutes(3));
        await store.WriteAsync(Update("/registry/core/pods/a", "x"));
        Assert.InRange(store.CompactedRevision, 2, store.Revision - 9);
        Assert.InRange(store.Range("/registry/core/pods/", store.CompactedRevision).Entries.Count, 1, 1);
    }

    [Fact]
    public async Task Pages_AreOfOneRevision_UntilItIsCompacted()
    {
        await using var store = _directory.Open();
        for (var i = 0; i < 10; i++)
        {
            await store.WriteAsync(Create($"/registry/core/pods/p{i}", "old"));
        }

        var first = store.Range("/registry/core/pods/", limit: 4);
        await store.WriteAsync(Update("/registry/core/pods/p5", "new"));
        await store.WriteAsync(Delete("/registry/core/pods/p6"));
        await store.WriteAsync(Create("/registry/core/pods/p55", "new"));
        var rest = store.Range("/registry/core/pods/", first.Revision, after: first.Entries[^1].Key);
        Assert.Equal((4, true, 6L), (first.Entries.Count, first.More, first.Remaining));
        Assert.Equal(["p4:old", "p5:old", "p6:old", "p7:old", "p8:old", "p9:old"], rest.Entries.Select(e => $"{e.Key[^2..]}:{Text(e)}"));
        await store.CompactAsync(store.Revision);
        Assert.True(store.Range("/registry/core/pods/", first.Revision).Compacted);
        Assert.Equal(10, store.Range("/registry/core/pods/").Entries.Count);
    }

    [Fact]
    public async Task Watch_SeesEveryChangeOfItsPrefixInOrder()
    {
        await using var store = _directory.Open();
        using var watch = store.Watch("/registry/core/pods/", 1);
        var writing = Task.WhenAll(Enumerable.Range(0, 8).Select(async writer =>
        {
            for (var i = 0; i < 50; i++)
            {
                await store.WriteAsync(Create($"/registry/core/pods/{writer}-{i}", "x"));
                await store.WriteAsync(Create($"/registry/core/secrets/{writer}-{i}", "x"));
            }
        }));
        var seen = new List<StoreEvent>();
        while (seen.Count < 400 && await watch.ReadAsync(seen))
        {
            Assert.True(watch.Progress >= seen[^1].Entry.Revision);
        }

        await writing;
        Assert.Equal(seen.Select(e => e.Entry.Revision).Order(), seen.Select(e => e.Entry.Revision));
        Assert.Equal(400, seen.Select(e => e.Entry.Key).Where(k => k.StartsWith("/registry/core/pods/", StringComparison.Ordinal)).Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    public async Task Watch_ThatFallsTooFarBehind_IsCut()
    {
        await using var store = _directory.Open(new StoreOptions { Directory = "", MaxWatchLag = 10 });
        using var watch = store.Watch("/registry/", 1);
        for (var i = 0; i < 20; i++)
        {
            await store.WriteAsync(Create($"/registry/core/pods/{i}", "x"));
        }

        Assert.Equal(WatchEndReason.TooSlow, await EndAsync(watch));
    }

    private static async Task<string[]> ReadAsync(IStoreWatch watch, int count)
    {
        using (watch)
        {
            var seen = new List<StoreEvent>();
            while (seen.Count < count && await watch.ReadAsync(seen))
            {
                Assert.True(seen.Count <= count);
            }

            return [.. seen.Select(e => $"{e.Kind} {e.Entry.Key[^1]} {Text(e.Entry)} {Text(e.Previous)}")];
        }
    }

    private static async Task<WatchEndReason> EndAsync(IStoreWatch watch)
    {
        using (watch)
        {
            while (await watch.ReadAsync([]))
            {
                Assert.Equal(WatchEndReason.Open, watch.EndReason);
            }

            return watch.EndReason;
        }
    }
}
