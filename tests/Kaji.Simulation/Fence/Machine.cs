namespace Kaji.Simulation.Fence;

/// <summary>
/// A machine: a clock that runs a little fast or slow from wherever it stood, counts on while everything is frozen, and says nothing of true time; a network that may be cut;
/// one program that may stand still with the machine or alone, or crash and come back.
/// </summary>
internal abstract class Machine(World world)
{
    private readonly double _rate = 1 + ((world.Random.NextDouble() - 0.5) * 2 * world.Faults.Drift);
    private readonly double _offset = world.Random.NextDouble() * 1e6;
    private int _frozen;
    private int _stalled;
    private int _cut;
    private readonly List<(Action Action, bool OfProgram)> _waiting = [];

    protected World World => world;

    /// <summary>Nothing on the machine runs.</summary>
    public bool Frozen => _frozen > 0;

    /// <summary>Its program does not run, whatever else does.</summary>
    public bool Asleep => Frozen || _stalled > 0;

    /// <summary>Whether it has a network; on itself it needs none.</summary>
    public bool Connected => _cut == 0;

    protected bool Reachable => world.Server.Reaches(this);

    /// <summary>Grows by one each time the program starts anew: what ran before hears no answer.</summary>
    public int Life { get; private set; }

    public bool Running { get; private set; } = true;

    public TimeSpan Clock => TimeSpan.FromMilliseconds((world.Now * _rate) + _offset);

    /// <summary>Runs on the machine when its clock has come so far, or as soon as it thaws.</summary>
    protected void At(TimeSpan clock, Action action) => At(clock, action, ofProgram: false);

    /// <summary>The same in its program, or as soon as that wakes.</summary>
    protected void ProgramAt(TimeSpan clock, Action action) => At(clock, action, ofProgram: true);

    public void WhenAwake(Action action) => Run(action, ofProgram: true);

    /// <summary>Sends a request and hears the answer, unless either is lost; a request may come twice.</summary>
    protected void Ask<T>(Func<T> request, Action<T> answered)
    {
        var life = Life;
        var copies = !world.Healed && world.Random.NextDouble() < world.Faults.Duplicate ? 2 : 1;
        for (var i = 0; i < copies; i++)
        {
            if (world.Delay() is not { } there || !Reachable)
            {
                continue;
            }

            world.After(there, () => world.Server.Serve(this, () =>
            {
                var answer = request();
                if (world.Delay() is { } back)
                {
                    world.After(back, () => WhenAwake(() =>
                    {
                        if (Reachable && Running && life == Life)
                        {
                            answered(answer);
                        }
                    }));
                }
            }));
        }
    }

    public void Cut(double length)
    {
        _cut++;
        world.After(length, () => _cut = Math.Max(0, _cut - 1));
    }

    public void Freeze(double length)
    {
        _frozen++;
        world.After(length, Thaw);
    }

    /// <summary>The program alone stands still.</summary>
    public void Stall(double length)
    {
        var life = Life;
        _stalled++;
        world.After(length, () => Wake(life));
    }

    /// <summary>The program dies, and is started again after a time.</summary>
    public virtual void Crash(double length)
    {
        if (Running)
        {
            (Running, _stalled) = (false, 0);
            Life++;
            world.After(length, Restart);
        }
    }

    /// <summary>Ends what befell it.</summary>
    public void Heal()
    {
        _cut = 0;
        while (Frozen)
        {
            Thaw();
        }

        while (_stalled > 0)
        {
            Wake(Life);
        }

        Restart();
    }

    protected virtual void Thawed()
    {
    }

    protected abstract void Started();

    private void Restart()
    {
        if (!Running)
        {
            Running = true;
            WhenAwake(Started);
        }
    }

    private void At(TimeSpan clock, Action action, bool ofProgram)
    {
        if (clock < TimeSpan.FromDays(1000))
        {
            world.After(Math.Max(0.01, (clock - Clock).TotalMilliseconds / _rate) + 0.001, () => Run(action, ofProgram));
        }
    }

    private void Run(Action action, bool ofProgram)
    {
        if (ofProgram ? Asleep : Frozen)
        {
            _waiting.Add((action, ofProgram));
        }
        else
        {
            action();
        }
    }

    private void Thaw()
    {
        if (_frozen > 0 && --_frozen == 0)
        {
            Thawed();
            GoOn();
        }
    }

    private void Wake(int life)
    {
        if (life == Life && _stalled > 0 && --_stalled == 0)
        {
            GoOn();
        }
    }

    /// <summary>What has waited runs now, in whatever order.</summary>
    private void GoOn()
    {
        var waiting = _waiting.ToArray();
        _waiting.Clear();
        World.Random.Shuffle(waiting);
        foreach (var (action, ofProgram) in waiting)
        {
            World.After(World.Random.NextDouble() * 5, () => Run(action, ofProgram));
        }
    }
}
