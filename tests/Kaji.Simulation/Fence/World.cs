using Kaji.Bots.Fence;

namespace Kaji.Simulation.Fence;

/// <summary>What befalls a schedule; each value is drawn from the seed.</summary>
internal sealed record Faults(double Loss, double Duplicate, double MaxDelay, double FaultEvery, double Drift, bool Home)
{
    public static Faults Of(Random random) => new(
        Loss: random.NextDouble() < 0.3 ? 0 : random.NextDouble() * 0.3,
        Duplicate: random.NextDouble() * 0.1,
        MaxDelay: random.Next(4) switch { 0 => 5, 1 => 50, 2 => 500, _ => 3000 },
        FaultEvery: random.Next(4) switch { 0 => 30_000, 1 => 5_000, 2 => 2_000, _ => 800 },
        Drift: random.NextDouble() * 0.03,
        Home: random.Next(2) == 0);
}

/// <summary>
/// One seeded schedule of the fence: true time in milliseconds, machines with clocks of their own, a server that keeps one Lease, messages that are late, lost, doubled and
/// out of order, and the rule that is checked at each step: no two epochs act at once, and none acts after a newer one has.
/// </summary>
internal sealed class World
{
    public const double Chaos = 25_000;

    private readonly PriorityQueue<Action, (double At, long Order)> _queue = new();
    private readonly List<NodeHost> _nodes = [];
    private readonly List<Grantor> _grantors = [];
    private readonly int _seed;
    private long _order;

    /// <param name="grantors">Times of those who grant, where they are to differ from the wardens'.</param>
    public World(int seed, FenceTiming timing, FenceTiming? grantors = null)
    {
        (_seed, Timing, GrantTiming) = (seed, timing, grantors ?? timing);
        Random = new Random(seed);
        Faults = Faults.Of(Random);
        Server = new LeaseServer(this);
        for (var i = 0; i < 3; i++)
        {
            _nodes.Add(new NodeHost(this, i));
        }

        Server.Home = Faults.Home ? _nodes[0] : null;

        for (var i = 0; i < 2; i++)
        {
            _grantors.Add(new Grantor(this));
        }
    }

    public Random Random { get; }

    public FenceTiming Timing { get; }

    public FenceTiming GrantTiming { get; }

    public Faults Faults { get; }

    /// <summary>Whether a server that begins anew rewrites the Lease first: rule 7.</summary>
    public bool Rewrites { get; init; } = true;

    /// <summary>Whether a Lease that is made anew counts as held by whoever had the epoch.</summary>
    public bool Remembers { get; init; } = true;

    public LeaseServer Server { get; }

    public IReadOnlyList<NodeHost> Nodes => _nodes;

    public double Now { get; private set; }

    public bool Healed => Now >= Chaos;

    /// <summary>Epochs that have acted.</summary>
    public int Activations { get; private set; }

    /// <summary>Thaws of a machine with a holder that was past its deadline when another had acted: what only the gate can close.</summary>
    public int Uncovered { get; set; }

    /// <summary>From the end of all faults until an epoch acts; 0 when one acts then.</summary>
    public double HealedAfter { get; private set; }

    public string? Violation { get; private set; }

    private long NewestActed { get; set; }

    /// <summary>Runs it to the end.</summary>
    /// <param name="bound">Milliseconds after the last fault, and the last message that was on its way then, within which an epoch must act.</param>
    public World Run(double bound)
    {
        bound += Faults.MaxDelay;
        foreach (var grantor in _grantors)
        {
            grantor.Start();
        }

        foreach (var node in _nodes)
        {
            node.Start();
        }

        if (Faults.FaultEvery < Chaos)
        {
            After(Random.NextDouble() * Faults.FaultEvery, Fault);
        }

        Until(Chaos);
        if (Server.Record is null or { Epoch: > 0, Holder: "" })
        {
            // Who held it is not known: the next may be put where nothing comes back, which takes a second lease to be seen.
            bound += (GrantTiming.Lease + GrantTiming.TakeoverMargin).TotalMilliseconds * 1.07;
        }

        var lost = Random.Next(Faults.Home ? 1 : 0, 6);
        foreach (var machine in _nodes.Cast<Machine>().Concat(_grantors))
        {
            machine.Heal();
        }

        if (lost < 3)
        {
            // This one never comes back: the others are all that heals.
            (Random.Next(3) switch { 0 => (Action<double>)_nodes[lost].Cut, 1 => _nodes[lost].Freeze, _ => _nodes[lost].PowerOff })(double.MaxValue);
        }

        Server.Reachable = true;
        while (Violation is null && !_nodes.Any(n => n.Acts))
        {
            HealedAfter = Now - Chaos;
            if (HealedAfter > bound)
            {
                Violation = $"seed {_seed}: nobody acts {HealedAfter:0} ms after the last fault: {Server.Record}";
            }
            else if (!Step())
            {
                Violation = $"seed {_seed}: nothing happens any more, and nobody acts: {Server.Record}";
            }
        }

        return this;
    }

    public void After(double delay, Action action) => _queue.Enqueue(action, (Now + delay, _order++));

    /// <summary>A message's way; null when it is lost.</summary>
    public double? Delay() => !Healed && Random.NextDouble() < Faults.Loss ? null : 0.2 + (Random.NextDouble() * Random.NextDouble() * (Healed ? 5 : Faults.MaxDelay));

    /// <summary>A holder has become able to act.</summary>
    public void Acting(NodeHost node, long epoch)
    {
        Activations += epoch > NewestActed ? 1 : 0;
        if (epoch < NewestActed)
        {
            Violation ??= $"seed {_seed}: at {Now:0.0} ms epoch {epoch} acts on node {node.Index} after epoch {NewestActed} has";
        }

        if (node.Acts && _nodes.FirstOrDefault(n => n != node && n.Acts) is { } other)
        {
            Violation ??= $"seed {_seed}: at {Now:0.0} ms epoch {epoch} acts on node {node.Index} while node {other.Index} does";
        }

        NewestActed = Math.Max(NewestActed, epoch);
    }

    public bool ActedSince(long epoch) => NewestActed > epoch;

    private void Until(double until)
    {
        while (Violation is null && _queue.TryPeek(out _, out var next) && next.At <= until)
        {
            Step();
        }

        Now = until;
    }

    private bool Step()
    {
        if (!_queue.TryDequeue(out var action, out var key))
        {
            return false;
        }

        Now = Math.Max(Now, key.At);
        action();
        return true;
    }

    private void Fault()
    {
        if (Healed)
        {
            return;
        }

        var length = Random.NextDouble() * Random.NextDouble() * 15_000;
        var machine = Random.Next(4) == 0 ? (Machine)_grantors[Random.Next(2)] : _nodes[Random.Next(3)];
        switch (Random.Next(10))
        {
            case 0:
                Server.Reachable = false;
                After(length, () => Server.Reachable = true);
                break;
            case 1 or 2:
                machine.Cut(length);
                break;
            case 3 or 4:
                machine.Freeze(length);
                break;
            case 5:
                machine.Crash(length);
                break;
            case 6 when machine is NodeHost node:
                node.PowerOff(length);
                break;
            case 7 when machine is NodeHost node:
                node.Stop();
                break;
            case 8:
                machine.Stall(length);
                break;
            case 9:
                Server.Delete();
                break;
        }

        After(Random.NextDouble() * 2 * Faults.FaultEvery, Fault);
    }
}
