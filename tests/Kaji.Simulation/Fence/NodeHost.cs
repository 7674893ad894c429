using System.Globalization;
using Kaji.Bots.Fence;

namespace Kaji.Simulation.Fence;

/// <summary>
/// A machine with an agent that keeps wardens, a guard (a program of its own that knows each holder's deadline and nothing else) and holders' processes. The agent may be frozen or killed
/// with the processes running on; the guard then kills at the deadline. Where the agent's program holds the only store too and is dead, the guard's deadlines stand still.
/// </summary>
internal sealed class NodeHost(World world, int index) : Machine(world)
{
    private WardenState? _warden;
    private long _epoch;
    private bool _alive;
    private bool _killing;
    private bool _standing;
    private TimeSpan? _guard;
    private TimeSpan _ttl;
    private long _started;
    private int _request;

    public int Index => index;

    /// <summary>Whether a holder's process can act now: until it is killed, which takes at most the margin.</summary>
    public bool Acts => _alive && !Frozen && (_standing || Clock < KilledBy);

    /// <summary>Whether its program answers as the API server.</summary>
    public bool Serves { get; private set; }

    private bool IsStore => World.Server.Home == this;

    /// <summary>Whether the guard has overslept a deadline: meanwhile anything may have been granted.</summary>
    private bool TooLate => Clock >= _guard + (World.Timing.KillMargin / 2);

    private TimeSpan? KilledBy => _guard + (World.Timing.KillMargin > TimeSpan.Zero ? World.Timing.KillMargin : TimeSpan.Zero);

    public void Start() => Started();

    /// <summary>The Lease has changed: the agent hears of it, or not.</summary>
    public void Notify(FenceRecord record)
    {
        if (World.Delay() is { } delay && Reachable)
        {
            World.After(delay, () => WhenAwake(() => Heard(record)));
        }
    }

    /// <summary>The Pod is deleted: the holder is stopped in order.</summary>
    public void Stop() => WhenAwake(() =>
    {
        _warden?.Stop(Clock, "its Pod is deleted");
        Work(Life);
    });

    public void PowerOff(double length)
    {
        Kill();
        Crash(length);
    }

    public override void Crash(double length)
    {
        base.Crash(length);
        (_warden, Serves) = (null, false);
    }

    protected override void Started()
    {
        _warden = null;
        if (IsStore)
        {
            if (_alive && !_killing && (_standing || !TooLate))
            {
                // It says hello to the guard before it serves anybody: deadlines count anew, and in full.
                (_guard, _standing) = (Clock + _ttl, false);
                Guard(_epoch);
            }

            World.Server.Begin();
            Serves = true;
        }

        Poll(Life);
    }

    protected override void Thawed()
    {
        if (!_alive)
        {
            return;
        }

        if (!_standing && Clock >= KilledBy)
        {
            World.Uncovered += World.ActedSince(_epoch) ? 1 : 0;
            Guard(_epoch);
        }
        else
        {
            World.Acting(this, _epoch);
        }
    }

    private void Poll(int life)
    {
        if (life == Life && Running)
        {
            Ask(() => World.Server.Record, record =>
            {
                if (record is { } found)
                {
                    Heard(found);
                }
            });
            ProgramAt(Clock + TimeSpan.FromMilliseconds(1000), () => Poll(life));
        }
    }

    private void Heard(FenceRecord record)
    {
        if (!Running || _warden is { } current && current.Next(Clock) != WardenTask.Done)
        {
            return;
        }

        var name = record.Holder.Split('/');
        if (record.Released || record.Holder.Length == 0 || int.Parse(name[0], CultureInfo.InvariantCulture) != index || record.Epoch < _epoch)
        {
            return;
        }

        if (record.Epoch == _epoch)
        {
            // The agent is back: the holder it had started runs on, or is dead.
            _warden = new WardenState(World.Timing, record, Clock, _alive ? _guard : null);
            if (!_alive)
            {
                _warden.Stop(Clock, "it died while nobody looked");
                _warden.Died(Clock);
            }
        }
        else
        {
            if (_alive)
            {
                return;
            }

            _epoch = record.Epoch;
            _warden = new WardenState(World.Timing, record, Clock);
        }

        Work(Life);
    }

