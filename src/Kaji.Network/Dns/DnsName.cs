using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Kaji.Network.Dns;

/// <summary>Names on the wire: labels with a length byte, ended by 0; two bytes 11xxxxxx xxxxxxxx point to an earlier place (RFC 1035, 4.1.4).</summary>
internal static class DnsName
{
    private const int MaxLength = 255;

    /// <summary>Reads a name and moves behind it. Pointers must go backwards, so a loop cannot be.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, ref int offset, out string name)
    {
        name = "";
        var text = new StringBuilder();
        var at = offset;
        var end = -1;
        var limit = offset;
        var total = 0;
        while (true)
        {
            if (at >= message.Length)
            {
                return false;
            }

            int length = message[at];
            if (length == 0)
            {
                offset = end < 0 ? at + 1 : end;
                name = text.ToString();
                return true;
            }

            if ((length & 0xc0) == 0xc0)
            {
                if (at + 2 > message.Length)
                {
                    return false;
                }

                var target = BinaryPrimitives.ReadUInt16BigEndian(message[at..]) & 0x3fff;
                if (target >= limit)
                {
                    return false;
                }

                end = end < 0 ? at + 2 : end;
                limit = target;
                at = target;
                continue;
            }

            total += length + 1;
            if ((length & 0xc0) != 0 || at + 1 + length > message.Length || total >= MaxLength)
            {
                return false;
            }

            if (text.Length > 0)
            {
                text.Append('.');
            }

            foreach (var b in message.Slice(at + 1, length))
            {
                if (b is > 0x20 and < 0x7f and not (byte)'.' and not (byte)'\\')
                {
                    text.Append(char.ToLowerInvariant((char)b));
                }
                else
                {
                    text.Append('\\').Append(b.ToString("d3", CultureInfo.InvariantCulture));
                }
            }

            at += 1 + length;
        }
    }

    /// <summary>Whether a name of our own making fits: labels of 1 to 63 plain characters, 253 in all.</summary>
    public static bool IsWritable(string name)
    {
        if (name.Length is 0 or > 253)
        {
            return false;
        }

        foreach (var range in name.AsSpan().Split('.'))
        {
            var label = name.AsSpan(range);
            if (label.Length is 0 or > 63 || label.ContainsAnyExceptInRange('!', '~') || label.Contains('\\'))
            {
                return false;
            }
        }

        return true;
    }
}
