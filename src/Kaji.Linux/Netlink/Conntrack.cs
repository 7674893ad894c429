using System.Buffers.Binary;
using System.Net;

namespace Kaji.Linux.Netlink;

/// <summary>A tracked connection: how its first packet looked, and how its answers look (after NAT).</summary>
public readonly record struct ConntrackFlow(byte Protocol, IPAddress Source, IPAddress Destination, int DestinationPort, IPAddress ReplySource, int ReplySourcePort);

/// <summary>
/// The kernel's connection table through ctnetlink. A UDP "connection" lives as long as packets come, so a client would stay with an endpoint that is gone:
/// the service proxy deletes those entries.
/// </summary>
public static class Conntrack
{
    private const ushort Get = (1 << 8) | 1;
    private const ushort Delete = (1 << 8) | 2;
    private const ushort TupleOriginal = 1;
    private const ushort TupleReply = 2;

    /// <summary>Deletes the IPv4 entries that <paramref name="match"/> chooses; returns how many.</summary>
    public static int DeleteWhere(Func<ConntrackFlow, bool> match)
    {
        using var socket = new NetlinkSocket(NetlinkSocket.Netfilter);
        byte[] head = [2, 0, 0, 0];
        var chosen = new List<byte[]>();
        socket.Dump(new NetlinkMessage(Get, NetlinkSocket.FlagRequest | NetlinkSocket.FlagDump).Struct(head), "list connections", (_, payload) =>
        {
            var original = NetlinkAttributes.Find(payload[4..], TupleOriginal);
            if (Parse(original, NetlinkAttributes.Find(payload[4..], TupleReply)) is { } flow && match(flow))
            {
                chosen.Add(original.ToArray());
            }
        });
        var count = 0;
        foreach (var tuple in chosen)
        {
            try
            {
                socket.Request(new NetlinkMessage(Delete, NetlinkSocket.FlagRequest | NetlinkSocket.FlagAck).Struct(head).Bytes(TupleOriginal | 0x8000, tuple), "delete connection");
                count++;
            }
            catch (NetlinkException e) when (e.Errno == NetlinkException.ENOENT)
            {
                // It ended by itself in the meantime.
            }
        }

        return count;
    }

    private static ConntrackFlow? Parse(ReadOnlySpan<byte> original, ReadOnlySpan<byte> reply)
    {
        var ip = NetlinkAttributes.Find(original, 1);
        var proto = NetlinkAttributes.Find(original, 2);
        var number = NetlinkAttributes.Find(proto, 1);
        var source = NetlinkAttributes.Find(ip, 1);
        var destination = NetlinkAttributes.Find(ip, 2);
        var port = NetlinkAttributes.Find(proto, 3);
        var replySource = NetlinkAttributes.Find(NetlinkAttributes.Find(reply, 1), 1);
        var replyPort = NetlinkAttributes.Find(NetlinkAttributes.Find(reply, 2), 2);
        if (number.Length < 1 || source.Length != 4 || destination.Length != 4 || replySource.Length != 4 || port.Length != 2 || replyPort.Length != 2)
        {
            return null;
        }

        return new ConntrackFlow(number[0], new IPAddress(source), new IPAddress(destination), BinaryPrimitives.ReadUInt16BigEndian(port),
            new IPAddress(replySource), BinaryPrimitives.ReadUInt16BigEndian(replyPort));
    }
}
