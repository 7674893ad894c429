namespace Kaji.Bots.Fence;

/// <summary>
/// The grantor's side of the fence, without I/O: when the next epoch may be granted. Either the Lease says that the holder is dead, or it has not changed for the whole
/// lease and a margin since this process first saw this version, by this process's own clock.
/// </summary>
public sealed class TakeoverWatch(FenceTiming timing)
{
    private FenceRecord? _seen;
    private TimeSpan _since;

    /// <summary>The version a grant must compare.</summary>
    public FenceRecord? Seen => _seen;

    /// <summary>A version of the Lease was read or watched.</summary>
    public void Observe(FenceRecord record, TimeSpan now)
    {
        if (_seen is not { } seen || !string.Equals(seen.Version, record.Version, StringComparison.Ordinal))
        {
            (_seen, _since) = (record, now);
        }
    }

    /// <summary>When the next epoch may be granted if nothing changes; null when nothing was seen yet.</summary>
    public TimeSpan? MayGrantAt => _seen switch
    {
        null => null,
        { Released: true } or { Epoch: 0 } => _since,
        _ => _since + timing.Lease + timing.TakeoverMargin,
    };

    /// <summary>Whether the next epoch may be granted now, comparing the seen version.</summary>
    public bool MayGrant(TimeSpan now) => MayGrantAt is { } at && now >= at;
}
