using System.Text;
using System.Threading.Channels;
using k8s.Models;
using Kaji.Client;
using Kaji.Scheduler.Cache;
using Microsoft.Extensions.Logging;

namespace Kaji.Scheduler;

/// <summary>
/// The scheduler: one loop owns the queue and the picture of the nodes; informers hand it changes, bindings run beside it. A Pod that fits nowhere waits until something
/// changes that could help. Preemption is not done.
/// </summary>
public sealed partial class SchedulerComponent : IComponent
{
    private const string SchedulerName = "default-scheduler";
    private const int ParallelBindings = 32;
    private static readonly TimeSpan RetryAfterError = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Flush = TimeSpan.FromMinutes(5);
    private readonly IApiClient _client;
    private readonly InformerFactory _informers;
    private readonly EventRecorder _events;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Channel<Action> _changes = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Dictionary<string, NodeSnapshot> _nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _placed = new(StringComparer.Ordinal);
    private readonly PriorityQueue<string, (int, long)> _active = new();
    private readonly Dictionary<string, V1Pod> _waiting = new(StringComparer.Ordinal);
    private readonly HashSet<string> _queued = new(StringComparer.Ordinal);
    private readonly HashSet<string> _binding = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _bindings = new(ParallelBindings);
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _serial;

    public SchedulerComponent(IApiClient client, TimeProvider time, ILoggerFactory logging)
    {
        (_client, _time, _log) = (client, time, logging.CreateLogger<SchedulerComponent>());
        _informers = new InformerFactory(client, time, logging);
        _events = new EventRecorder(client, SchedulerName, null, time, logging);
        _informers.For(Kinds.Node).Subscribe(change => Post(() => OnNode(change)));
        _informers.For(Kinds.Pod).Subscribe(change => Post(() => OnPod(change)));
    }

    public string Name => "kube-scheduler";

