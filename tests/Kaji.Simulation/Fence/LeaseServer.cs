using System.Globalization;
using Kaji.Bots.Fence;

namespace Kaji.Simulation.Fence;

/// <summary>The API server: one Lease, each write compared with its version.</summary>
internal sealed class LeaseServer(World world)
{
    private long _version = 1;

    public FenceRecord Record { get; private set; } = new("1", 0, "", Released: true);

    public bool Reachable { get; set; } = true;

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
