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

    /// <summary>Held while handlers are told, so that each hears of every change, in order. Whoever only reads never waits for it: handlers of two informers may read each other's.</summary>
    private readonly Lock _order = new();

    /// <summary>Guards the objects, for moments.</summary>
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
        lock (_order)
        {
            _handlers.Add(handler);
            foreach (var obj in List())
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
            catch (Exception e)
            {
                // A handler's fault must not end what all the others live by.
                HandlerFailed(e, _kind.Plural);
                state = State.Listing;
                await PauseAsync(delay, cancellationToken);
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
        lock (_order)
        {
            var present = items.Select(KeyOf).ToHashSet();
            foreach (var old in List().Where(o => !present.Contains(KeyOf(o))))
            {
                Remove(old);
            }

            foreach (var item in items)
            {
                Put(item);
            }
        }
    }

    private void Apply(bool deleted, T obj)
    {
        lock (_order)
        {
            if (deleted)
            {
                Remove(obj);
            }
            else
            {
                Put(obj);
            }
        }
    }

    private void Put(T obj)
    {
        T? old;
        lock (_gate)
        {
            old = _objects.GetValueOrDefault(KeyOf(obj));
            _objects[KeyOf(obj)] = obj;
        }

        if (old?.Metadata.ResourceVersion != obj.Metadata.ResourceVersion)
        {
            Tell(new InformerEvent<T>(old, obj));
        }
    }

    /// <param name="last">As it was when it was deleted, or as it was last seen.</param>
    private void Remove(T last)
    {
        bool known;
        lock (_gate)
        {
            known = _objects.Remove(KeyOf(last));
        }

        if (known)
        {
            Tell(new InformerEvent<T>(last, null));
        }
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

    [LoggerMessage(2, LogLevel.Error, "a handler of {resource} failed")]
    private partial void HandlerFailed(Exception e, string resource);
}