    private void Work(int life)
    {
        if (Asleep)
        {
            WhenAwake(() => Work(life));
            return;
        }

        if (life != Life || !Running || _warden is not { } warden)
        {
            return;
        }

        if (!_alive && !warden.Dead && warden.Deadline is not null && _guard is not null && _started == _epoch)
        {
            warden.Died(Clock);
        }

        var task = warden.Next(Clock);
        var request = ++_request;
        var sent = Clock;
        switch (task)
        {
            case WardenTask.Wait:
                ProgramAt(warden.Wake, () => Again(warden, request, life));
                return;
            case WardenTask.Done:
                _warden = null;
                return;
            case WardenTask.Kill:
                if (_alive)
                {
                    BeginKill(_epoch);
                }
                else
                {
                    warden.Died(Clock);
                    Work(life);
                }

                return;
            case WardenTask.Renew:
                warden.Sent(sent);
                Ask(() => World.Server.Write(warden.Version, r => r), r => Answer(warden, request, life, () => Wrote(warden, r, sent)));
                break;
            case WardenTask.Release:
                warden.Sent(sent);
                Ask(() => World.Server.Write(warden.Version, r => r with { Released = true }), r => Answer(warden, request, life, () =>
                {
                    if (r is null)
                    {
                        warden.Refused(Clock);
                    }
                    else
                    {
                        warden.ReleaseTaken();
                    }
                }));
                break;
            case WardenTask.Read:
                warden.Sent(sent);
                Ask(() => World.Server.Record, r => Answer(warden, request, life, () =>
                {
                    if (r is { } found)
                    {
                        warden.Found(found, Clock);
                    }
                    else
                    {
                        warden.Gone(Clock);
                    }
                }));
                break;
        }

        Work(life);
    }

    private void Wrote(WardenState warden, FenceRecord? record, TimeSpan sent)
    {
        if (record is not { } taken)
        {
            warden.Refused(Clock);
            return;
        }

        warden.Renewed(taken.Version, sent);
        if (warden.Deadline is not { } deadline)
        {
            return;
        }

        if (_alive)
        {
            Tell(deadline);
            return;
        }

        if (_started != _epoch && warden.MayAct(Clock))
        {
            _started = _epoch;
            Tell(deadline);
            _alive = true;
            Guard(_epoch);
            World.Acting(this, _epoch);
        }
    }

    private void Tell(TimeSpan deadline) => (_guard, _ttl) = (deadline, deadline - Clock);

    private void Answer(WardenState warden, int request, int life, Action told)
    {
        // An answer that comes after its time is not waited for any more.
        if (ReferenceEquals(warden, _warden) && life == Life && _request - request <= 1)
        {
            told();
            Work(life);
        }
    }

    private void Again(WardenState warden, int request, int life)
    {
        if (ReferenceEquals(warden, _warden) && request == _request)
        {
            Work(life);
        }
    }

    /// <summary>The guard sleeps until the deadline it knows, and looks again.</summary>
    private void Guard(long epoch)
    {
        if (!_alive || epoch != _epoch || _guard is not { } deadline)
        {
            return;
        }

        if (Clock >= deadline)
        {
            if (IsStore && !Running && !_killing && !TooLate)
            {
                _standing = true;
            }
            else
            {
                BeginKill(epoch);
            }
        }
        else
        {
            At(deadline, () => Guard(epoch));
        }
    }

    private void BeginKill(long epoch)
    {
        if (_killing)
        {
            return;
        }

        _killing = true;
        var takes = World.Random.NextDouble() * World.Random.NextDouble() * World.Timing.KillMargin.TotalMilliseconds * 0.8;
        At(Clock + TimeSpan.FromMilliseconds(takes), () =>
        {
            if (_alive && epoch == _epoch)
            {
                Kill();
            }

            _killing = false;
        });
    }

    private void Kill()
    {
        (_alive, _killing, _standing) = (false, false, false);
        Work(Life);
    }
}
