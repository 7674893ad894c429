namespace Kaji.Simulation.Fence;

/// <summary>
/// A machine: a clock that runs a little fast or slow from wherever it stood, counts on while everything is frozen, and says nothing of true time; a network that may be cut;
/// one program that may be frozen with the machine, or crash and come back.
/// </summary>
internal abstract class Machine(World world)
{
    private readonly double _rate = 1 + ((world.Random.NextDouble() - 0.5) * 2 * world.Faults.Drift);
    private readonly double _offset = world.Random.NextDouble() * 1e6;
    private int _frozen;
    private int _cut;
    private readonly List<Action> _waiting = [];

    protected World World => world;

    public bool Frozen => _frozen > 0;

    protected bool Reachable => _cut == 0 && world.Server.Reachable;

    /// <summary>Grows by one each time the program starts anew: what ran before hears no answer.</summary>
    protected int Life { get; private set; }

    protected bool Running { get; private set; } = true;

    public TimeSpan Clock => TimeSpan.FromMilliseconds((world.Now * _rate) + _offset);

    /// <summary>Runs when the machine's clock has come so far, or as soon as it thaws.</summary>
    protected void At(TimeSpan clock, Action action)
    {
        if (clock < TimeSpan.FromDays(1000))
        {
            world.After(Math.Max(0.01, (clock - Clock).TotalMilliseconds / _rate) + 0.001, () => WhenThawed(action));
        }
    }

    protected void WhenThawed(Action action)
    {
        if (Frozen)
        {
            _waiting.Add(action);
        }
        else
        {
            action();
        }
    }

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

            world.After(there, () =>
            {
                if (!Reachable)
                {
                    return;
                }

                var answer = request();
                if (world.Delay() is { } back)
                {
                    world.After(back, () => WhenThawed(() =>
                    {
                        if (Reachable && Running && life == Life)
                        {
                            answered(answer);
                        }
                    }));
                }
            });
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
        Froze();
        world.After(length, Thaw);
    }

    /// <summary>The program dies, and is started again after a time.</summary>
    public virtual void Crash(double length)
    {
        if (Running)
        {
            Running = false;
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

        Restart();
    }

    protected virtual void Froze()
    {
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
            WhenThawed(Started);
        }
    }

    private void Thaw()
    {
        if (_frozen == 0 || --_frozen > 0)
        {
            return;
        }

        Thawed();
        var waiting = _waiting.ToArray();
        _waiting.Clear();
        World.Random.Shuffle(waiting);
        foreach (var action in waiting)
        {
            World.After(World.Random.NextDouble() * 5, () => WhenThawed(action));
        }
    }
}
