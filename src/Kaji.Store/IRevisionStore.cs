namespace Kaji.Store;

/// <summary>
/// The waist between the API server and whatever keeps its state: a key space in which every write gets the next
/// revision (etcd's data model). A write that completed is durable: it has been synced to disk before the task ends.
/// </summary>
public interface IRevisionStore : IAsyncDisposable
{
    /// <summary>The newest revision that readers can see. Starts at 1 for an empty store.</summary>
    long Revision { get; }

    /// <summary>The oldest revision that can still be read or watched from.</summary>
    long CompactedRevision { get; }

    /// <summary>Commits one write, or says why it was not taken. Expected failures are values, lost disks are <see cref="StoreException"/>.</summary>
    ValueTask<WriteResult> WriteAsync(Write write, CancellationToken cancellationToken = default);

    /// <summary>The entry of a key now, or null.</summary>
    Entry? Get(string key);

    /// <summary>
    /// The entries whose key starts with <paramref name="prefix"/>, in ordinal key order, as they were at one revision.
    /// Served from memory; does not block writers.
    /// </summary>
    /// <param name="prefix">Ordinal prefix of the keys.</param>
    /// <param name="revision">0 for the newest.</param>
    /// <param name="limit">0 for all.</param>
    /// <param name="after">Only keys ordinally greater than this one; null from the start.</param>
    RangeResult Range(string prefix, long revision = 0, int limit = 0, string? after = null);

    /// <summary>
    /// Every change under <paramref name="prefix"/> with a revision greater than <paramref name="afterRevision"/>, in order, without gaps.
    /// A reader that falls further behind than the store's bound gets <see cref="WatchEndReason.TooSlow"/>.
    /// </summary>
    IStoreWatch Watch(string prefix, long afterRevision);

    /// <summary>The revision of the newest change below <c>/registry/GROUP/PLURAL/</c> (a delete is one), 0 before the first: whether what was read of a collection is still so.</summary>
    long LastChange(string collection);

    /// <summary>How many keys each collection has.</summary>
    IReadOnlyList<(string Collection, int Count)> Counts();

    /// <summary>Forgets history before <paramref name="revision"/>; live entries stay.</summary>
    ValueTask CompactAsync(long revision, CancellationToken cancellationToken = default);
}

/// <summary>What a write does to its key.</summary>
public enum WriteKind
{
    /// <summary>The key must not exist.</summary>
    Create,

    /// <summary>The key must exist, at <see cref="Write.ExpectedRevision"/> unless that is 0.</summary>
    Update,

    /// <summary>As <see cref="Update"/>, and the key is gone afterwards. The delete event carries <see cref="Write.Value"/> if given, else the last value.</summary>
    Delete,
}

/// <summary>One write.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Key">The key.</param>
/// <param name="Value">
/// UTF-8 JSON. The store may keep this memory: the caller does not touch it again. For a delete: the object's final state, or empty.
/// </param>
/// <param name="ExpectedRevision">Compare-and-swap on the entry's revision; 0 for unconditional.</param>
/// <param name="StampOffset">
/// Offset in <paramref name="Value"/> at which the store inserts the decimal digits of the revision that the write gets
/// (inside <c>"resourceVersion":""</c>), so that stored bytes can be served as they are. -1 for none.
/// </param>
public readonly record struct Write(WriteKind Kind, string Key, ReadOnlyMemory<byte> Value, long ExpectedRevision = 0, int StampOffset = -1);

/// <summary>How a write ended.</summary>
public enum WriteOutcome
{
    /// <summary>Durable.</summary>
    Committed,

    /// <summary>A create found the key.</summary>
    Exists,

    /// <summary>An update or delete found no key.</summary>
    NotFound,

    /// <summary>The entry's revision is not the expected one.</summary>
    Conflict,
}

/// <summary>The outcome and, where there is one, the entry: the new one when committed (for a delete: its final state), the present one when refused.</summary>
public readonly record struct WriteResult(WriteOutcome Outcome, Entry? Entry);

/// <summary>A key's value at a revision. Immutable.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">UTF-8 JSON, stamped.</param>
/// <param name="Revision">The revision of the write that made it.</param>
/// <param name="CreateRevision">The revision of the create that began this key's life.</param>
public sealed record Entry(string Key, ReadOnlyMemory<byte> Value, long Revision, long CreateRevision);

/// <summary>A page of a range read.</summary>
/// <param name="Entries">In ordinal key order.</param>
/// <param name="Revision">The revision read at.</param>
/// <param name="More">Whether keys follow the last one.</param>
/// <param name="Remaining">How many, when <paramref name="More"/>.</param>
/// <param name="Compacted">True when the asked revision is gone: nothing was read.</param>
public sealed record RangeResult(IReadOnlyList<Entry> Entries, long Revision, bool More, long Remaining, bool Compacted);

/// <summary>One committed change.</summary>
/// <param name="Kind">Create, update or delete.</param>
/// <param name="Entry">The new entry; for a delete the final state, stamped with the delete's revision.</param>
/// <param name="Previous">The entry before, null for a create.</param>
public sealed record StoreEvent(WriteKind Kind, Entry Entry, Entry? Previous);

/// <summary>Why a watch ended.</summary>
public enum WatchEndReason
{
    /// <summary>It has not.</summary>
    Open,

    /// <summary>The start revision, or what the reader had not read yet, is compacted or evicted.</summary>
    Compacted,

    /// <summary>The reader fell behind the bound.</summary>
    TooSlow,

    /// <summary>The store is closing.</summary>
    Closed,
}

/// <summary>A reader's place in the stream of changes.</summary>
public interface IStoreWatch : IDisposable
{
    /// <summary>Waits for the next changes (at least one), appends them to <paramref name="into"/>. False when the watch has ended: see <see cref="EndReason"/>.</summary>
    ValueTask<bool> ReadAsync(IList<StoreEvent> into, CancellationToken cancellationToken = default);

    /// <summary>Everything up to this revision has been handed out or did not match the prefix: what a bookmark says.</summary>
    long Progress { get; }

    /// <summary>Why <see cref="ReadAsync"/> returned false.</summary>
    WatchEndReason EndReason { get; }
}

/// <summary>Turns values into what may lie on the disk and back (encryption at rest). In memory they are always plain.</summary>
public interface IValueTransformer
{
    /// <summary>Called on the writer loop before a row is written.</summary>
    ReadOnlyMemory<byte> ToDisk(string key, ReadOnlyMemory<byte> value);

    /// <summary>Called when the store is opened.</summary>
    ReadOnlyMemory<byte> FromDisk(string key, ReadOnlyMemory<byte> value);
}