    public Task Ready => _ready.Task;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        Task[] beside = [_informers.RunAsync(cancellationToken), _events.RunAsync(cancellationToken)];
        await _informers.WaitForSyncAsync(cancellationToken);
        _ready.TrySetResult();
        using var flush = _time.CreateTimer(_ => Post(RetryWaiting), null, Flush, Flush);
        try
        {
            while (await _changes.Reader.WaitToReadAsync(cancellationToken))
            {
                while (_changes.Reader.TryRead(out var change))
                {
                    change();
                }

                while (_active.TryDequeue(out var uid, out _))
                {
                    _queued.Remove(uid);
                    if (_waiting.TryGetValue(uid, out var pod))
                    {
                        Schedule(pod, cancellationToken);
                    }
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await Task.WhenAll(beside).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Post(Action change) => _changes.Writer.TryWrite(change);

    private void OnNode(InformerEvent<V1Node> change)
    {
        var name = change.Object.Metadata.Name;
        if (change.New is null)
        {
            _nodes.Remove(name);
            return;
        }

        if (_nodes.TryGetValue(name, out var known))
        {
            known.Update(change.New);
        }
        else
        {
            var node = _nodes[name] = new NodeSnapshot(change.New);
            foreach (var pod in _informers.For(Kinds.Pod).List().Where(p => p.Spec.NodeName == name && !Ended(p)))
            {
                node.Add(pod, PodRequest.Of(pod));
                _placed[pod.Metadata.Uid] = name;
            }
        }

        RetryWaiting();
    }

    private void OnPod(InformerEvent<V1Pod> change)
    {
        var pod = change.Object;
        var uid = pod.Metadata.Uid;
        if (change.New is null || Ended(pod))
        {
            _waiting.Remove(uid);
            if (_placed.Remove(uid, out var left) && _nodes.TryGetValue(left, out var freed) && freed.Remove(uid))
            {
                RetryWaiting();
            }

            return;
        }

        if (!string.IsNullOrEmpty(pod.Spec.NodeName))
        {
            _waiting.Remove(uid);
            _placed[uid] = pod.Spec.NodeName;
            if (_nodes.TryGetValue(pod.Spec.NodeName, out var node))
            {
                node.Add(pod, PodRequest.Of(pod));
            }

            return;
        }

        if (pod.Metadata.DeletionTimestamp is not null || pod.Spec.SchedulerName is not (SchedulerName or null or "") || _binding.Contains(uid))
        {
            _waiting.Remove(uid);
            return;
        }

        var before = _waiting.GetValueOrDefault(uid);
        _waiting[uid] = pod;
        if (before is null || before.Metadata.Generation != pod.Metadata.Generation || !ReferenceEquals(before.Spec, pod.Spec) && SchedulingChanged(before, pod))
        {
            Enqueue(pod);
        }
    }

    private static bool SchedulingChanged(V1Pod before, V1Pod now) =>
        !ModelJson.Serialize(before.Spec).AsSpan().SequenceEqual(ModelJson.Serialize(now.Spec)) || !Same(before.Metadata.Labels, now.Metadata.Labels);

    private static bool Same(IDictionary<string, string>? a, IDictionary<string, string>? b) =>
        (a?.Count ?? 0) == (b?.Count ?? 0) && (a is null || a.All(p => b!.TryGetValue(p.Key, out var value) && value == p.Value));

    private static bool Ended(V1Pod pod) => pod.Status?.Phase is "Succeeded" or "Failed";

    private void Enqueue(V1Pod pod)
    {
        if (_queued.Add(pod.Metadata.Uid))
        {
            _active.Enqueue(pod.Metadata.Uid, (-(pod.Spec.Priority ?? 0), _serial++));
        }
    }

    private void RetryWaiting()
    {
        foreach (var pod in _waiting.Values)
        {
            Enqueue(pod);
        }
    }

    private void Schedule(V1Pod pod, CancellationToken cancellationToken)
    {
        if (pod.Spec.SchedulingGates is { Count: > 0 } gates)
        {
            _ = TellAsync(pod, "SchedulingGated", $"Scheduling is blocked due to non-empty scheduling gates: [{string.Join(' ', gates.Select(g => g.Name))}]", cancellationToken);
            return;
        }

        var request = PodRequest.Of(pod);
        var plan = SchedulingPlan.Of(pod, request, _nodes.Values);
        if (plan.Node is not { } node)
        {
            _events.Record(Kinds.Pod, pod, "Warning", "FailedScheduling", plan.Message);
            _ = TellAsync(pod, "Unschedulable", plan.Message, cancellationToken);
            return;
        }

        // Assumed to be there from now on: the next decision counts it.
        _nodes[node].Add(pod, request);
        _placed[pod.Metadata.Uid] = node;
        _waiting.Remove(pod.Metadata.Uid);
        _binding.Add(pod.Metadata.Uid);
        _ = BindAsync(pod, node, cancellationToken);
    }

    private async Task BindAsync(V1Pod pod, string node, CancellationToken cancellationToken)
    {
        await _bindings.WaitAsync(cancellationToken);
        try
        {
            var binding = new V1Binding
            {
                ApiVersion = "v1", Kind = "Binding", Metadata = new V1ObjectMeta { Name = pod.Metadata.Name, NamespaceProperty = pod.Metadata.NamespaceProperty, Uid = pod.Metadata.Uid },
                Target = new V1ObjectReference { ApiVersion = "v1", Kind = "Node", Name = node },
            };
            await _client.CreateSubresourceAsync(Kinds.Pod, pod.Metadata.NamespaceProperty, pod.Metadata.Name, "binding", binding, cancellationToken);
            _events.Record(Kinds.Pod, pod, "Normal", "Scheduled", $"Successfully assigned {pod.Metadata.NamespaceProperty}/{pod.Metadata.Name} to {node}");
            Post(() => _binding.Remove(pod.Metadata.Uid));
        }
        catch (Exception e) when (e is ApiException or HttpRequestException or IOException)
        {
            NotBound(pod.Metadata.NamespaceProperty, pod.Metadata.Name, node, e.Message);
            Post(() => Unassume(pod, node));
        }
        finally
        {
            _bindings.Release();
        }
    }

    private void Unassume(V1Pod pod, string node)
    {
        _binding.Remove(pod.Metadata.Uid);
        if (_informers.For(Kinds.Pod).Get(pod.Metadata.NamespaceProperty, pod.Metadata.Name) is { } now && now.Metadata.Uid == pod.Metadata.Uid && string.IsNullOrEmpty(now.Spec.NodeName))
        {
            if (_nodes.TryGetValue(node, out var snapshot))
            {
                snapshot.Remove(pod.Metadata.Uid);
            }

            _placed.Remove(pod.Metadata.Uid);
            if (now.Metadata.DeletionTimestamp is null)
            {
                _waiting[pod.Metadata.Uid] = now;
                _time.CreateTimer(_ => Post(() => Enqueue(now)), null, RetryAfterError, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private async Task TellAsync(V1Pod pod, string reason, string message, CancellationToken cancellationToken)
    {
        if (pod.Status?.Conditions?.FirstOrDefault(c => c.Type == "PodScheduled") is { Status: "False" } told && told.Reason == reason && told.Message == message)
        {
            return;
        }

        var condition = new V1PodCondition { Type = "PodScheduled", Status = "False", Reason = reason, Message = message, LastTransitionTime = _time.GetUtcNow().UtcDateTime, ObservedGeneration = pod.Metadata.Generation };
        var patch = $$$"""{"metadata":{"uid":"{{{pod.Metadata.Uid}}}"},"status":{"conditions":[{{{Encoding.UTF8.GetString(ModelJson.Serialize(condition))}}}]}}""";
        try
        {
            await _client.PatchAsync(Kinds.Pod, pod.Metadata.NamespaceProperty, pod.Metadata.Name, Patch.StrategicMerge(Encoding.UTF8.GetBytes(patch)), "status", cancellationToken);
        }
        catch (Exception e) when (e is ApiException or HttpRequestException or IOException or OperationCanceledException)
        {
            NotTold(pod.Metadata.NamespaceProperty, pod.Metadata.Name, e.Message);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "pod {namespace}/{pod} could not be bound to {node}: {why}")]
    private partial void NotBound(string @namespace, string pod, string node, string why);

    [LoggerMessage(2, LogLevel.Debug, "pod {namespace}/{pod}: condition not written: {why}")]
    private partial void NotTold(string @namespace, string pod, string why);
}
