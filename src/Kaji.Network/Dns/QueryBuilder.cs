using System.Text;

namespace Kaji.Network.Dns;

/// <summary>A query of our own, for the target of an ExternalName.</summary>
internal static class QueryBuilder
{
    public static (DnsQuery Query, byte[] Message) Build(string name, ushort type)
    {
        var message = new List<byte> { 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
        foreach (var label in name.Split('.'))
        {
            message.Add((byte)label.Length);
            message.AddRange(Encoding.ASCII.GetBytes(label));
        }

        message.AddRange([0, (byte)(type >> 8), (byte)type, 0, 1]);
        var bytes = message.ToArray();
        return (new DnsQuery { Id = 0, RecursionDesired = true, Name = name.ToLowerInvariant(), Type = type, Class = 1, Question = bytes[12..], EdnsSize = 0 }, bytes);
    }
}
