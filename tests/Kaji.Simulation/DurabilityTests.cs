using System.Diagnostics;
using System.Globalization;
using System.Text;
using Kaji.Store;

namespace Kaji.Simulation;

public sealed class DurabilityTests
{
    private const int Rounds = 20;

    [Fact]
    public async Task KillNine_UnderLoad_LosesNothingAcknowledged()
    {
        var directory = Directory.CreateTempSubdirectory("kaji-kill-").FullName;
        try
        {
            var random = new Random(4711);
            var acknowledged = new Dictionary<string, (long Revision, int Count)>(StringComparer.Ordinal);
            for (var round = 0; round < Rounds; round++)
            {
                var before = acknowledged.Values.Select(a => a.Revision).DefaultIfEmpty(0).Max();
                await WriteAndKillAsync(directory, random.Next(200, 1500), acknowledged);
                Assert.True(acknowledged.Values.Max(a => a.Revision) > before);

                await using var store = RevisionStore.Open(new StoreOptions { Directory = directory });
                foreach (var (key, (revision, count)) in acknowledged.ToArray())
                {
                    var entry = store.Get(key);
                    Assert.NotNull(entry);

                    // At most one write of a key can be on its way when the process dies: committed, not yet told.
                    var found = int.Parse(Encoding.UTF8.GetString(entry.Value.Span[..10]), CultureInfo.InvariantCulture);
                    Assert.InRange(found, count, count + 1);
                    Assert.True(found == count ? entry.Revision == revision : entry.Revision > revision);
                    Assert.True(store.Revision >= entry.Revision);

                    // What was committed untold is there for good: the next round counts from it, and may again leave one write untold.
                    acknowledged[key] = (entry.Revision, found);
                }
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task WriteAndKillAsync(string directory, int lines, Dictionary<string, (long Revision, int Count)> acknowledged)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["--filter-method", "*WriteUntilKilled", "--explicit", "only"]) { RedirectStandardOutput = true };
        start.Environment[KilledWriter.Variable] = directory;
        using var writer = Process.Start(start)!;
        var text = new StringBuilder();
        var buffer = new char[4096];
        var killed = false;
        int count;
        while ((count = await writer.StandardOutput.ReadAsync(buffer)) > 0)
        {
            text.Append(buffer, 0, count);
            if (!killed && (lines -= buffer.AsSpan(0, count).Count('\n')) <= 0)
            {
                writer.Kill();
                killed = true;
            }
        }

        await writer.WaitForExitAsync();
        Assert.Equal(128 + 9, writer.ExitCode);

        // The last piece may be a line cut in two: not a whole acknowledgement.
        foreach (var line in text.ToString().Split('\n')[..^1].Where(l => l.StartsWith("/registry/", StringComparison.Ordinal)))
        {
            var parts = line.Split(' ');
            var revision = long.Parse(parts[1], CultureInfo.InvariantCulture);
            if (!acknowledged.TryGetValue(parts[0], out var last) || last.Revision < revision)
            {
                acknowledged[parts[0]] = (revision, int.Parse(parts[2], CultureInfo.InvariantCulture));
            }
        }
    }
}
