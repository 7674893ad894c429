using System.Net.Sockets;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Kaji.Client;

/// <summary>
/// <see cref="IInformer{T}"/> by list-then-watch. Its loop is a small state machine: Listing → Watching; a watch that ends is taken up where it was; a version that is gone (410)
/// leads back to Listing, whose outcome is compared with what is held, so that subscribers see every difference.
/// </summary>
public sealed partial class Informer<T> : IInformer<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan MaxDelay = TimeSpan.FromSeconds(10);
    private readonly IApiClient _client;
    private readonly ResourceKind<T> _kind;
    private readonly string? _ns;
    private readonly ListOptions _selection;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Namespace, string Name), T> _objects = [];
    private readonly List<Action<InformerEvent<T>>> _handlers = [];
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Informer(IApiClient client, ResourceKind<T> kind, string? ns, ListOptions selection, TimeProvider time, ILogger log) =>
        (_client, _kind, _ns, _selection, _time, _log) = (client, kind, ns, selection, time, log);

    private enum State
    {
        Listing,
        Watching,
    }

    public bool HasSynced => _synced.Task.IsCompletedSuccessfully;

    public IReadOnlyCollection<T> List()
    {
        lock (_gate)
        {
            return [.. _objects.Values];
        }
    }

    public IReadOnlyCollection<T> List(string ns)
    {
        lock (_gate)
        {
            return [.. _objects.Where(o => o.Key.Namespace == ns).Select(o => o.Value)];
        }
    }

    public T? Get(string? ns, string name)
    {
        lock (_gate)
        {
            return _objects.GetValueOrDefault((ns ?? "", name));
        }
    }

    public void Subscribe(Action<InformerEvent<T>> handler)
    {
        lock (_gate)
        {
            _handlers.Add(handler);
            foreach (var obj in _objects.Values)
            {
                handler(new InformerEvent<T>(null, obj));
            }
        }
    }

    public Task WaitForSyncAsync(CancellationToken cancellationToken = default) => _synced.Task.WaitAsync(cancellationToken);

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var state = State.Listing;
        var version = "";
        var delay = FirstDelay;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                if (state == State.Listing)
                {
                    var list = await _client.ListAsync(_kind, _ns, _selection, cancellationToken);
                    Replace(list.Items);
                    version = list.ResourceVersion;
                    _synced.TrySetResult();
                    state = State.Watching;
                }

                await foreach (var change in _client.WatchAsync(_kind, _ns, _selection with { ResourceVersion = version, AllowWatchBookmarks = true }, cancellationToken))
                {
                    version = change.Object.Metadata.ResourceVersion;
                    delay = FirstDelay;
                    if (change.Type != WatchEventType.Bookmark)
                    {
                        Apply(change.Type == WatchEventType.Deleted, change.Object);
                    }
                }

                // The server ended the watch in good order: go on from here, but not in a tight loop.
                await Task.Delay(FirstDelay, _time, cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (ApiException e) when (e.IsGone)
            {
                state = State.Listing;
            }
            catch (Exception e) when (e is ApiException or HttpRequestException or IOException or SocketException or TaskCanceledException or System.Text.Json.JsonException)
            {
                Interrupted(_kind.Plural, e.Message);
                await PauseAsync(delay, cancellationToken);
                delay = delay * 2 > MaxDelay ? MaxDelay : delay * 2;
            }
        }
    }

    private async Task PauseAsync(TimeSpan delay, CancellationToken cancellationToken)
    {
        try
        {
            await Task.Delay(delay + (delay * Random.Shared.NextDouble() / 4), _time, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // The loop's condition ends it.
            return;
        }
    }

    private void Replace(IReadOnlyList<T> items)
    {
        lock (_gate)
        {
            var present = items.Select(KeyOf).ToHashSet();
            foreach (var (key, old) in _objects.Where(o => !present.Contains(o.Key)).ToArray())
            {
                _objects.Remove(key);
                Tell(new InformerEvent<T>(old, null));
            }

            foreach (var item in items)
            {
                Put(item);
            }
        }
    }

    private void Apply(bool deleted, T obj)
    {
        lock (_gate)
        {
            if (!deleted)
            {
                Put(obj);
            }
            else if (_objects.Remove(KeyOf(obj)))
            {
                Tell(new InformerEvent<T>(obj, null));
            }
        }
    }

    private void Put(T obj)
    {
        var old = _objects.GetValueOrDefault(KeyOf(obj));
        if (old?.Metadata.ResourceVersion == obj.Metadata.ResourceVersion)
        {
            return;
        }

        _objects[KeyOf(obj)] = obj;
        Tell(new InformerEvent<T>(old, obj));
    }

    private void Tell(InformerEvent<T> change)
    {
        foreach (var handler in _handlers)
        {
            handler(change);
        }
    }

    private static (string, string) KeyOf(T obj) => (obj.Metadata.NamespaceProperty ?? "", obj.Metadata.Name);

    [LoggerMessage(1, LogLevel.Warning, "list or watch of {resource} interrupted: {why}")]
    private partial void Interrupted(string resource, string why);
}
