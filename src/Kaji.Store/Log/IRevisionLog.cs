namespace Kaji.Store.Log;

/// <summary>
/// Where committed writes are kept: the seam between the store's verbs and an engine. SQLite is one; etcd can be another.
/// Called from one thread at a time. Faults are <see cref="StoreException"/>.
/// </summary>
internal interface IRevisionLog : IDisposable
{
    /// <summary>Opens and checks, and hands over every live entry in key order, then every version that was overwritten or deleted after the last compaction, in the order it was.</summary>
    LogPosition Open(Action<Entry> live, Action<Superseded> superseded);

    /// <summary>Makes a batch durable, all or nothing, before it returns; history that no revision from <paramref name="compacted"/> on needs may go.</summary>
    void Append(IReadOnlyList<StoreEvent> batch, long compacted);
}

/// <summary>How far a log has come.</summary>
/// <param name="Revision">The newest write.</param>
/// <param name="Compacted">Changes after this one are known.</param>
internal readonly record struct LogPosition(long Revision, long Compacted);

/// <summary>A version that is no longer the key's newest.</summary>
/// <param name="Entry">The version.</param>
/// <param name="At">The revision of the write that took its place.</param>
/// <param name="Final">When that write was a delete: the object's final state; else null.</param>
internal sealed record Superseded(Entry Entry, long At, Entry? Final);
