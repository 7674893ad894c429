using System.Globalization;
using Kaji.Bots.Fence;

namespace Kaji.Simulation.Fence;

/// <summary>The API server: one Lease, each write compared with its version. It is a service somewhere, or lives in the agent's program on one of the machines and falls with it.</summary>
internal sealed class LeaseServer(World world)
{
    private long _version = 1;

    /// <summary>The machine whose program it is in; null for a service that is only out of reach at times.</summary>
    public NodeHost? Home { get; set; }

    /// <summary>Null after somebody has deleted it.</summary>
    public FenceRecord? Record { get; private set; } = new FenceRecord("1", 0, "", Released: true);

    /// <summary>The newest epoch ever granted, as the names of Pods tell it.</summary>
    public long Newest { get; private set; }

    /// <summary>Who got it, as the bot's status tells it.</summary>
    public string Latest { get; private set; } = "";

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
    public void Begin() => Record = Record is { Released: false } held && world.Rewrites ? held with { Version = (++_version).ToString(CultureInfo.InvariantCulture) } : Record;

    /// <summary>Somebody deletes the Lease, as with its namespace.</summary>
    public void Delete() => Record = null;

    /// <summary>Makes the Lease anew when it is gone: held by nobody knows whom. Who makes it may be behind by an epoch.</summary>
    public void Create()
    {
        var known = Newest > 1 && world.Random.Next(4) == 0 ? Newest - 1 : Newest;
        Record ??= new FenceRecord((++_version).ToString(CultureInfo.InvariantCulture), known, "", Released: known == 0 || !world.Remembers);
    }

    /// <summary>Null when the version is not the newest, or there is no Lease.</summary>
    public FenceRecord? Write(string version, Func<FenceRecord, FenceRecord> change)
    {
        if (Record is not { } known || !string.Equals(version, known.Version, StringComparison.Ordinal))
        {
            return null;
        }

        var written = change(known) with { Version = (++_version).ToString(CultureInfo.InvariantCulture) };
        Record = written;
        if (written.Epoch > Newest)
        {
            (Newest, Latest) = (written.Epoch, written.Holder);
        }

        foreach (var node in world.Nodes)
        {
            node.Notify(written);
        }

        return written;
    }
}
