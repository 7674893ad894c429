using k8s.Models;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Node.Pods;

/// <summary>Writes a Pod's status in the background, only when it has changed; what is offered while a write is under way replaces what waits.</summary>
internal sealed partial class StatusWriter(IApiClient client, TimeProvider time, string uid, ILogger log)
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);
    private readonly Lock _gate = new();
    private byte[] _latest = [];
    private byte[] _written = [];
    private V1Pod? _pod;
    private Task _loop = Task.CompletedTask;

    public void Offer(V1Pod pod, V1PodStatus status, CancellationToken cancellationToken)
    {
        var patch = StatusPatch.Of(uid, status);
        lock (_gate)
        {
            if (patch.AsSpan().SequenceEqual(_latest))
            {
                return;
            }

            (_pod, _latest) = (pod, patch);
            if (_loop.IsCompleted)
            {
                _loop = Task.Run(() => WriteAsync(cancellationToken), CancellationToken.None);
            }
        }
    }

    /// <summary>Completes when what was offered last is written (or the Pod is gone).</summary>
    public Task FlushAsync()
    {
        lock (_gate)
        {
            return _loop;
        }
    }

    private async Task WriteAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            byte[] next;
            V1Pod pod;
            lock (_gate)
            {
                if (_written.AsSpan().SequenceEqual(_latest) || cancellationToken.IsCancellationRequested)
                {
                    _loop = Task.CompletedTask;
                    return;
                }

                (next, pod) = (_latest, _pod!);
            }

            try
            {
                await client.PatchAsync(Kinds.Pod, pod.Metadata.NamespaceProperty, pod.Metadata.Name, Patch.StrategicMerge(next), "status", cancellationToken);
            }
            catch (ApiException e) when (e.Code is >= 400 and < 500 and not 429)
            {
                // The object is gone, or another of the same name took its place: the informer will tell. What the server refuses is not offered twice.
                Refused(pod.Metadata.NamespaceProperty, pod.Metadata.Name, e.Message);
            }
            catch (Exception e) when (e is ApiException or HttpRequestException or IOException)
            {
                Failed(pod.Metadata.NamespaceProperty, pod.Metadata.Name, e.Message);
                await Task.Delay(RetryAfter, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                continue;
            }
            catch (OperationCanceledException)
            {
                continue;
            }

            lock (_gate)
            {
                _written = next;
            }
        }
    }

    [LoggerMessage(1, LogLevel.Information, "pod {namespace}/{pod}: status not taken: {why}")]
    private partial void Refused(string @namespace, string pod, string why);

    [LoggerMessage(2, LogLevel.Warning, "pod {namespace}/{pod}: status not written, trying again: {why}")]
    private partial void Failed(string @namespace, string pod, string why);
}
