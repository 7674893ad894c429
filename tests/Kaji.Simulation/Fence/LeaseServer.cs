using System.Globalization;
using Kaji.Bots.Fence;

namespace Kaji.Simulation.Fence;

/// <summary>The API server: one Lease, each write compared with its version. It is a service somewhere, or lives in the agent's program on one of the machines and falls with it.</summary>
internal sealed class LeaseServer(World world)
{
    private long _version = 1;

    /// <summary>The machine whose program it is in; null for a service that is only out of reach at times.</summary>
    public NodeHost? Home { get; set; }

    public FenceRecord Record { get; private set; } = new("1", 0, "", Released: true);

    public bool Reachable { get; set; } = true;

    /// <summary>Whether a machine's message gets here, or an answer there.</summary>
    public bool Reaches(Machine machine) => Reachable && (machine == Home || (machine.Connected && Home is not { Connected: false }));

    /// <summary>A message has come: it is read when the program runs, and lost when that has ended before.</summary>
    public void Serve(Machine from, Action request)
    {
        if (!Reaches(from))
        {
            return;
        }

        if (Home is not { } home)
        {
            request();
        }
        else if (home.Running)
        {
            var life = home.Life;
            home.WhenAwake(() =>
            {
                if (home.Serves && home.Life == life)
                {
                    request();
                }
            });
        }
    }

    /// <summary>Begins to serve in a new program: whoever has counted how long the Lease stood still has to begin anew.</summary>
    public void Begin() => Record = Record.Released || !world.Rewrites ? Record : Record with { Version = (++_version).ToString(CultureInfo.InvariantCulture) };

    /// <summary>Null when the version is not the newest.</summary>
    public FenceRecord? Write(string version, Func<FenceRecord, FenceRecord> change)
    {
        if (!string.Equals(version, Record.Version, StringComparison.Ordinal))
        {
            return null;
        }

        Record = change(Record) with { Version = (++_version).ToString(CultureInfo.InvariantCulture) };
        foreach (var node in world.Nodes)
        {
            node.Notify(Record);
        }

        return Record;
    }
}
