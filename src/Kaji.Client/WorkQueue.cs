using System.Threading.Channels;

namespace Kaji.Client;

/// <summary>Bounds and back-off of a work queue.</summary>
public sealed record WorkQueueOptions
{
    /// <summary>Delay after a key's first failure; doubles with each.</summary>
    public TimeSpan FirstBackOff { get; init; } = TimeSpan.FromMilliseconds(5);

    public TimeSpan MaxBackOff { get; init; } = TimeSpan.FromSeconds(60);
}

/// <summary>
/// Keys that need work, each at most once in the queue and never handed to two workers at a time: a key added while it is worked on comes again afterwards
/// (client-go's workqueue). Its size is bounded by the number of distinct keys.
/// </summary>
public sealed class WorkQueue<TKey>(TimeProvider time, WorkQueueOptions? options = null) : IDisposable
    where TKey : notnull
{
    private readonly WorkQueueOptions _options = options ?? new WorkQueueOptions();
    private readonly Channel<TKey> _ready = Channel.CreateUnbounded<TKey>();
    private readonly HashSet<TKey> _dirty = [];
    private readonly HashSet<TKey> _working = [];
    private readonly Dictionary<TKey, int> _failures = [];
    private readonly Dictionary<TKey, (DateTimeOffset Due, ITimer Timer)> _later = [];
    private readonly Lock _gate = new();
    private bool _closed;

    /// <summary>Keys waiting to be worked on.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _dirty.Count;
            }
        }
    }

    public void Add(TKey key)
    {
        lock (_gate)
        {
            if (!_closed && _dirty.Add(key) && !_working.Contains(key))
            {
                _ready.Writer.TryWrite(key);
            }
        }
    }

    /// <summary>Adds after a delay; of several, the earliest counts.</summary>
    public void AddAfter(TKey key, TimeSpan delay)
    {
        if (delay <= TimeSpan.Zero)
        {
            Add(key);
            return;
        }

        lock (_gate)
        {
            var due = time.GetUtcNow() + delay;
            if (_closed || (_later.TryGetValue(key, out var waiting) && waiting.Due <= due))
            {
                return;
            }

            if (waiting.Timer is not null)
            {
                waiting.Timer.Dispose();
            }

            _later[key] = (due, time.CreateTimer(_ => Due(key), null, delay, Timeout.InfiniteTimeSpan));
        }
    }

    /// <summary>Adds after the back-off that the key's failures have earned.</summary>
    public void AddRateLimited(TKey key)
    {
        TimeSpan delay;
        lock (_gate)
        {
            var failures = _failures[key] = _failures.GetValueOrDefault(key) + 1;
            delay = failures > 20 ? _options.MaxBackOff : TimeSpan.FromTicks(Math.Min(_options.MaxBackOff.Ticks, _options.FirstBackOff.Ticks << (failures - 1)));
        }

        AddAfter(key, delay);
    }

    /// <summary>The key's failures are forgotten.</summary>
    public void Forget(TKey key)
    {
        lock (_gate)
        {
            _failures.Remove(key);
        }
    }

    /// <summary>The next key; <see cref="Done"/> must follow.</summary>
    public async ValueTask<TKey> TakeAsync(CancellationToken cancellationToken)
    {
        var key = await _ready.Reader.ReadAsync(cancellationToken);
        lock (_gate)
        {
            _dirty.Remove(key);
            _working.Add(key);
        }

        return key;
    }

    /// <summary>The work on a key has ended; it comes again if it was added meanwhile.</summary>
    public void Done(TKey key)
    {
        lock (_gate)
        {
            if (_working.Remove(key) && _dirty.Contains(key))
            {
                _ready.Writer.TryWrite(key);
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _closed = true;
            foreach (var (_, timer) in _later.Values)
            {
                timer.Dispose();
            }

            _later.Clear();
            _ready.Writer.TryComplete();
        }
    }

    private void Due(TKey key)
    {
        lock (_gate)
        {
            if (_later.Remove(key, out var waiting))
            {
                waiting.Timer.Dispose();
            }
        }

        Add(key);
    }
}
