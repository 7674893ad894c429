using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Kaji.Network.Dns;

/// <summary>
/// Asks the host's resolvers about other names: UDP from a fresh port with a random id (an answer must match both and the question), TCP when the answer is cut.
/// Bounded; null when nobody answers in time.
/// </summary>
internal sealed class DnsForwarder(ClusterDnsOptions options, IReadOnlyList<IPEndPoint> upstreams, TimeProvider time) : IDisposable
{
    private const int Rounds = 2;
    private readonly DnsCache _cache = new(options.CacheEntries, options.CacheTime, time);
    private readonly SemaphoreSlim _slots = new(options.MaxForwards, options.MaxForwards);

    /// <summary>Those of resolv.conf, without our own addresses (that would be a loop).</summary>
    public static List<IPEndPoint> ReadResolvConf(string path, IReadOnlyList<IPEndPoint> own)
    {
        if (!File.Exists(path))
        {
            return [];
        }

        return [.. File.ReadLines(path).Select(l => l.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
            .Where(p => p.Length >= 2 && p[0] == "nameserver" && IPAddress.TryParse(p[1], out _))
            .Select(p => new IPEndPoint(IPAddress.Parse(p[1]), 53)).Where(e => !own.Contains(e)).Take(3)];
    }

    public async Task<byte[]?> AskAsync(DnsQuery query, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        if (_cache.Find(query) is { } kept)
        {
            return kept;
        }

        if (upstreams.Count == 0 || !_slots.Wait(0, CancellationToken.None))
        {
            return null;
        }

        try
        {
            for (var attempt = 0; attempt < upstreams.Count * Rounds; attempt++)
            {
                using var limit = new CancellationTokenSource(options.UpstreamTimeout, time);
                using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
                if (await TryAsync(upstreams[attempt % upstreams.Count], query, message, both.Token) is { } answer)
                {
                    _cache.Add(query, answer);
                    return answer;
                }

                cancellationToken.ThrowIfCancellationRequested();
            }

            return null;
        }
        finally
        {
            _slots.Release();
        }
    }

    public void Dispose() => _slots.Dispose();

    private static async Task<byte[]?> TryAsync(IPEndPoint upstream, DnsQuery query, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        var sent = message.ToArray();
        var id = (ushort)RandomNumberGenerator.GetInt32(0x10000);
        BinaryPrimitives.WriteUInt16BigEndian(sent, id);
        try
        {
            var answer = await OverUdpAsync(upstream, query, sent, cancellationToken);
            if ((answer[2] & 2) != 0)
            {
                answer = await OverTcpAsync(upstream, query, sent, cancellationToken) ?? answer;
            }

            BinaryPrimitives.WriteUInt16BigEndian(answer, query.Id);
            return answer;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or EndOfStreamException or IOException)
        {
            return null; // The next one is asked; when all are silent the caller answers SERVFAIL.
        }
    }

    private static async Task<byte[]> OverUdpAsync(IPEndPoint upstream, DnsQuery query, byte[] sent, CancellationToken cancellationToken)
    {
        using var socket = new Socket(upstream.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        await socket.ConnectAsync(upstream, cancellationToken);
        await socket.SendAsync(sent, cancellationToken);
        var buffer = new byte[4096];
        while (true)
        {
            var count = await socket.ReceiveAsync(buffer, cancellationToken);
            if (Matches(query, sent, buffer.AsSpan(0, count)))
            {
                return buffer[..count];
            }
        }
    }

    private static async Task<byte[]?> OverTcpAsync(IPEndPoint upstream, DnsQuery query, byte[] sent, CancellationToken cancellationToken)
    {
        using var socket = new Socket(upstream.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(upstream, cancellationToken);
        await using var stream = new NetworkStream(socket);
        var framed = new byte[sent.Length + 2];
        BinaryPrimitives.WriteUInt16BigEndian(framed, (ushort)sent.Length);
        sent.CopyTo(framed, 2);
        await stream.WriteAsync(framed, cancellationToken);
        var head = new byte[2];
        await stream.ReadExactlyAsync(head, cancellationToken);
        var answer = new byte[BinaryPrimitives.ReadUInt16BigEndian(head)];
        await stream.ReadExactlyAsync(answer, cancellationToken);
        return Matches(query, sent, answer) ? answer : null;
    }

    private static bool Matches(DnsQuery query, ReadOnlySpan<byte> sent, ReadOnlySpan<byte> answer)
    {
        var offset = 12;
        return answer.Length >= 12 + query.Question.Length
            && answer[..2].SequenceEqual(sent[..2])
            && (answer[2] & 0x80) != 0
            && DnsName.TryRead(answer, ref offset, out var name)
            && offset == 12 + query.Question.Length - 4
            && name == query.Name
            && answer.Slice(offset, 4).SequenceEqual(query.Question.AsSpan()[^4..]);
    }
}
