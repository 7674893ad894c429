using System.Text.Json.Nodes;

namespace Kaji.EndToEnd.Bots;

/// <summary>The paper exchange's own account of who did what: the witness of every test about bots.</summary>
/// <param name="read">Reads the lines after a number.</param>
public sealed class Journal(Func<long, Task<string>> read, Func<Task<string>> openOrders)
{
    private readonly List<Entry> _entries = [];

    /// <summary>What a bot did, as numbered by the exchange.</summary>
    public sealed record Entry(long Number, string Event, string Account, string Order, long? Epoch);

    /// <summary>All entries so far.</summary>
    public async Task<IReadOnlyList<Entry>> ReadAsync()
    {
        while (true)
        {
            var lines = (await read(_entries.Count == 0 ? 0 : _entries[^1].Number)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            foreach (var line in lines)
            {
                var json = JsonNode.Parse(line)!;
                _entries.Add(new Entry((long)json["number"]!, (string)json["event"]!, (string)json["account"]!, (string)json["clientOrderId"]!, json["epoch"] is { } epoch ? long.Parse((string)epoch!) : null));
            }

            if (lines.Length < 1000)
            {
                return _entries;
            }
        }
    }

    /// <summary>The newest epoch that an account acted under.</summary>
    public async Task<long> EpochAsync(string account) => (await ReadAsync()).LastOrDefault(e => e.Account == account && e.Epoch is not null)?.Epoch ?? 0;

    /// <summary>Fails unless each epoch of each account has acted for the last time before the next one acted for the first.</summary>
    public async Task NoOverlapAsync()
    {
        foreach (var account in (await ReadAsync()).Where(e => e.Epoch is not null).GroupBy(e => e.Account, StringComparer.Ordinal))
        {
            var newest = 0L;
            foreach (var entry in account)
            {
                Assert.True(entry.Epoch >= newest, $"account {account.Key}: epoch {entry.Epoch} acted ({entry.Event}, entry {entry.Number}) after epoch {newest} had");
                newest = entry.Epoch!.Value;
            }
        }
    }

    /// <summary>Open orders, with the epoch that placed each.</summary>
    public async Task<IReadOnlyList<(string Account, long? Epoch)>> OpenAsync()
    {
        var open = JsonNode.Parse(await openOrders())!.AsArray().Select(o => ((string)o!["account"]!, (string)o["clientOrderId"]!)).ToArray();
        var entries = await ReadAsync();
        return [.. open.Select(o => (o.Item1, entries.LastOrDefault(e => e.Account == o.Item1 && e.Order == o.Item2 && e.Event == "placed")?.Epoch))];
    }
}
