using System.Text;
using Kaji.Store;

namespace Kaji.Simulation;

/// <summary>
/// The process that is killed: this same executable, running this one test with KAJI_KILLED_WRITER=DIR. It writes without end from several writers and
/// prints <c>KEY REVISION COUNT</c> after each acknowledged write.
/// </summary>
public sealed class KilledWriter
{
    public const string Variable = "KAJI_KILLED_WRITER";
    private const int Writers = 16, Keys = 40;

    public static bool IsAsked => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 };

    [Fact(Explicit = true)]
    public Task WriteUntilKilled()
    {
        Assert.True(IsAsked, $"{Variable} says where to write");
        return RunAsync(Environment.GetEnvironmentVariable(Variable)!);
    }

    private static async Task RunAsync(string directory)
    {
        await using var store = RevisionStore.Open(new StoreOptions { Directory = directory });
        var output = TextWriter.Synchronized(new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true });
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(async writer =>
        {
            for (var i = 0; ; i++)
            {
                var key = $"/registry/core/configmaps/w{writer}/k{i % Keys}";
                var present = store.Get(key);
                var count = present is null ? 1 : int.Parse(Encoding.UTF8.GetString(present.Value.Span[..10]), System.Globalization.CultureInfo.InvariantCulture) + 1;
                var value = Encoding.UTF8.GetBytes($"{count:D10}{new string('v', 300)}");
                var result = await store.WriteAsync(new Write(present is null ? WriteKind.Create : WriteKind.Update, key, value, present?.Revision ?? 0));
                await output.WriteLineAsync($"{key} {result.Entry!.Revision} {count}");
            }
        }));
    }
}
