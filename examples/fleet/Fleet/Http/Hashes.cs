using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Fleet.Http;

/// <summary>
/// SHA-256 with HMAC, and SHA-1 for the WebSocket handshake (FIPS 180-4, RFC 2104). The framework's are OpenSSL's shared library, which a static program on an empty
/// image does not have. For a paper exchange; real programs use the framework's.
/// </summary>
internal static class Hashes
{
    private const int Block = 64;
    private static readonly uint[] K = Primes().Take(64).Select(p => Fraction(Math.Cbrt(p), p)).ToArray();
    private static readonly uint[] H = Primes().Take(8).Select(p => (uint)((Math.Sqrt(p) - Math.Floor(Math.Sqrt(p))) * 4294967296.0)).ToArray();

    public static byte[] HmacSha256(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data)
    {
        var inner = new byte[Block + data.Length];
        var outer = new byte[Block + 32];
        (key.Length > Block ? Sha256(key) : key).CopyTo(inner);
        inner.AsSpan(0, Block).CopyTo(outer);
        for (var i = 0; i < Block; i++)
        {
            inner[i] ^= 0x36;
            outer[i] ^= 0x5c;
        }

        data.CopyTo(inner.AsSpan(Block));
        Sha256(inner).CopyTo(outer, Block);
        return Sha256(outer);
    }

    public static byte[] Sha256(ReadOnlySpan<byte> data)
    {
        var h = (uint[])H.Clone();
        Span<uint> w = stackalloc uint[64];
        var message = Pad(data);
        for (var at = 0; at < message.Length; at += Block)
        {
            for (var i = 0; i < 64; i++)
            {
                w[i] = i < 16
                    ? BinaryPrimitives.ReadUInt32BigEndian(message.AsSpan(at + (i * 4)))
                    : w[i - 16] + Small(w[i - 15], 7, 18, 3) + w[i - 7] + Small(w[i - 2], 17, 19, 10);
            }

            var (a, b, c, d, e, f, g, x) = (h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]);
            for (var i = 0; i < 64; i++)
            {
                var t1 = x + Big(e, 6, 11, 25) + ((e & f) ^ (~e & g)) + K[i] + w[i];
                var t2 = Big(a, 2, 13, 22) + ((a & b) ^ (a & c) ^ (b & c));
                (x, g, f, e, d, c, b, a) = (g, f, e, d + t1, c, b, a, t1 + t2);
            }

            ReadOnlySpan<uint> add = [a, b, c, d, e, f, g, x];
            for (var i = 0; i < 8; i++)
            {
                h[i] += add[i];
            }
        }

        return Bytes(h);
    }

    public static byte[] Sha1(string text)
    {
        uint[] h = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
        Span<uint> w = stackalloc uint[80];
        var message = Pad(Encoding.ASCII.GetBytes(text));
        for (var at = 0; at < message.Length; at += Block)
        {
            for (var i = 0; i < 80; i++)
            {
                w[i] = i < 16 ? BinaryPrimitives.ReadUInt32BigEndian(message.AsSpan(at + (i * 4))) : BitOperations.RotateLeft(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
            }

            var (a, b, c, d, e) = (h[0], h[1], h[2], h[3], h[4]);
            for (var i = 0; i < 80; i++)
            {
                var (f, k) = (i / 20) switch
                {
                    0 => ((b & c) | (~b & d), 0x5a827999u),
                    1 => (b ^ c ^ d, 0x6ed9eba1u),
                    2 => ((b & c) | (b & d) | (c & d), 0x8f1bbcdcu),
                    _ => (b ^ c ^ d, 0xca62c1d6u),
                };
                (e, d, c, b, a) = (d, c, BitOperations.RotateLeft(b, 30), a, BitOperations.RotateLeft(a, 5) + f + e + k + w[i]);
            }

            h[0] += a;
            h[1] += b;
            h[2] += c;
            h[3] += d;
            h[4] += e;
        }

        return Bytes(h);
    }

    private static byte[] Pad(ReadOnlySpan<byte> data)
    {
        var padded = new byte[((data.Length + 8) / Block * Block) + Block];
        data.CopyTo(padded);
        padded[data.Length] = 0x80;
        BinaryPrimitives.WriteUInt64BigEndian(padded.AsSpan(padded.Length - 8), (ulong)data.Length * 8);
        return padded;
    }

    private static byte[] Bytes(uint[] words)
    {
        var bytes = new byte[words.Length * 4];
        for (var i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(i * 4), words[i]);
        }

        return bytes;
    }

    private static uint Small(uint v, int r1, int r2, int shift) => BitOperations.RotateRight(v, r1) ^ BitOperations.RotateRight(v, r2) ^ (v >> shift);

    private static uint Big(uint v, int r1, int r2, int r3) => BitOperations.RotateRight(v, r1) ^ BitOperations.RotateRight(v, r2) ^ BitOperations.RotateRight(v, r3);

    private static IEnumerable<int> Primes() => Enumerable.Range(2, 400).Where(n => Enumerable.Range(2, n - 2).All(d => n % d != 0));

    // The first 32 bits of the fraction of the cube root of p, found exactly: doubles alone may be off by one.
    private static uint Fraction(double root, int p)
    {
        var scaled = (BigInteger)(root * 4294967296.0);
        var target = (BigInteger)p << 96;
        while (scaled * scaled * scaled > target)
        {
            scaled--;
        }

        while ((scaled + 1) * (scaled + 1) * (scaled + 1) <= target)
        {
            scaled++;
        }

        return (uint)(scaled & uint.MaxValue);
    }
}
