using System.Text;

namespace Kaji.Store.Tests;

/// <summary>A directory for one test's store, and short words for what tests do with it.</summary>
internal sealed class StoreDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("kaji-store-").FullName;

    public static Write Create(string key, string value) => new(WriteKind.Create, key, Encoding.UTF8.GetBytes(value));

    public static Write Update(string key, string value, long expected = 0) => new(WriteKind.Update, key, Encoding.UTF8.GetBytes(value), expected);

    public static Write Delete(string key, long expected = 0) => new(WriteKind.Delete, key, default, expected);

    public static string Text(Entry? entry) => entry is null ? "" : Encoding.UTF8.GetString(entry.Value.Span);

    public RevisionStore Open(StoreOptions? options = null) => RevisionStore.Open((options ?? new StoreOptions { Directory = Path }) with { Directory = Path });

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
