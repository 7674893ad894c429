using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Registry;
using Kaji.Store;

namespace Kaji.ApiServer.Bootstrap;

/// <summary>Takes from those who watch Leases what they have counted, before a server that was away serves again.</summary>
public static class HeldLeases
{
    /// <summary>
    /// Rewrites Leases as they are: whoever has counted how long one stood still begins anew, since a write over the version that he saw is refused. Past admission, for nothing of an object changes and
    /// nobody may stand in its way.
    /// </summary>
    /// <param name="select">By its labels.</param>
    /// <exception cref="StoreException">The disk is full, or broken.</exception>
    public static Task RewriteAsync(IRevisionStore store, Predicate<JsonObject> select, CancellationToken cancellationToken)
    {
        var leases = store.Range("/registry/coordination.k8s.io/leases/").Entries.Select(e => (Entry: e, Lease: ObjectCodec.Stored(e.Value)));
        return Task.WhenAll(leases.Where(l => l.Lease.Obj("metadata")?.Obj("labels") is { } labels && select(labels)).Select(l =>
        {
            var (value, offset) = ObjectCodec.ForStore(l.Lease);
            return store.WriteAsync(new Write(WriteKind.Update, l.Entry.Key, value, l.Entry.Revision, offset), cancellationToken).AsTask();
        }));
    }
}
