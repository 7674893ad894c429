using System.Buffers.Binary;
using System.Text;

namespace Kaji.Network.Dns;

/// <summary>Writes an answer, names compressed. What does not fit the asker's size is left out whole and TC set, so that it asks again over TCP.</summary>
internal sealed class DnsWriter
{
    private const ushort Internet = 1;
    private readonly byte[] _buffer;
    private readonly Dictionary<string, int> _names = new(StringComparer.Ordinal);
    private int _at;

    private DnsWriter(int limit) => _buffer = new byte[limit];

    /// <summary>The bytes of an authoritative answer of at most <paramref name="limit"/> bytes.</summary>
    public static byte[] Write(DnsQuery query, DnsAnswer answer, string zone, uint ttl, uint serial, int limit)
    {
        var writer = new DnsWriter(Math.Max(limit, 512));
        writer.Question(query);
        var edns = query.EdnsSize > 0 ? 11 : 0;
        var answers = 0;
        var authorities = 0;
        var additional = 0;
        var truncated = false;
        foreach (var record in answer.Records)
        {
            if (!writer.Try(record, ttl, edns))
            {
                truncated = true;
                break;
            }

            answers++;
        }

        if (answer.Records.Count == 0 && writer.TrySoa(zone, ttl, serial, edns))
        {
            authorities = 1;
        }

        foreach (var record in answer.Additional)
        {
            if (truncated || !writer.Try(record, ttl, edns))
            {
                break;
            }

            additional++;
        }

        if (edns > 0)
        {
            writer.Opt();
            additional++;
        }

        writer.Header(query, answer.Code, authoritative: true, truncated, answers, authorities, additional);
        return writer._buffer[..writer._at];
    }

    /// <summary>An answer with nothing but a code.</summary>
    public static byte[] Error(DnsQuery query, DnsCode code)
    {
        var writer = new DnsWriter(512);
        writer.Question(query);
        if (query.EdnsSize > 0)
        {
            writer.Opt();
        }

        writer.Header(query, code, authoritative: false, truncated: false, 0, 0, query.EdnsSize > 0 ? 1 : 0);
        return writer._buffer[..writer._at];
    }

    /// <summary>The same for bytes that could not be read as a query.</summary>
    public static byte[] Error(ReadOnlySpan<byte> message, DnsCode code)
    {
        var answer = new byte[12];
        message[..2].CopyTo(answer);
        answer[2] = (byte)(0x80 | (message[2] & 0x79));
        answer[3] = (byte)code;
        return answer;
    }

    /// <summary>The answer shortened to its question with TC set.</summary>
    public static byte[] Truncated(DnsQuery query)
    {
        var writer = new DnsWriter(512);
        writer.Question(query);
        writer.Header(query, DnsCode.NoError, authoritative: false, truncated: true, 0, 0, 0);
        return writer._buffer[..writer._at];
    }

    private void Question(DnsQuery query)
    {
        _at = 12;
        _names[query.Name] = 12;
        query.Question.CopyTo(_buffer, _at);
        _at += query.Question.Length;
    }

    private void Header(DnsQuery query, DnsCode code, bool authoritative, bool truncated, int answers, int authorities, int additional)
    {
        var span = _buffer.AsSpan();
        BinaryPrimitives.WriteUInt16BigEndian(span, query.Id);
        span[2] = (byte)(0x80 | (authoritative ? 4 : 0) | (truncated ? 2 : 0) | (query.RecursionDesired ? 1 : 0));
        span[3] = (byte)(0x80 | (int)code);
        BinaryPrimitives.WriteUInt16BigEndian(span[4..], 1);
        BinaryPrimitives.WriteUInt16BigEndian(span[6..], (ushort)answers);
        BinaryPrimitives.WriteUInt16BigEndian(span[8..], (ushort)authorities);
        BinaryPrimitives.WriteUInt16BigEndian(span[10..], (ushort)additional);
    }

    private bool Try(DnsData record, uint ttl, int reserve)
    {
        var text = Encoding.UTF8.GetBytes(record.Text);
        // The most it can take, without compression.
        var size = record.Name.Length + record.Target.Length + text.Length + 2 + 2 + 10 + 6 + 16;
        if (_at + size + reserve > _buffer.Length)
        {
            return false;
        }

        var data = Start(record.Name, record.Type, ttl);
        switch (record.Type)
        {
            case DnsType.A or DnsType.Aaaa:
                record.Address!.TryWriteBytes(_buffer.AsSpan(_at), out var written);
                _at += written;
                break;
            case DnsType.Srv:
                U16(0);
                U16(100);
                U16((ushort)record.Port);
                // RFC 2782: the target is not compressed.
                Name(record.Target, compress: false);
                break;
            case DnsType.Txt:
                _buffer[_at++] = (byte)text.Length;
                text.CopyTo(_buffer, _at);
                _at += text.Length;
                break;
            default:
                Name(record.Target);
                break;
        }

        End(data);
        return true;
    }

    private bool TrySoa(string zone, uint ttl, uint serial, int reserve)
    {
        if (_at + (3 * zone.Length) + 60 + reserve > _buffer.Length)
        {
            return false;
        }

        var data = Start(zone, DnsType.Soa, ttl);
        Name("ns.dns." + zone);
        Name("hostmaster." + zone);
        U32(serial);
        U32(7200);
        U32(1800);
        U32(86400);
        U32(ttl);
        End(data);
        return true;
    }

    private void Opt()
    {
        _buffer[_at++] = 0;
        U16(DnsType.Opt);
        U16(1232);
        U32(0);
        U16(0);
    }

    private int Start(string name, ushort type, uint ttl)
    {
        Name(name);
        U16(type);
        U16(Internet);
        U32(ttl);
        U16(0);
        return _at;
    }

    private void End(int data) => BinaryPrimitives.WriteUInt16BigEndian(_buffer.AsSpan(data - 2), (ushort)(_at - data));

    private void Name(string name, bool compress = true)
    {
        while (name.Length > 0)
        {
            if (compress && _names.TryGetValue(name, out var earlier))
            {
                U16((ushort)(0xc000 | earlier));
                return;
            }

            if (compress && _at < 0x3fff)
            {
                _names[name] = _at;
            }

            var dot = name.IndexOf('.');
            var label = dot < 0 ? name : name[..dot];
            _buffer[_at++] = (byte)label.Length;
            _at += Encoding.ASCII.GetBytes(label, _buffer.AsSpan(_at));
            name = dot < 0 ? "" : name[(dot + 1)..];
        }

        _buffer[_at++] = 0;
    }

    private void U16(ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(_buffer.AsSpan(_at), value);
        _at += 2;
    }

    private void U32(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(_buffer.AsSpan(_at), value);
        _at += 4;
    }
}
