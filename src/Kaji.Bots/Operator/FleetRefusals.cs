using Kaji.Client;

namespace Kaji.Bots.Operator;

/// <summary>
/// What the server refused a fleet for single bots (a quota, an admission policy, a right that is missing): it is told in the fleet's status, keeps no other bot from its change,
/// and is tried again after a while; at once when the fleet has changed.
/// </summary>
internal sealed class FleetRefusals(TimeProvider time)
{
    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromSeconds(10);
    private const int MostTold = 5;
    private readonly SortedDictionary<string, (long At, string Message)> _refused = new(StringComparer.Ordinal);
    private long _generation;

    /// <summary>Names of the bots that are not tried again yet.</summary>
    public ICollection<string> Bots => _refused.Keys;

    /// <summary>In words; null when nothing was refused.</summary>
    public string? Message => _refused.Count == 0 ? null
        : string.Join("; ", _refused.Take(MostTold).Select(r => $"bot {r.Key}: {r.Value.Message}")) + (_refused.Count > MostTold ? $"; and {_refused.Count - MostTold} more" : "");

    /// <summary>When the next may be tried again; null when nothing was refused.</summary>
    public TimeSpan? Due => _refused.Count == 0 ? null : Left(_refused.Values.Min(r => r.At)) + TimeSpan.FromMilliseconds(10);

    /// <summary>Forgets what may be tried again.</summary>
    public void Begin(long generation)
    {
        foreach (var (bot, _) in _refused.Where(r => generation != _generation || Left(r.Value.At) <= TimeSpan.Zero).ToArray())
        {
            _refused.Remove(bot);
        }

        _generation = generation;
    }

    public void Add(string bot, string message) => _refused[bot] = (time.GetTimestamp(), message);

    /// <returns>Whether it was done: not when it is refused, now or a moment ago.</returns>
    public async Task<bool> TryAsync(string bot, Func<Task> change)
    {
        if (_refused.ContainsKey(bot))
        {
            return false;
        }

        try
        {
            await change();
            return true;
        }
        catch (ApiException e) when (e.Code is 403 or 422)
        {
            Add(bot, e.Message);
            return false;
        }
    }

    private TimeSpan Left(long at) => TryAgainAfter - time.GetElapsedTime(at);
}
