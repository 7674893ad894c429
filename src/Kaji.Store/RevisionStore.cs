using System.Collections.Concurrent;
using System.Globalization;
using System.Threading.Channels;
using Kaji.Store.Log;
using Kaji.Store.Memory;
using Kaji.Store.Sqlite;

namespace Kaji.Store;

/// <summary>
/// The store of one process: all live entries in memory as they are served, every write durable in the log before it is seen or answered.
/// Writers queue; one loop takes what has gathered, checks it against the state the batch leaves, commits it with one sync, then publishes it
/// to readers and watches. Lock order: only <c>_gate</c>; the log is touched by the loop alone.
/// </summary>
public sealed class RevisionStore : IRevisionStore
{
    private readonly StoreOptions _options;
    private readonly IRevisionLog _log;
    private readonly FileStream _claim;
    private readonly Channel<Pending> _pending;
    private readonly ReaderWriterLockSlim _gate = new();
    private readonly Dictionary<string, Bucket> _buckets = new(StringComparer.Ordinal);
    private readonly EventLog _events = new();
    private readonly ConcurrentDictionary<StoreWatch, byte> _watches = new();
    private readonly Thread _writer;
    private long _revision;
    private long _compacted;

    private RevisionStore(StoreOptions options, IRevisionLog log, FileStream claim)
    {
        _options = options;
        _log = log;
        _claim = claim;
        _pending = Channel.CreateBounded<Pending>(new BoundedChannelOptions(options.MaxPendingWrites) { SingleReader = true });
        var history = new History();
        (_revision, _compacted) = log.Open(
            entry =>
            {
                BucketOf(entry.Key, create: true)!.Set(entry.Key, entry, entry.Revision, keepHistory: false);
                history.Live(entry);
            },
            history.Superseded);
        foreach (var (key, older) in history.Older())
        {
            BucketOf(key, create: true)!.Restore(key, older);
        }

        foreach (var change in history.Events(_compacted))
        {
            _events.Add(change);
        }

        _writer = new Thread(WriteLoop) { IsBackground = true, Name = "store writer" };
        _writer.Start();
    }

    /// <inheritdoc/>
    public long Revision => Volatile.Read(ref _revision);

    /// <inheritdoc/>
    public long CompactedRevision => Volatile.Read(ref _compacted);

    internal EventLog Events => _events;

    internal ReaderWriterLockSlim Gate => _gate;

    internal StoreOptions Options => _options;

