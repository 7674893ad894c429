namespace Kaji.Bots.Fence;

/// <summary>What a warden has to do now.</summary>
public enum WardenTask
{
    /// <summary>Nothing before <see cref="WardenState.Wake"/>.</summary>
    Wait,

    /// <summary>Write the Lease anew, comparing <see cref="WardenState.Version"/>, and say how it went.</summary>
    Renew,

    /// <summary>Read the Lease, for an answer was lost or another write came in between, and say what it holds.</summary>
    Read,

    /// <summary>Kill every process of the holder, now; then say that it is dead.</summary>
    Kill,

    /// <summary>Write into the Lease that the holder is dead, comparing <see cref="WardenState.Version"/>.</summary>
    Release,

    /// <summary>Nothing any more: the holder is dead, and either the Lease says so or it belongs to another.</summary>
    Done,
}

/// <summary>
/// One warden's side of the fence, without I/O: it is told what has happened, with the time of its machine's own clock, and says what to do next.
/// The holder may act only while <see cref="MayAct"/>; a kill is due at a time counted from the sending of the last renewal that was taken, so a late answer gives no time.
/// Not thread-safe. The protocol is docs/fence.md; tests/Kaji.Simulation checks it against delays, losses, pauses and crashes.
/// </summary>
/// <example>
/// <code>
/// granted ──renewal taken──▶ acting ──renewal taken──▶ acting ──no answer until the deadline──▶ killing ──dead──▶ releasing ──▶ done
///    └──── refused: another's ────────────▶ killing ──dead──▶ done
/// </code>
/// </example>
public sealed class WardenState
{
    private readonly FenceTiming _timing;
    private readonly string _holder;
    private readonly long _epoch;
    private bool _inFlight;
    private bool _mustRead;
    private bool _foreign;
    private bool _released;
    private bool _gone;
    private bool _killing;
    private TimeSpan _sentAt;
    private TimeSpan _nextTry;

    /// <param name="record">A version of the Lease that grants the epoch to the holder.</param>
    /// <param name="now">The machine's clock.</param>
    /// <param name="adopted">When a warden before this one had to kill the holder, which runs on; null for a holder that has not started.</param>
    public WardenState(FenceTiming timing, FenceRecord record, TimeSpan now, TimeSpan? adopted = null)
    {
        _timing = timing;
        (_holder, _epoch, Version, Deadline) = (record.Holder, record.Epoch, record.Version, adopted);
        _nextTry = now;
    }

    /// <summary>Version of the Lease that the next write compares.</summary>
    public string Version { get; private set; }

    /// <summary>When the holder must be dead less the kill margin; null before the first renewal was taken.</summary>
    public TimeSpan? Deadline { get; private set; }

    /// <summary>Whether the holder's processes are known to be gone.</summary>
    public bool Dead { get; private set; }

    /// <summary>Why it is being killed, in words; empty while it isn't.</summary>
    public string Why { get; private set; } = "";

    /// <summary>Whether the holder may act at a time: a renewal was taken, and its end has not come.</summary>
    public bool MayAct(TimeSpan now) => Deadline is { } deadline && now < deadline && !_killing && !Dead;

    /// <summary>When to ask again although nothing has happened.</summary>
    public TimeSpan Wake { get; private set; }

    /// <summary>What to do at a time. Asking changes nothing.</summary>
    public WardenTask Next(TimeSpan now)
    {
        Wake = TimeSpan.MaxValue;
        if (!Dead && (_killing || now >= Deadline))
        {
            return WardenTask.Kill;
        }

        if (Dead && (_foreign || _released || _gone))
        {
            return WardenTask.Done;
        }

        var answerDue = _sentAt + _timing.RenewTimeout;
        if (_inFlight && now < answerDue)
        {
            Wake = Dead ? answerDue : Earlier(answerDue, Deadline);
            return WardenTask.Wait;
        }

        if (now < _nextTry)
        {
            Wake = Dead ? _nextTry : Earlier(_nextTry, Deadline);
            return WardenTask.Wait;
        }

        return _inFlight || _mustRead ? WardenTask.Read : Dead ? WardenTask.Release : WardenTask.Renew;
    }

    /// <summary>A renewal, read or release is on its way.</summary>
    public void Sent(TimeSpan now)
    {
        (_inFlight, _sentAt) = (true, now);
    }

    /// <summary>A renewal was taken.</summary>
    /// <param name="sentAt">The clock before it was sent: what the deadline counts from.</param>
    public void Renewed(string version, TimeSpan sentAt)
    {
        (_inFlight, _mustRead, Version) = (false, false, version);
        _nextTry = sentAt + _timing.RenewEvery;
        var deadline = sentAt + _timing.Lease - _timing.KillMargin;
        if (!_killing && (Deadline is not { } known || deadline > known))
        {
            Deadline = deadline;
        }
    }

    /// <summary>There is something to report: the next renewal is due now.</summary>
    public void Report(TimeSpan now) => _nextTry = now < _nextTry && !_mustRead ? now : _nextTry;

    /// <summary>The Lease was read.</summary>
    public void Found(FenceRecord record, TimeSpan now)
    {
        (_inFlight, _mustRead, _gone) = (false, false, false);
        if (record.Epoch == _epoch && string.Equals(record.Holder, _holder, StringComparison.Ordinal))
        {
            Version = record.Version;
            _nextTry = now;
            if (!record.Released)
            {
                return;
            }

            // Only this warden writes that; an answer to its release was lost.
            _released = true;
            Stop(now, "its epoch is released");
            return;
        }

        _foreign = true;
        Stop(now, $"epoch {record.Epoch} has been granted to {record.Holder}");
    }

    /// <summary>A write was refused because the Lease has changed: only reading tells how.</summary>
    public void Refused(TimeSpan now) => (_inFlight, _mustRead, _nextTry) = (false, true, now);

    /// <summary>The server could not be reached, or had a fault: nothing is known of the write.</summary>
    public void Failed(TimeSpan now) => (_inFlight, _mustRead, _nextTry) = (false, true, now + (_timing.RenewEvery / 4));

    /// <summary>The Lease was deleted: nothing can be renewed or released. The deadline stands, for whoever makes the Lease anew waits out what was granted before.</summary>
    public void Gone(TimeSpan now) => (_inFlight, _mustRead, _gone, _nextTry) = (false, true, true, now + (_timing.RenewEvery / 4));

    /// <summary>The holder must go: its Pod is being deleted, or the deadline has come.</summary>
    public void Stop(TimeSpan now, string why)
    {
        if (!_killing)
        {
            (_killing, Why) = (true, why);
        }
    }

    /// <summary>Every process of the holder is gone, by whatever hand.</summary>
    public void Died(TimeSpan now)
    {
        Dead = true;
        if (!_inFlight)
        {
            _nextTry = now;
        }
    }

    /// <summary>The Lease says that the holder is dead.</summary>
    public void ReleaseTaken()
    {
        (_inFlight, _released) = (false, true);
    }

    private static TimeSpan Earlier(TimeSpan one, TimeSpan? other) => other is { } o && o < one ? o : one;
}
