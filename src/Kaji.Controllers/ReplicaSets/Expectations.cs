using System.Collections.Concurrent;

namespace Kaji.Controllers.ReplicaSets;

/// <summary>
/// Creates and deletes that a controller has made and its informer has not shown yet. Until they are seen, the cache is not to be trusted; after a while they are forgotten,
/// for the world is what counts.
/// </summary>
internal sealed class Expectations(TimeProvider time)
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);
    private readonly ConcurrentDictionary<string, (HashSet<string> Pending, DateTimeOffset Since)> _pending = new(StringComparer.Ordinal);

    /// <summary>Whether all that was done for an owner has been seen.</summary>
    public bool Fulfilled(string owner)
    {
        if (!_pending.TryGetValue(owner, out var entry))
        {
            return true;
        }

        lock (entry.Pending)
        {
            return entry.Pending.Count == 0 || time.GetUtcNow() - entry.Since > Lifetime;
        }
    }

    /// <param name="what"><c>+name</c> for a create, <c>-uid</c> for a delete.</param>
    public void Expect(string owner, string what)
    {
        var entry = _pending.AddOrUpdate(owner, _ => ([], time.GetUtcNow()), (_, old) => (old.Pending, time.GetUtcNow()));
        lock (entry.Pending)
        {
            entry.Pending.Add(what);
        }
    }

    public void Seen(string owner, string what)
    {
        if (_pending.TryGetValue(owner, out var entry))
        {
            lock (entry.Pending)
            {
                entry.Pending.Remove(what);
            }
        }
    }

    public void Forget(string owner) => _pending.TryRemove(owner, out _);
}
