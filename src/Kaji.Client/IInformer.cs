using k8s;
using k8s.Models;

namespace Kaji.Client;

/// <summary>
/// A local copy of a collection kept by list-then-watch. Objects are shared: readers never change them (copy first: the models are records).
/// </summary>
public interface IInformer<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    /// <summary>All objects, in no order; a snapshot.</summary>
    IReadOnlyCollection<T> List();

    /// <summary>Objects of a namespace.</summary>
    IReadOnlyCollection<T> List(string ns);

    /// <summary>One object; <paramref name="ns"/> null or empty for cluster-scoped.</summary>
    T? Get(string? ns, string name);

    /// <summary>Calls back on each change, in order, on the informer's loop (be quick: enqueue a key). Existing objects are replayed as added.</summary>
    void Subscribe(Action<InformerEvent<T>> handler);

    /// <summary>Whether the first list has been taken in.</summary>
    bool HasSynced { get; }

    /// <summary>Completes after the first list.</summary>
    Task WaitForSyncAsync(CancellationToken cancellationToken = default);
}

/// <summary>A change an informer saw: old is null for added, new is null for deleted.</summary>
public readonly record struct InformerEvent<T>(T? Old, T? New)
    where T : class
{
    /// <summary>The newest state known.</summary>
    public T Object => New ?? Old ?? throw new InvalidOperationException("An event has an object.");
}
