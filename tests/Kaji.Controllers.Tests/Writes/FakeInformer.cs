using k8s;
using k8s.Models;
using Kaji.Client;

namespace Kaji.Controllers.Tests.Writes;

/// <summary>An informer fed by the test.</summary>
internal sealed class FakeInformer<T> : IInformer<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly Dictionary<(string, string), T> _objects = [];
    private readonly List<Action<InformerEvent<T>>> _handlers = [];

    public bool HasSynced => true;

    public IReadOnlyCollection<T> List() => [.. _objects.Values];

    public IReadOnlyCollection<T> List(string ns) => [.. _objects.Values.Where(o => o.Metadata.NamespaceProperty == ns)];

    public T? Get(string? ns, string name) => _objects.GetValueOrDefault((ns ?? "", name));

    public void Subscribe(Action<InformerEvent<T>> handler) => _handlers.Add(handler);

    public Task WaitForSyncAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

    public void Put(T obj)
    {
        var key = (obj.Metadata.NamespaceProperty, obj.Metadata.Name);
        var old = _objects.GetValueOrDefault(key);
        _objects[key] = obj;
        _handlers.ForEach(h => h(new InformerEvent<T>(old, obj)));
    }

    public void Remove(T obj)
    {
        _objects.Remove((obj.Metadata.NamespaceProperty, obj.Metadata.Name));
        _handlers.ForEach(h => h(new InformerEvent<T>(obj, null)));
    }
}
