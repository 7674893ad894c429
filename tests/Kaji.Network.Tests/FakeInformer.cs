using k8s;
using k8s.Models;
using Kaji.Client;

namespace Kaji.Network.Tests;

/// <summary>An informer fed by the test.</summary>
internal sealed class FakeInformer<T> : IInformer<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, T> _objects = [];
    private readonly List<Action<InformerEvent<T>>> _handlers = [];

    public bool HasSynced => true;

    public IReadOnlyCollection<T> List()
    {
        lock (_lock)
        {
            return [.. _objects.Values];
        }
    }

    public IReadOnlyCollection<T> List(string ns) => [.. List().Where(o => o.Metadata.NamespaceProperty == ns)];

    public T? Get(string? ns, string name)
    {
        lock (_lock)
        {
            return _objects.GetValueOrDefault($"{ns}/{name}");
        }
    }

    public void Subscribe(Action<InformerEvent<T>> handler)
    {
        _handlers.Add(handler);
        foreach (var existing in List())
        {
            handler(new InformerEvent<T>(null, existing));
        }
    }

    public Task WaitForSyncAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

    public void Put(T obj)
    {
        T? old;
        lock (_lock)
        {
            var key = $"{obj.Metadata.NamespaceProperty}/{obj.Metadata.Name}";
            old = _objects.GetValueOrDefault(key);
            _objects[key] = obj;
        }

        _handlers.ForEach(h => h(new InformerEvent<T>(old, obj)));
    }

    public void Remove(string ns, string name)
    {
        T? old;
        lock (_lock)
        {
            _objects.Remove($"{ns}/{name}", out old);
        }

        _handlers.ForEach(h => h(new InformerEvent<T>(old, null)));
    }
}