    /// <summary>Opens the store of a directory, which belongs to this process until it is disposed.</summary>
    /// <param name="transformer">Encryption at rest; null for none.</param>
    /// <exception cref="StoreException">In use, damaged, of a newer version, unreadable, or on a full disk.</exception>
    public static RevisionStore Open(StoreOptions options, IValueTransformer? transformer = null)
    {
        options.Validate();
        var claim = Claim(options.Directory);
        var log = new SqliteLog(Path.Combine(options.Directory, "state.db"), transformer);
        try
        {
            return new RevisionStore(options, log, claim);
        }
        catch
        {
            log.Dispose();
            claim.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<WriteResult> WriteAsync(Write write, CancellationToken cancellationToken = default)
    {
        var pending = new Pending(write);
        try
        {
            await _pending.Writer.WriteAsync(pending, cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException e)
        {
            throw new StoreException(StoreFault.Unreadable, "the store is closing", e);
        }

        return await pending.Task.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Entry? Get(string key)
    {
        _gate.EnterReadLock();
        try
        {
            return BucketOf(key, create: false)?.Newest(key);
        }
        finally
        {
            _gate.ExitReadLock();
        }
    }

    /// <inheritdoc/>
    public long LastChange(string collection)
    {
        _gate.EnterReadLock();
        try
        {
            return BucketOf(collection, create: false)?.LastChange ?? 0;
        }
        finally
        {
            _gate.ExitReadLock();
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<(string Collection, int Count)> Counts()
    {
        _gate.EnterReadLock();
        try
        {
            return [.. _buckets.Select(b => (b.Key, b.Value.Live))];
        }
        finally
        {
            _gate.ExitReadLock();
        }
    }

    /// <inheritdoc/>
    public RangeResult Range(string prefix, long revision = 0, int limit = 0, string? after = null)
    {
        _gate.EnterReadLock();
        try
        {
            var at = revision == 0 ? _revision : revision;
            if (at < _compacted)
            {
                return new RangeResult([], at, More: false, 0, Compacted: true);
            }

            var entries = new List<Entry>();
            long remaining = 0;
            foreach (var bucket in BucketsOf(prefix))
            {
                for (var i = bucket.Start(prefix, after); i < bucket.Count && bucket.Key(i).StartsWith(prefix, StringComparison.Ordinal); i++)
                {
                    if (bucket.At(i, at) is not { } entry)
                    {
                        continue;
                    }

                    if (limit > 0 && entries.Count == limit)
                    {
                        remaining++;
                    }
                    else
                    {
                        entries.Add(entry);
                    }
                }
            }

            return new RangeResult(entries, at, remaining > 0, remaining, Compacted: false);
        }
        finally
        {
            _gate.ExitReadLock();
        }
    }

    /// <inheritdoc/>
    public IStoreWatch Watch(string prefix, long afterRevision)
    {
        _gate.EnterReadLock();
        try
        {
            var watch = new StoreWatch(this, prefix, afterRevision, _events.After(afterRevision), compacted: afterRevision < _compacted);
            _watches[watch] = 0;
            return watch;
        }
        finally
        {
            _gate.ExitReadLock();
        }
    }

    /// <inheritdoc/>
    public ValueTask CompactAsync(long revision, CancellationToken cancellationToken = default)
    {
        _gate.EnterWriteLock();
        try
        {
            CompactLocked(Math.Min(revision, _revision));
        }
        finally
        {
            _gate.ExitWriteLock();
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        if (_pending.Writer.TryComplete())
        {
            _writer.Join();
            foreach (var watch in _watches.Keys)
            {
                watch.Close();
            }

            _log.Dispose();
            _claim.Dispose();
            _gate.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    internal void Forget(StoreWatch watch) => _watches.TryRemove(watch, out _);

    private static FileStream Claim(string directory)
    {
        try
        {
            Directory.CreateDirectory(directory);
            return new FileStream(Path.Combine(directory, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (File.Exists(Path.Combine(directory, "lock")))
        {
            throw new StoreException(StoreFault.InUse, $"{directory} is in use by another process.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StoreException(StoreFault.Unreadable, $"{directory} can't be used: {e.Message}", e);
        }
    }

    private void WriteLoop()
    {
        var batch = new List<Pending>(_options.MaxBatch);
        var changes = new List<StoreEvent>(_options.MaxBatch);
        var results = new List<WriteResult>(_options.MaxBatch);
        var overlay = new Dictionary<string, Entry?>(StringComparer.Ordinal);
        var reader = _pending.Reader;
        while (reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            while (batch.Count < _options.MaxBatch && reader.TryRead(out var pending))
            {
                batch.Add(pending);
            }

            try
            {
                Plan(batch, overlay, changes, results);
                if (changes.Count > 0)
                {
                    _log.Append(changes, _compacted);
                    Publish(changes);
                }

                for (var i = 0; i < batch.Count; i++)
                {
                    batch[i].SetResult(results[i]);
                }
            }
            catch (Exception e)
            {
                // The log took nothing of the batch: each writer is told, and the loop goes on, for a full disk may have room again.
                foreach (var pending in batch)
                {
                    pending.SetException(e as StoreException ?? new StoreException(StoreFault.Unreadable, $"the write was not taken: {e.Message}", e));
                }
            }

            batch.Clear();
            changes.Clear();
            results.Clear();
            overlay.Clear();
        }
    }

    /// <summary>Decides each write of a batch against the committed state and what the batch's earlier writes leave.</summary>
    private void Plan(List<Pending> batch, Dictionary<string, Entry?> overlay, List<StoreEvent> changes, List<WriteResult> results)
    {
        var revision = _revision;
        foreach (var pending in batch)
        {
            var write = pending.Write;
            var present = overlay.TryGetValue(write.Key, out var earlier) ? earlier : BucketOf(write.Key, create: false)?.Newest(write.Key);
            var outcome = (write.Kind, present) switch
            {
                (WriteKind.Create, not null) => WriteOutcome.Exists,
                (WriteKind.Create, null) => WriteOutcome.Committed,
                (_, null) => WriteOutcome.NotFound,
                _ when write.ExpectedRevision != 0 && write.ExpectedRevision != present.Revision => WriteOutcome.Conflict,
                _ => WriteOutcome.Committed,
            };
            if (outcome != WriteOutcome.Committed)
            {
                results.Add(new WriteResult(outcome, present));
                continue;
            }

            revision++;
            var value = write.Kind == WriteKind.Delete && write.Value.IsEmpty ? present!.Value : Stamp(write.Value, write.StampOffset, revision);
            var entry = new Entry(present?.Key ?? write.Key, value, revision, present?.CreateRevision ?? revision);
            overlay[write.Key] = write.Kind == WriteKind.Delete ? null : entry;
            changes.Add(new StoreEvent(write.Kind, entry, present));
            results.Add(new WriteResult(WriteOutcome.Committed, entry));
        }
    }

    private void Publish(List<StoreEvent> changes)
    {
        _gate.EnterWriteLock();
        try
        {
            foreach (var change in changes)
            {
                BucketOf(change.Entry.Key, create: true)!.Set(change.Entry.Key, change.Kind == WriteKind.Delete ? null : change.Entry, change.Entry.Revision, keepHistory: true);
                _events.Add(change);
            }

            Volatile.Write(ref _revision, changes[^1].Entry.Revision);
            _events.Mark(_options.Time.GetTimestamp(), _options.Time.TimestampFrequency);
            if (_events.Count > _options.HistoryRevisions + (_options.HistoryRevisions / 4) || _events.SupersededBytes > _options.HistoryBytes + (_options.HistoryBytes / 4))
            {
                var old = _options.Time.GetTimestamp() - (long)(_options.HistoryAge.TotalSeconds * _options.Time.TimestampFrequency);
                if (_events.Excess(_options.HistoryRevisions, _options.HistoryBytes, old) is > 0 and var drop)
                {
                    CompactLocked(_events[_events.First + drop - 1].Entry.Revision);
                }
            }
        }
        finally
        {
            _gate.ExitWriteLock();
        }

        foreach (var watch in _watches.Keys)
        {
            watch.Wake();
        }
    }

    private void CompactLocked(long revision)
    {
        if (revision <= _compacted)
        {
            return;
        }

        var drop = (int)(_events.After(revision) - _events.First);
        for (var i = _events.First; i < _events.First + drop; i++)
        {
            var key = _events[i].Entry.Key;
            BucketOf(key, create: false)?.Compact(key, revision);
        }

        _events.Drop(drop);
        Volatile.Write(ref _compacted, revision);
    }

    /// <summary>Inserts the revision's digits.</summary>
    private static ReadOnlyMemory<byte> Stamp(ReadOnlyMemory<byte> value, int offset, long revision)
    {
        if (offset < 0)
        {
            return value;
        }

        Span<byte> digits = stackalloc byte[20];
        revision.TryFormat(digits, out var length, provider: CultureInfo.InvariantCulture);
        var stamped = GC.AllocateUninitializedArray<byte>(value.Length + length);
        value.Span[..offset].CopyTo(stamped);
        digits[..length].CopyTo(stamped.AsSpan(offset));
        value.Span[offset..].CopyTo(stamped.AsSpan(offset + length));
        return stamped;
    }

    private Bucket? BucketOf(string key, bool create)
    {
        var lookup = _buckets.GetAlternateLookup<ReadOnlySpan<char>>();
        var name = key.AsSpan(0, BucketLength(key));
        if (!lookup.TryGetValue(name, out var bucket) && create)
        {
            bucket = new Bucket();
            _buckets[name.ToString()] = bucket;
        }

        return bucket;
    }

    /// <summary>The buckets that can hold keys of a prefix, in key order.</summary>
    private IEnumerable<Bucket> BucketsOf(string prefix) =>
        prefix.Length > 0 && prefix[BucketLength(prefix) - 1] == '/' && prefix.Count('/') >= 4
            ? BucketOf(prefix, create: false) is { } one ? [one] : []
            : _buckets.Where(b => b.Key.StartsWith(prefix, StringComparison.Ordinal) || prefix.StartsWith(b.Key, StringComparison.Ordinal)).OrderBy(b => b.Key, StringComparer.Ordinal).Select(b => b.Value);

    /// <summary>Length of <c>/registry/GROUP/PLURAL/</c>; of the whole key when it has fewer parts.</summary>
    private static int BucketLength(string key)
    {
        var slashes = 0;
        for (var i = 0; i < key.Length; i++)
        {
            if (key[i] == '/' && ++slashes == 4)
            {
                return i + 1;
            }
        }

        return key.Length;
    }

    private sealed class Pending(Write write) : TaskCompletionSource<WriteResult>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public Write Write { get; } = write;
    }
}
