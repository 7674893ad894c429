using k8s;
using k8s.Models;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Node.Volumes;

/// <summary>
/// The ConfigMaps and Secrets that Pods of this node name, and no others: one watch an object, shared by the Pods that name it, ended with the last of them. Tells a
/// Pod's worker when what it was given is no longer what is there.
/// </summary>
internal sealed class ReferencedObjects(IApiClient client, TimeProvider time, ILoggerFactory logging) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Kind, string Namespace, string Name), IReference> _watched = [];

    /// <summary>Told the uid of a Pod whose objects have changed.</summary>
    public Action<string>? Changed { get; set; }

    /// <summary>An object as it is now, or null; from now on the Pod's worker hears of changes.</summary>
    public async Task<T?> FindAsync<T>(ResourceKind<T> kind, string podUid, string ns, string name, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var watch = Follow(kind, podUid, ns, name);
        var found = await client.FindAsync(kind, ns, name, cancellationToken);
        watch.Given(podUid, found?.Metadata.ResourceVersion);
        watch.Start();
        return found;
    }

    /// <summary>The Pod is gone.</summary>
    public void Forget(string podUid)
    {
        lock (_gate)
        {
            foreach (var (key, watch) in _watched.ToArray())
            {
                if (watch.Leave(podUid))
                {
                    _watched.Remove(key);
                    watch.Dispose();
                }
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var watch in _watched.Values)
            {
                watch.Dispose();
            }

            _watched.Clear();
        }
    }

    /// <summary>How many objects are watched.</summary>
    internal int Count
    {
        get
        {
            lock (_gate)
            {
                return _watched.Count;
            }
        }
    }

    private IReference Follow<T>(ResourceKind<T> kind, string podUid, string ns, string name)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        lock (_gate)
        {
            if (!_watched.TryGetValue((kind.Kind, ns, name), out var watch))
            {
                var informer = new Informer<T>(client, kind, ns, new ListOptions { FieldSelector = $"metadata.name={name}" }, time, logging.CreateLogger("Kaji.Client.Informer"));
                _watched[(kind.Kind, ns, name)] = watch = new Reference<T>(informer, uid => Changed?.Invoke(uid));
            }

            watch.Join(podUid);
            return watch;
        }
    }

    private interface IReference : IDisposable
    {
        void Join(string uid);

        /// <returns>Whether nobody is left.</returns>
        bool Leave(string uid);

        /// <summary>The version that a Pod was given; null when there was none.</summary>
        void Given(string uid, string? version);

        /// <summary>Begins to watch, once.</summary>
        void Start();
    }

    private sealed class Reference<T>(Informer<T> informer, Action<string> changed) : IReference
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Lock _gate = new();
        private readonly Dictionary<string, string?> _given = new(StringComparer.Ordinal);
        private bool _started;

        public void Join(string uid)
        {
            lock (_gate)
            {
                _given.TryAdd(uid, null);
            }
        }

        public bool Leave(string uid)
        {
            lock (_gate)
            {
                return _given.Remove(uid) && _given.Count == 0;
            }
        }

        public void Given(string uid, string? version)
        {
            lock (_gate)
            {
                if (_given.ContainsKey(uid))
                {
                    _given[uid] = version;
                }
            }
        }

        public void Start()
        {
            lock (_gate)
            {
                if (_started)
                {
                    return;
                }

                _started = true;
            }

            informer.Subscribe(OnEvent);
            _ = Task.Run(() => informer.RunAsync(_stop.Token));
        }

        public void Dispose()
        {
            _stop.Cancel();
            _stop.Dispose();
        }

        private void OnEvent(InformerEvent<T> change)
        {
            // While a Pod reads it has been given nothing yet, and is told: better once too often than never.
            string[] stale;
            lock (_gate)
            {
                stale = [.. _given.Where(g => g.Value != change.New?.Metadata.ResourceVersion).Select(g => g.Key)];
            }

            foreach (var uid in stale)
            {
                changed(uid);
            }
        }
    }
}
