using System.Collections.Concurrent;

namespace Kaji.Controllers.ReplicaSets;

/// <summary>
/// Creates and deletes that a controller makes and its informer has not shown yet. Until they are seen, the cache is not to be trusted; after <see cref="Lifetime"/> they are forgotten,
/// for the world is what counts. What is expected is told before the request is sent, so that its event cannot come first.
/// </summary>
internal sealed class Expectations(TimeProvider time)
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);
    private readonly ConcurrentDictionary<string, Entry> _owners = new(StringComparer.Ordinal);

    /// <summary>How long the cache is still not to be trusted at most; null when all that was done for an owner has been seen.</summary>
    public TimeSpan? Wait(string owner)
    {
        if (!_owners.TryGetValue(owner, out var entry))
        {
            return null;
        }

        lock (entry)
        {
            var left = entry.Since + Lifetime - time.GetUtcNow();
            return entry.Pending.Count == 0 || left <= TimeSpan.Zero ? null : left;
        }
    }

    /// <param name="owner">Its uid.</param>
    /// <param name="what"><c>+name</c> for a create, <c>-uid</c> for a delete.</param>
    public void Expect(string owner, string what)
    {
        var entry = _owners.GetOrAdd(owner, _ => new Entry());
        lock (entry)
        {
            if (entry.Since + Lifetime < time.GetUtcNow())
            {
                entry.Pending.Clear();
            }

            entry.Pending.Add(what);
            entry.Since = time.GetUtcNow();
        }
    }

    /// <summary>Whether this one has not been seen yet.</summary>
    public bool Expects(string owner, string what)
    {
        if (!_owners.TryGetValue(owner, out var entry))
        {
            return false;
        }

        lock (entry)
        {
            return entry.Pending.Contains(what);
        }
    }

    /// <summary>It has been seen, or was refused and will not be.</summary>
    public void Seen(string owner, string what)
    {
        if (_owners.TryGetValue(owner, out var entry))
        {
            lock (entry)
            {
                entry.Pending.Remove(what);
            }
        }
    }

    public void Forget(string owner) => _owners.TryRemove(owner, out _);

    private sealed class Entry
    {
        public HashSet<string> Pending { get; } = new(StringComparer.Ordinal);

        public DateTimeOffset Since { get; set; }
    }
}
