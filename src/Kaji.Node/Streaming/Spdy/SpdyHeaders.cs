using System.Buffers.Binary;
using System.Text;
using ICSharpCode.SharpZipLib;
using ICSharpCode.SharpZipLib.Zip.Compression;

namespace Kaji.Node.Streaming.Spdy;

/// <summary>Reads header blocks. One inflater lives as long as the session: each block goes on where the last one was flushed.</summary>
internal sealed class SpdyHeaderReader
{
    private const int MaxBytes = 64 * 1024;
    private readonly Inflater _inflater = new();

    /// <param name="block">The compressed block of one frame.</param>
    /// <exception cref="SpdyException">It is not what SPDY/3 says.</exception>
    public IReadOnlyDictionary<string, string> Read(byte[] block)
    {
        var plain = Inflate(block);
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var rest = plain.AsSpan();
        for (var pairs = Number(ref rest); pairs > 0; pairs--)
        {
            var name = Text(ref rest);

            // Several values of a name are separated by NUL: the first is the one that our headers have.
            headers[name] = Text(ref rest).Split('\0')[0];
        }

        return headers;
    }

    private byte[] Inflate(byte[] block)
    {
        try
        {
            _inflater.SetInput(block);
            using var plain = new MemoryStream();
            var piece = new byte[1024];
            while (true)
            {
                var count = _inflater.Inflate(piece);
                plain.Write(piece, 0, count);
                if (plain.Length > MaxBytes)
                {
                    throw new SpdyException("headers too large");
                }

                if (_inflater.IsNeedingDictionary)
                {
                    _inflater.SetDictionary(SpdyDictionary.Bytes);
                }
                else if (count == 0)
                {
                    return plain.ToArray();
                }
            }
        }
        catch (SharpZipBaseException e)
        {
            throw new SpdyException($"headers can't be inflated: {e.Message}");
        }
    }

    private static int Number(ref Span<byte> rest)
    {
        if (rest.Length < 4 || BinaryPrimitives.ReadInt32BigEndian(rest) is < 0 or > MaxBytes)
        {
            throw new SpdyException("header block cut short");
        }

        var number = BinaryPrimitives.ReadInt32BigEndian(rest);
        rest = rest[4..];
        return number;
    }

    private static string Text(ref Span<byte> rest)
    {
        var length = Number(ref rest);
        if (length > rest.Length)
        {
            throw new SpdyException("header block cut short");
        }

        var text = Encoding.UTF8.GetString(rest[..length]);
        rest = rest[length..];
        return text;
    }
}

/// <summary>
/// Writes header blocks. Ours are few and tiny, so they are stored, not compressed: a zlib header once, then per block one stored deflate block and an empty
/// one, which is a sync flush. Go's inflater hands data out only at such a flush.
/// Worked example, the first block without headers: <c>78 BB E3 C6 A7 C2 | 00 04 00 FB FF 00 00 00 00 | 00 00 00 FF FF</c>.
/// </summary>
internal sealed class SpdyHeaderWriter
{
    private bool _begun;

    public byte[] Write(IReadOnlyCollection<KeyValuePair<string, string>> headers)
    {
        using var plain = new MemoryStream();
        Number(plain, headers.Count);
        foreach (var (name, value) in headers)
        {
            Text(plain, name.ToLowerInvariant());
            Text(plain, value);
        }

        if (plain.Length > ushort.MaxValue)
        {
            throw new SpdyException("headers too large");
        }

        using var block = new MemoryStream();
        if (!_begun)
        {
            block.Write([0x78, 0xBB, 0xE3, 0xC6, 0xA7, 0xC2]);
            _begun = true;
        }

        Span<byte> stored = stackalloc byte[5];
        BinaryPrimitives.WriteUInt16LittleEndian(stored[1..], (ushort)plain.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(stored[3..], (ushort)~plain.Length);
        stored[0] = 0;
        block.Write(stored);
        plain.WriteTo(block);
        block.Write([0, 0, 0, 0xFF, 0xFF]);
        return block.ToArray();
    }

    private static void Number(MemoryStream to, int number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, number);
        to.Write(bytes);
    }

    private static void Text(MemoryStream to, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Number(to, bytes.Length);
        to.Write(bytes);
    }
}

/// <summary>The other end does not speak SPDY/3.1 as specified; the session ends.</summary>
internal sealed class SpdyException(string message) : IOException($"SPDY: {message}");
