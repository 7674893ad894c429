using System.Buffers.Binary;

namespace Kaji.Network.Dns;

/// <summary>A resource record found in a message; the data is at <paramref name="DataOffset"/>, the time to live at <paramref name="TtlOffset"/>.</summary>
internal readonly record struct DnsRecord(string Name, ushort Type, ushort Class, uint Ttl, int TtlOffset, int DataOffset, int DataLength)
{
    public static bool TryRead(ReadOnlySpan<byte> message, ref int offset, out DnsRecord record)
    {
        record = default;
        if (!DnsName.TryRead(message, ref offset, out var name) || offset + 10 > message.Length)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadUInt16BigEndian(message[(offset + 8)..]);
        if (offset + 10 + length > message.Length)
        {
            return false;
        }

        record = new DnsRecord(name, BinaryPrimitives.ReadUInt16BigEndian(message[offset..]), BinaryPrimitives.ReadUInt16BigEndian(message[(offset + 2)..]),
            BinaryPrimitives.ReadUInt32BigEndian(message[(offset + 4)..]), offset + 4, offset + 10, length);
        offset += 10 + length;
        return true;
    }

    /// <summary>All records behind the question; null when the message is broken.</summary>
    public static List<DnsRecord>? ReadAll(ReadOnlySpan<byte> message)
    {
        if (message.Length < 12)
        {
            return null;
        }

        var offset = 12;
        for (var questions = BinaryPrimitives.ReadUInt16BigEndian(message[4..]); questions > 0; questions--)
        {
            if (!DnsName.TryRead(message, ref offset, out _) || (offset += 4) > message.Length)
            {
                return null;
            }
        }

        var records = new List<DnsRecord>();
        var count = BinaryPrimitives.ReadUInt16BigEndian(message[6..]) + BinaryPrimitives.ReadUInt16BigEndian(message[8..]) + BinaryPrimitives.ReadUInt16BigEndian(message[10..]);
        for (var i = 0; i < count; i++)
        {
            if (!TryRead(message, ref offset, out var record))
            {
                return null;
            }

            records.Add(record);
        }

        return records;
    }
}
