using System.Collections.Concurrent;
using System.Globalization;
using k8s;
using k8s.Models;
using Kaji.Client;

namespace Kaji.Controllers.Writes;

/// <summary>
/// An informer, read together with what its controller has written and the watch has not shown yet: of each object the newer one counts. So a plan never starts from a state that
/// its own controller has left behind. An entry goes when the informer has caught up, and after <see cref="Lifetime"/> in any case.
/// </summary>
internal sealed class OwnWrites<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(10);
    private readonly IInformer<T> _informer;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<(string Namespace, string Name), (T Object, DateTimeOffset At)> _written = [];

    public OwnWrites(IInformer<T> informer, TimeProvider time)
    {
        (_informer, _time) = (informer, time);
        informer.Subscribe(Shown);
    }

    public T? Get(string ns, string name) => Newer((ns, name), _informer.Get(ns, name));

    public IReadOnlyCollection<T> List(string ns)
    {
        if (_written.IsEmpty)
        {
            return _informer.List(ns);
        }

        var shown = _informer.List(ns).ToDictionary(o => o.Metadata.Name, StringComparer.Ordinal);
        foreach (var key in _written.Keys.Where(k => k.Namespace == ns))
        {
            if (Newer(key, shown.GetValueOrDefault(key.Name)) is { } newer)
            {
                shown[key.Name] = newer;
            }
        }

        return shown.Values;
    }

    /// <summary>Remembers what the server answered to a create, an update or a patch.</summary>
    public T Wrote(T answer)
    {
        var key = (answer.Metadata.NamespaceProperty ?? "", answer.Metadata.Name);
        if (_informer.Get(key.Item1, key.Name) is not { } shown || Version(shown) < Version(answer))
        {
            _written[key] = (answer, _time.GetUtcNow());
        }

        return answer;
    }

    private void Shown(InformerEvent<T> change)
    {
        var metadata = change.Object.Metadata;
        var key = (metadata.NamespaceProperty ?? "", metadata.Name);
        if (_written.TryGetValue(key, out var entry) && (Version(change.Object) >= Version(entry.Object) || (change.New is null && entry.Object.Metadata.Uid == metadata.Uid)))
        {
            _written.TryRemove(KeyValuePair.Create(key, entry));
        }
    }

    private T? Newer((string, string) key, T? shown)
    {
        if (!_written.TryGetValue(key, out var entry))
        {
            return shown;
        }

        if (entry.At + Lifetime < _time.GetUtcNow() || (shown is not null && Version(shown) >= Version(entry.Object)))
        {
            _written.TryRemove(KeyValuePair.Create(key, entry));
            return shown;
        }

        return entry.Object;
    }

    private static ulong Version(T obj) => ulong.TryParse(obj.Metadata.ResourceVersion, NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : 0;
}
