using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Kaji.Client;

/// <summary>
/// One informer a kind and selection, shared by all loops of a component. Those asked for before <see cref="RunAsync"/> start with it, later ones at once.
/// </summary>
public sealed class InformerFactory(IApiClient client, TimeProvider time, ILoggerFactory logging)
{
    private readonly Dictionary<(Type, string, string, string), object> _informers = [];
    private readonly List<Func<CancellationToken, Task>> _loops = [];
    private readonly List<Task> _running = [];
    private readonly List<Func<CancellationToken, Task>> _syncs = [];
    private readonly Lock _gate = new();
    private CancellationToken? _started;

    /// <summary>The informer of a kind.</summary>
    public IInformer<T> For<T>(ResourceKind<T> kind, string? ns = null, string? fieldSelector = null, string? labelSelector = null)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        lock (_gate)
        {
            var key = (typeof(T), ns ?? "", fieldSelector ?? "", labelSelector ?? "");
            if (_informers.TryGetValue(key, out var known))
            {
                return (IInformer<T>)known;
            }

            var made = new Informer<T>(client, kind, ns, new ListOptions { FieldSelector = fieldSelector, LabelSelector = labelSelector }, time, logging.CreateLogger("Kaji.Client.Informer"));
            _informers[key] = made;
            _syncs.Add(made.WaitForSyncAsync);
            if (_started is { } token)
            {
                _running.Add(Task.Run(() => made.RunAsync(token), token));
            }
            else
            {
                _loops.Add(made.RunAsync);
            }

            return made;
        }
    }

    /// <summary>Completes when all informers asked for so far have taken in their first list.</summary>
    public Task WaitForSyncAsync(CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            return Task.WhenAll(_syncs.Select(s => s(cancellationToken)));
        }
    }

    /// <summary>Runs the informers until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _started = cancellationToken;
            foreach (var loop in _loops)
            {
                _running.Add(Task.Run(() => loop(cancellationToken), cancellationToken));
            }

            _loops.Clear();
        }

        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, time, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            Task[] running;
            lock (_gate)
            {
                running = [.. _running];
            }

            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
