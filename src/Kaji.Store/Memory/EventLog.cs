namespace Kaji.Store.Memory;

/// <summary>
/// The changes since the last compaction, in order, shared by all watches: a watch is an index into it. Changed under the owner's write lock.
/// </summary>
internal sealed class EventLog
{
    private readonly List<StoreEvent> _events = [];
    private long _first;

    /// <summary>Index that the next event gets; grows forever.</summary>
    public long End => _first + _events.Count;

    public long First => _first;

    public int Count => _events.Count;

    public StoreEvent this[long index] => _events[(int)(index - _first)];

    public void Add(StoreEvent change) => _events.Add(change);

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

    /// <summary>Drops the oldest events.</summary>
    public void Drop(int count)
    {
        _events.RemoveRange(0, count);
        _first += count;
    }
}
