using Kaji.Store.Log;

namespace Kaji.Store.Memory;

/// <summary>
/// What a log had kept, put together again when a store opens: the changes since the last compaction in order, and each key's older versions. So watches
/// and consistent pages go on over a restart where they were.
/// </summary>
internal sealed class History
{
    private readonly List<Entry> _versions = [];
    private readonly List<Superseded> _superseded = [];
    private readonly Dictionary<long, Entry> _replaced = [];

    public void Live(Entry entry) => _versions.Add(entry);

    public void Superseded(Superseded superseded)
    {
        _superseded.Add(superseded);
        _versions.Add(superseded.Entry);
        _replaced[superseded.At] = superseded.Entry;
    }

    /// <summary>Older versions and deletes of each key, oldest first.</summary>
    public IEnumerable<(string Key, IEnumerable<(Entry? Entry, long Revision)> Versions)> Older() =>
        _superseded.GroupBy(s => s.Entry.Key, StringComparer.Ordinal).Select(g => (g.Key, g.SelectMany(Steps)));

    public IEnumerable<StoreEvent> Events(long compacted)
    {
        var changes = _versions.Where(v => v.Revision > compacted)
            .Select(v => v.Revision == v.CreateRevision ? new StoreEvent(WriteKind.Create, v, null) : new StoreEvent(WriteKind.Update, v, _replaced.GetValueOrDefault(v.Revision)))
            .Concat(_superseded.Where(s => s.Final is not null).Select(s => new StoreEvent(WriteKind.Delete, s.Final!, s.Entry)));
        return changes.OrderBy(c => c.Entry.Revision);
    }

    private static IEnumerable<(Entry? Entry, long Revision)> Steps(Superseded superseded) =>
        superseded.Final is null ? [(superseded.Entry, superseded.Entry.Revision)] : [(superseded.Entry, superseded.Entry.Revision), (null, superseded.At)];
}
