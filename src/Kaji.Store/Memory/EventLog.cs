namespace Kaji.Store.Memory;

/// <summary>
/// The changes since the last compaction, in order, shared by all watches: a watch is an index into it. Changed under the owner's write lock.
/// </summary>
internal sealed class EventLog
{
    private readonly List<StoreEvent> _events = [];
    private readonly Queue<(long Time, long End)> _marks = new();
    private long _first;
    private long _marked = long.MinValue;
    private long _old;

    /// <summary>Bytes of values that are kept for history alone.</summary>
    public long SupersededBytes { get; private set; }

    /// <summary>Index that the next event gets; grows forever.</summary>
    public long End => _first + _events.Count;

    public long First => _first;

    public int Count => _events.Count;

    public StoreEvent this[long index] => _events[(int)(index - _first)];

    public void Add(StoreEvent change)
    {
        _events.Add(change);
        SupersededBytes += Held(change);
    }

    /// <summary>Index of the first event after a revision.</summary>
    public long After(long revision)
    {
        int low = 0, high = _events.Count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_events[middle].Entry.Revision <= revision)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return _first + low;
    }

    /// <summary>Notes how far the log had come at a time; once a second is enough.</summary>
    public void Mark(long now, long second)
    {
        if (_marked == long.MinValue || now - _marked >= second)
        {
            _marked = now;
            _marks.Enqueue((now, End));
        }
    }

    /// <summary>How many of the oldest events to drop: those beyond a number, and those from before a time as long as more bytes are held than allowed.</summary>
    public int Excess(int events, long bytes, long before)
    {
        while (_marks.TryPeek(out var mark) && mark.Time <= before)
        {
            _old = _marks.Dequeue().End;
        }

        var (drop, held) = (0, SupersededBytes);
        while (_events.Count - drop > events || (held > bytes && _first + drop < _old))
        {
            held -= Held(_events[drop++]);
        }

        return drop;
    }

    private static int Held(StoreEvent change) => change.Previous?.Value.Length ?? 0;

    /// <summary>Drops the oldest events.</summary>
    public void Drop(int count)
    {
        for (var i = 0; i < count; i++)
        {
            SupersededBytes -= Held(_events[i]);
        }

        _events.RemoveRange(0, count);
        _first += count;
    }
}
