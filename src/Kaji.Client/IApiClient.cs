using k8s;
using k8s.Models;

namespace Kaji.Client;

/// <summary>
/// The only way in which controllers, scheduler, node agent, proxy and bots reach the cluster: typed calls over an <see cref="HttpMessageInvoker"/>,
/// which is a socket to a remote API server or the in-process pipeline. Failures are <see cref="ApiException"/> with the server's Status.
/// </summary>
public interface IApiClient
{
    /// <summary>Reads one object. <paramref name="ns"/> is null for cluster-scoped kinds.</summary>
    Task<T> GetAsync<T>(ResourceKind<T> kind, string? ns, string name, CancellationToken cancellationToken = default) where T : class, IKubernetesObject<V1ObjectMeta>;

    /// <summary>As <see cref="GetAsync{T}"/>, null on 404.</summary>
    Task<T?> FindAsync<T>(ResourceKind<T> kind, string? ns, string name, CancellationToken cancellationToken = default) where T : class, IKubernetesObject<V1ObjectMeta>;

    /// <summary>Lists; <paramref name="ns"/> null means all namespaces.</summary>
    Task<ObjectList<T>> ListAsync<T>(ResourceKind<T> kind, string? ns, ListOptions? options = null, CancellationToken cancellationToken = default) where T : class, IKubernetesObject<V1ObjectMeta>;

    /// <summary>Watches until the server ends the stream. A 410 is an <see cref="ApiException"/> with <see cref="ApiException.IsGone"/>.</summary>
    IAsyncEnumerable<WatchEvent<T>> WatchAsync<T>(ResourceKind<T> kind, string? ns, ListOptions options, CancellationToken cancellationToken = default) where T : class, IKubernetesObject<V1ObjectMeta>;

    /// <summary>Whether an object would be created: the server does everything but keep it (dryRun).</summary>
    Task TryCreateAsync<T>(ResourceKind<T> kind, T obj, CancellationToken cancellationToken = default) where T : class, IKubernetesObject<V1ObjectMeta>;

    /// <summary>Creates; the namespace is the object's.</summary>
    Task<T> CreateAsync<T>(ResourceKind<T> kind, T obj, CancellationToken cancellationToken = default) where T : class, IKubernetesObject<V1ObjectMeta>;

    /// <summary>Replaces, checked against the object's resourceVersion.</summary>
    Task<T> UpdateAsync<T>(ResourceKind<T> kind, T obj, string? subresource = null, CancellationToken cancellationToken = default) where T : class, IKubernetesObject<V1ObjectMeta>;

    /// <summary>Patches.</summary>
    Task<T> PatchAsync<T>(ResourceKind<T> kind, string? ns, string name, Patch patch, string? subresource = null, CancellationToken cancellationToken = default) where T : class, IKubernetesObject<V1ObjectMeta>;

    /// <summary>Deletes; a 404 is not an error (returns false).</summary>
    Task<bool> DeleteAsync<T>(ResourceKind<T> kind, string? ns, string name, V1DeleteOptions? options = null, CancellationToken cancellationToken = default) where T : class, IKubernetesObject<V1ObjectMeta>;

    /// <summary>POSTs <paramref name="body"/> to a subresource, as <c>binding</c>, <c>eviction</c>, <c>token</c>; returns what the server answered.</summary>
    Task<TBody> CreateSubresourceAsync<T, TBody>(ResourceKind<T> kind, string? ns, string name, string subresource, TBody body, CancellationToken cancellationToken = default)
        where T : class, IKubernetesObject<V1ObjectMeta> where TBody : class;

    /// <summary>Any request relative to the server's root, with this client's identity; the caller disposes the response. Not 2xx is returned, not thrown.</summary>
    Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken = default);
}

/// <summary>Options of list and watch, named as the query parameters.</summary>
public sealed record ListOptions
{
    public string? LabelSelector { get; init; }

    public string? FieldSelector { get; init; }

    public string? ResourceVersion { get; init; }

    public string? ResourceVersionMatch { get; init; }

    /// <summary>Page size; 0 for all.</summary>
    public int Limit { get; init; }

    public string? Continue { get; init; }

    public bool AllowWatchBookmarks { get; init; }

    /// <summary>Server-side bound of a watch, in seconds; 0 for the server's own.</summary>
    public int TimeoutSeconds { get; init; }
}

/// <summary>A list with what its metadata says.</summary>
public sealed record ObjectList<T>(IReadOnlyList<T> Items, string ResourceVersion, string? Continue);

/// <summary>ADDED, MODIFIED, DELETED or BOOKMARK (whose object has only a resourceVersion).</summary>
public readonly record struct WatchEvent<T>(WatchEventType Type, T Object);

/// <summary>A patch and its media type.</summary>
public sealed record Patch(string ContentType, ReadOnlyMemory<byte> Body)
{
    /// <summary>RFC 7386.</summary>
    public static Patch Merge(ReadOnlyMemory<byte> utf8) => new("application/merge-patch+json", utf8);

    /// <summary>Kubernetes' strategic merge patch.</summary>
    public static Patch StrategicMerge(ReadOnlyMemory<byte> utf8) => new("application/strategic-merge-patch+json", utf8);

    /// <summary>RFC 6902.</summary>
    public static Patch Json(ReadOnlyMemory<byte> utf8) => new("application/json-patch+json", utf8);
}

/// <summary>The types of watch events that reach a caller; ERROR becomes an <see cref="ApiException"/>.</summary>
public enum WatchEventType
{
    Added,
    Modified,
    Deleted,
    Bookmark,
}
