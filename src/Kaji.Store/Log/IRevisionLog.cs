namespace Kaji.Store.Log;

/// <summary>
/// Where committed writes are kept: the seam between the store's verbs and an engine. SQLite is one; etcd can be another.
/// Called from one thread at a time. Faults are <see cref="StoreException"/>.
/// </summary>
internal interface IRevisionLog : IDisposable
{
    /// <summary>Opens, checks, and hands every live entry to <paramref name="entry"/>; returns the newest revision.</summary>
    long Open(Action<Entry> entry);

    /// <summary>Makes a batch durable, all or nothing, before it returns.</summary>
    void Append(IReadOnlyList<StoreEvent> batch);
}
