using System.Buffers.Binary;

namespace Kaji.Network.Dns;

/// <summary>Forwarded answers by question, bounded: when full, those that ended go, then any. Given out with what is left of their time to live.</summary>
internal sealed class DnsCache(int capacity, TimeSpan longest, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Name, ushort Type, bool Edns), Entry> _entries = [];

    public byte[]? Find(DnsQuery query)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(Key(query), out var entry))
            {
                return null;
            }

            var age = time.GetElapsedTime(entry.Since);
            if (age >= entry.Time)
            {
                _entries.Remove(Key(query));
                return null;
            }

            var answer = entry.Message.ToArray();
            BinaryPrimitives.WriteUInt16BigEndian(answer, query.Id);
            foreach (var offset in entry.TtlOffsets)
            {
                var span = answer.AsSpan(offset);
                var ttl = BinaryPrimitives.ReadUInt32BigEndian(span);
                BinaryPrimitives.WriteUInt32BigEndian(span, ttl - Math.Min(ttl, (uint)age.TotalSeconds));
            }

            // The letters' case is the asker's.
            query.Question.CopyTo(answer, 12);
            return answer;
        }
    }

    public void Add(DnsQuery query, byte[] message)
    {
        var code = (DnsCode)(message[3] & 0xf);
        var truncated = (message[2] & 2) != 0;
        if (truncated || code is not (DnsCode.NoError or DnsCode.NameError) || DnsRecord.ReadAll(message) is not { Count: > 0 } records)
        {
            return;
        }

        var counted = records.Where(r => r.Type != DnsType.Opt).ToList();
        if (counted.Count == 0)
        {
            return;
        }

        var seconds = Math.Min(counted.Min(r => r.Ttl), (uint)longest.TotalSeconds);
        if (seconds == 0)
        {
            return;
        }

        lock (_lock)
        {
            if (_entries.Count >= capacity)
            {
                MakeRoom();
            }

            _entries[Key(query)] = new Entry(message, [.. counted.Select(r => r.TtlOffset)], time.GetTimestamp(), TimeSpan.FromSeconds(seconds));
        }
    }

    private void MakeRoom()
    {
        foreach (var (key, entry) in _entries)
        {
            if (time.GetElapsedTime(entry.Since) >= entry.Time)
            {
                _entries.Remove(key);
            }
        }

        foreach (var key in _entries.Keys.Take(_entries.Count - (capacity * 3 / 4)).ToList())
        {
            _entries.Remove(key);
        }
    }

    private static (string Name, ushort Type, bool Edns) Key(DnsQuery query) => (query.Name, query.Type, query.EdnsSize > 0);

    private sealed record Entry(byte[] Message, int[] TtlOffsets, long Since, TimeSpan Time);
}
