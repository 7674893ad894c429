using System.Buffers.Binary;

namespace Kaji.Network.Dns;

/// <summary>
/// A query as it came: header (12 bytes: id, flags, counts), one question (name, type, class), perhaps an OPT record. For example
/// <c>1234 0100 0001 0000 0000 0000 | 03 web 07 default 03 svc … 00 | 0001 0001</c>. The question's bytes are given back in the answer as they are, since
/// some resolvers play with the case of letters and compare it.
/// </summary>
internal sealed record DnsQuery
{
    public required ushort Id { get; init; }

    public required bool RecursionDesired { get; init; }

    /// <summary>Lower case, without the final dot; bytes that are no plain label characters as <c>\DDD</c>.</summary>
    public required string Name { get; init; }

    public required ushort Type { get; init; }

    public required ushort Class { get; init; }

    /// <summary>Name, type and class as they came.</summary>
    public required byte[] Question { get; init; }

    /// <summary>What the asker takes over UDP; 0 without EDNS.</summary>
    public required int EdnsSize { get; init; }

    /// <summary>Reads a query; false when the bytes are none (then <paramref name="error"/> says what to answer, null for nothing).</summary>
    public static bool TryParse(ReadOnlySpan<byte> message, out DnsQuery? query, out DnsCode? error)
    {
        query = null;
        error = null;
        if (message.Length < 12 || (message[2] & 0x80) != 0)
        {
            return false;
        }

        error = DnsCode.FormatError;
        if ((message[2] & 0x78) != 0)
        {
            error = DnsCode.NotImplemented;
            return false;
        }

        var offset = 12;
        if (BinaryPrimitives.ReadUInt16BigEndian(message[4..]) != 1 || !DnsName.TryRead(message, ref offset, out var name) || offset + 4 > message.Length)
        {
            return false;
        }

        var end = offset + 4;
        var edns = 0;
        var rest = end;
        var others = BinaryPrimitives.ReadUInt16BigEndian(message[6..]) + BinaryPrimitives.ReadUInt16BigEndian(message[8..]) + BinaryPrimitives.ReadUInt16BigEndian(message[10..]);
        for (var i = 0; i < others; i++)
        {
            if (!DnsRecord.TryRead(message, ref rest, out var record))
            {
                return false;
            }

            if (record.Type == DnsType.Opt)
            {
                edns = Math.Max((int)record.Class, 512);
            }
        }

        error = null;
        query = new DnsQuery
        {
            Id = BinaryPrimitives.ReadUInt16BigEndian(message),
            RecursionDesired = (message[2] & 1) != 0,
            Name = name,
            Type = BinaryPrimitives.ReadUInt16BigEndian(message[offset..]),
            Class = BinaryPrimitives.ReadUInt16BigEndian(message[(offset + 2)..]),
            Question = message[12..end].ToArray(),
            EdnsSize = edns,
        };
        return true;
    }
}
