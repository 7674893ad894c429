using System.Buffers.Binary;
using System.Net;

namespace Kaji.Network.Addresses;

/// <summary>IPv4 addresses as numbers, for counting through a range.</summary>
internal static class Ipv4
{
    public static uint ToNumber(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[4];
        return address.TryWriteBytes(bytes, out var count) && count == 4
            ? BinaryPrimitives.ReadUInt32BigEndian(bytes)
            : throw new ArgumentException($"{address} is not an IPv4 address.", nameof(address));
    }

    public static IPAddress FromNumber(uint number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        return new IPAddress(bytes);
    }

    /// <summary>The address <paramref name="offset"/> places into a network.</summary>
    public static IPAddress At(IPNetwork network, uint offset) => FromNumber(ToNumber(network.BaseAddress) + offset);

    public static uint Size(IPNetwork network) => network.PrefixLength == 0 ? uint.MaxValue : 1u << (32 - network.PrefixLength);

    public static bool Overlaps(IPNetwork a, IPNetwork b) => a.Contains(b.BaseAddress) || b.Contains(a.BaseAddress);
}
