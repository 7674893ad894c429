namespace Kaji.Store;

/// <summary>One reader's index into the shared event log. Costs an object, whatever the load: events are not copied per reader.</summary>
internal sealed class StoreWatch : IStoreWatch
{
    private readonly RevisionStore _store;
    private readonly string _prefix;
    private readonly SemaphoreSlim _wake = new(0, 1);
    private long _next;
    private long _progress;
    private int _end;

    public StoreWatch(RevisionStore store, string prefix, long afterRevision, long next, bool compacted)
    {
        _store = store;
        _prefix = prefix;
        _next = next;
        _progress = afterRevision;
        _end = (int)(compacted ? WatchEndReason.Compacted : WatchEndReason.Open);
        Wake();
    }

    public long Progress => Volatile.Read(ref _progress);

    public WatchEndReason EndReason => (WatchEndReason)Volatile.Read(ref _end);

    public async ValueTask<bool> ReadAsync(IList<StoreEvent> into, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            await _wake.WaitAsync(cancellationToken).ConfigureAwait(false);
            if (EndReason != WatchEndReason.Open)
            {
                // The next read ends at once as well.
                Wake();
                return false;
            }

            if (Take(into))
            {
                return true;
            }
        }
    }

    public void Wake()
    {
        if (_wake.CurrentCount == 0)
        {
            try
            {
                _wake.Release();
            }
            catch (SemaphoreFullException)
            {
                // Another publisher woke it in between: once is enough.
                return;
            }
        }
    }

    public void Close()
    {
        Interlocked.CompareExchange(ref _end, (int)WatchEndReason.Closed, (int)WatchEndReason.Open);
        Wake();
    }

    public void Dispose()
    {
        Close();
        _store.Forget(this);
    }

    /// <summary>Takes what is there; true when something matched or the watch has ended.</summary>
    private bool Take(IList<StoreEvent> into)
    {
        _store.Gate.EnterReadLock();
        try
        {
            var events = _store.Events;
            if (_next < events.First)
            {
                End(WatchEndReason.Compacted);
                return false;
            }

            if (events.End - _next > _store.Options.MaxWatchLag)
            {
                End(WatchEndReason.TooSlow);
                return false;
            }

            var before = into.Count;
            for (; _next < events.End; _next++)
            {
                var change = events[_next];
                Volatile.Write(ref _progress, change.Entry.Revision);
                if (change.Entry.Key.StartsWith(_prefix, StringComparison.Ordinal))
                {
                    into.Add(change);
                }
            }

            Volatile.Write(ref _progress, Math.Max(_progress, _store.Revision));
            return into.Count > before;
        }
        finally
        {
            _store.Gate.ExitReadLock();
        }
    }

    private void End(WatchEndReason reason)
    {
        Volatile.Write(ref _end, (int)reason);
        Wake();
    }
}
