using System.Buffers.Binary;
using System.Net;

namespace Kaji.Controllers.NodeRanges;

/// <summary>The parts of the cluster's Pod range that nodes get: a /22 each (1,020 Pods), in order.</summary>
public static class PodRanges
{
    private const int Bits = 22;

    /// <summary>How many nodes a range is enough for.</summary>
    public static int Count(IPNetwork cluster) => cluster.PrefixLength >= Bits ? 1 : 1 << (Bits - cluster.PrefixLength);

    public static IPNetwork At(IPNetwork cluster, int index)
    {
        if (cluster.PrefixLength >= Bits)
        {
            return cluster;
        }

        var first = BinaryPrimitives.ReadUInt32BigEndian(cluster.BaseAddress.GetAddressBytes()) + ((uint)index << (32 - Bits));
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, first);
        return new IPNetwork(new IPAddress(bytes), Bits);
    }
}
