using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Threading.Channels;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Kaji.Client;

/// <summary>
/// Writes Events about objects, in the background and in order. A repeat raises the count of the event that is there. The queue is bounded: what does not fit is counted and logged.
/// </summary>
public sealed partial class EventRecorder
{
    private const int QueueSize = 1000;
    private const int RememberedEvents = 1000;
    private readonly IApiClient _client;
    private readonly string _component;
    private readonly string? _host;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Channel<Corev1Event> _queue = Channel.CreateBounded<Corev1Event>(new BoundedChannelOptions(QueueSize) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
    private readonly ConcurrentDictionary<string, (string Name, int Count)> _seen = new(StringComparer.Ordinal);
    private long _dropped;

    /// <param name="component">As <c>kubelet</c>.</param>
    /// <param name="host">Node name of the component, if it has one.</param>
    public EventRecorder(IApiClient client, string component, string? host, TimeProvider time, ILoggerFactory logging) =>
        (_client, _component, _host, _time, _log) = (client, component, host, time, logging.CreateLogger("Kaji.Client.EventRecorder"));

    /// <summary>Records an event about an object of a kind that the caller knows.</summary>
    /// <param name="type">Normal or Warning.</param>
    /// <param name="fieldPath">As <c>spec.containers{web}</c>; null for the object as a whole.</param>
    public void Record<T>(ResourceKind<T> kind, T about, string type, string reason, string message, string? fieldPath = null)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var now = _time.GetUtcNow().UtcDateTime;
        var ns = string.IsNullOrEmpty(about.Metadata.NamespaceProperty) ? "default" : about.Metadata.NamespaceProperty;
        var made = new Corev1Event
        {
            ApiVersion = "v1",
            Kind = "Event",
            Metadata = new V1ObjectMeta { NamespaceProperty = ns, Name = string.Create(CultureInfo.InvariantCulture, $"{about.Metadata.Name}.{now.Ticks:x}{Random.Shared.Next(256):x2}") },
            InvolvedObject = new V1ObjectReference
            {
                ApiVersion = kind.ApiVersion, Kind = kind.Kind, Name = about.Metadata.Name, NamespaceProperty = about.Metadata.NamespaceProperty, Uid = about.Metadata.Uid,
                ResourceVersion = about.Metadata.ResourceVersion, FieldPath = fieldPath,
            },
            Type = type,
            Reason = reason,
            Message = message.Length > 1024 ? message[..1024] : message,
            Source = new V1EventSource { Component = _component, Host = _host },
            ReportingComponent = _component,
            ReportingInstance = _host ?? "",
            FirstTimestamp = now,
            LastTimestamp = now,
            Count = 1,
        };
        if (!_queue.Writer.TryWrite(made))
        {
            Dropped(Interlocked.Increment(ref _dropped), reason, ns, about.Metadata.Name);
        }
    }

    /// <summary>Writes until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var made in _queue.Reader.ReadAllAsync(cancellationToken))
            {
                try
                {
                    await WriteAsync(made, cancellationToken);
                }
                catch (Exception e) when (e is ApiException or HttpRequestException or IOException)
                {
                    NotWritten(made.Reason, made.Metadata.NamespaceProperty, made.InvolvedObject.Name, e.Message);
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return;
        }
    }

    private async Task WriteAsync(Corev1Event made, CancellationToken cancellationToken)
    {
        var key = $"{made.InvolvedObject.Uid}/{made.InvolvedObject.FieldPath}/{made.Type}/{made.Reason}/{made.Message}";
        if (_seen.TryGetValue(key, out var seen))
        {
            try
            {
                var patch = $$"""{"count":{{seen.Count + 1}},"lastTimestamp":"{{made.LastTimestamp!.Value.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)}}"}""";
                await _client.PatchAsync(Kinds.Event, made.Metadata.NamespaceProperty, seen.Name, Patch.Merge(Encoding.UTF8.GetBytes(patch)), cancellationToken: cancellationToken);
                _seen[key] = seen with { Count = seen.Count + 1 };
                return;
            }
            catch (ApiException e) when (e.IsNotFound)
            {
                _seen.TryRemove(key, out _);
            }
        }

        await _client.CreateAsync(Kinds.Event, made, cancellationToken);
        if (_seen.Count >= RememberedEvents)
        {
            _seen.Clear();
        }

        _seen[key] = (made.Metadata.Name, 1);
    }

    [LoggerMessage(1, LogLevel.Warning, "{dropped} events dropped so far, the last one {reason} of {namespace}/{name}: too many at once")]
    private partial void Dropped(long dropped, string reason, string @namespace, string name);

    [LoggerMessage(2, LogLevel.Debug, "event {reason} of {namespace}/{name} was not written: {why}")]
    private partial void NotWritten(string reason, string @namespace, string name, string why);
}
