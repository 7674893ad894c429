using System.Globalization;
using Kaji.Bots.Fence;

namespace Kaji.Simulation.Fence;

/// <summary>An operator that wants the bot to run: it reads the Lease again and again and grants the next epoch when it may. Two of them run at once, as when leader election has failed.</summary>
internal sealed class Grantor(World world) : Machine(world)
{
    private TakeoverWatch _watch = new(world.GrantTiming);

    public void Start() => Started();

    protected override void Started()
    {
        _watch = new TakeoverWatch(World.GrantTiming);
        Look(Life);
    }

    private void Look(int life)
    {
        if (life != Life || !Running)
        {
            return;
        }

        Ask(() => World.Server.Record, read =>
        {
            if (read is not { } record)
            {
                Ask(Created, _ => { });
                return;
            }

            _watch.Observe(record, Clock);
            if (_watch.MayGrant(Clock) && _watch.Seen is { } seen)
            {
                var node = World.Random.Next(World.Nodes.Count);
                if (!seen.Released && World.Server.Latest.StartsWith(string.Create(CultureInfo.InvariantCulture, $"{node}/"), StringComparison.Ordinal))
                {
                    // The silent one's node is the last to be chosen, as the scheduler has it.
                    node = (node + 1 + World.Random.Next(World.Nodes.Count - 1)) % World.Nodes.Count;
                }

                Ask(() => World.Server.Write(seen.Version, r => Granted(r, node)), _ => { });
            }
        });
        ProgramAt(Clock + TimeSpan.FromMilliseconds(250), () => Look(life));
    }

    private FenceRecord Granted(FenceRecord over, int node)
    {
        var epoch = Math.Max(over.Epoch, World.Server.Newest) + 1;
        return over with { Epoch = epoch, Holder = string.Create(CultureInfo.InvariantCulture, $"{node}/{epoch}"), Released = false };
    }

    private FenceRecord? Created()
    {
        World.Server.Create();
        return World.Server.Record;
    }
}
