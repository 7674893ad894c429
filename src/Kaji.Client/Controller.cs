using Microsoft.Extensions.Logging;

namespace Kaji.Client;

/// <summary>
/// The frame of a controller: keys of objects come in from informers, workers reconcile them, one at a time a key; a failure is logged and tried again with back-off.
/// </summary>
public abstract partial class Controller(string name, TimeProvider time, ILogger log) : IDisposable
{
    private const int Workers = 4;
    private readonly WorkQueue<(string Namespace, string Name)> _queue = new(time);

    public string Name { get; } = name;

    protected TimeProvider Time { get; } = time;

    public void Enqueue(string? ns, string objectName) => _queue.Add((ns ?? "", objectName));

    public void EnqueueAfter(string? ns, string objectName, TimeSpan delay) => _queue.AddAfter((ns ?? "", objectName), delay);

    /// <summary>Runs the workers until cancelled; the informers that feed it should be synced before.</summary>
    public virtual Task RunAsync(CancellationToken cancellationToken) => Task.WhenAll(Enumerable.Range(0, Workers).Select(_ => Task.Run(() => WorkAsync(cancellationToken), CancellationToken.None)));

    public void Dispose()
    {
        _queue.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Brings the world nearer to what an object wants. Called with a key only: twice, late, or after a restart is all the same.</summary>
    protected abstract Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken);

    private async Task WorkAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            (string Namespace, string Name) key;
            try
            {
                key = await _queue.TakeAsync(cancellationToken);
            }
            catch (Exception e) when (e is OperationCanceledException or System.Threading.Channels.ChannelClosedException)
            {
                return;
            }

            try
            {
                await ReconcileAsync(key.Namespace, key.Name, cancellationToken);
                _queue.Forget(key);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (ApiException e) when (e.IsConflict || e.IsNotFound || e.IsAlreadyExists)
            {
                // The cache was behind: the next look sees the newer state.
                Behind(Name, key.Namespace, key.Name, e.Message);
                _queue.AddRateLimited(key);
            }
            catch (ObjectWaitsException e)
            {
                Waits(Name, key.Namespace, key.Name, e.Message);
                _queue.AddRateLimited(key);
            }
            catch (Exception e)
            {
                Failed(e, Name, key.Namespace, key.Name);
                _queue.AddRateLimited(key);
            }
            finally
            {
                _queue.Done(key);
            }
        }
    }

    [LoggerMessage(3, LogLevel.Warning, "{controller}: {namespace}/{name} waits: {why}")]
    private partial void Waits(string controller, string @namespace, string name, string why);

    [LoggerMessage(1, LogLevel.Error, "{controller}: reconciling {namespace}/{name} failed")]
    private partial void Failed(Exception e, string controller, string @namespace, string name);

    [LoggerMessage(2, LogLevel.Debug, "{controller}: {namespace}/{name} changed meanwhile: {why}")]
    private partial void Behind(string controller, string @namespace, string name, string why);
}
