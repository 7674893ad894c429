using System.Collections.Concurrent;
using k8s.Models;
using Kaji.Client;
using Kaji.Engine;
using Kaji.Node.Containers;
using Kaji.Node.Pods;
using Kaji.Node.Probes;
using Kaji.Node.Registration;
using Kaji.Node.Server;
using Kaji.Node.Volumes;
using Microsoft.Extensions.Logging;

namespace Kaji.Node;

/// <summary>
/// The node agent (kubelet's role): registers the node, runs a <see cref="PodWorker"/> for each Pod bound to it, removes what has no Pod any more.
/// </summary>
public sealed partial class NodeAgent : IComponent, IPodDirectory
{
    private readonly NodeOptions _options;
    private readonly IContainerRuntime _runtime;
    private readonly InformerFactory _informers;
    private readonly IInformer<V1Pod> _pods;
    private readonly IInformer<V1Service> _services;
    private readonly EventRecorder _events;
    private readonly ILoggerFactory _logging;
    private readonly ILogger _log;
    private readonly NodeRegistration _registration;
    private readonly LogRotation _rotation;
    private readonly Prober _prober;
    private readonly PodServices _shared;
    private readonly ReferencedObjects _references;
    private readonly PodAdmission _admission;
    private readonly ConcurrentDictionary<string, PodWorker> _workers = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _shutdown;

    public NodeAgent(NodeOptions options, IApiClient client, IContainerRuntime runtime, IImageStore images, TimeProvider time, ILoggerFactory logging, IPodWarden? warden = null)
    {
        (_options, _runtime, _logging, _log) = (options, runtime, logging, logging.CreateLogger<NodeAgent>());
        _informers = new InformerFactory(client, time, logging);
        _pods = _informers.For(Kinds.Pod, fieldSelector: $"spec.nodeName={options.NodeName}");
        _services = _informers.For(Kinds.Service);
        _events = new EventRecorder(client, "kubelet", options.NodeName, time, logging);
        var facts = NodeFacts.Read(options.DataDirectory);
        _registration = new NodeRegistration(options, facts, client, images, time, _log);
        _rotation = new LogRotation(options, runtime, time, _log);
        _prober = new Prober(runtime);
        var fields = new PodFields(options, uid => _workers.TryGetValue(uid, out var w) ? (w.PodIP, w.PodIP is { } ip ? [ip] : []) : (null, []), facts.Cpus * 1000L, facts.MemoryBytes);
        var tokens = new TokenCache(client, time);
        _references = new ReferencedObjects(client, time, logging) { Changed = uid => _workers.GetValueOrDefault(uid)?.ReferencesChanged() };
        _shared = new PodServices(
            options, client, runtime, new ImagePuller(client, images, time), new PodVolumes(options, new VolumeSources(_references, fields, time), tokens), _references,
            new EnvironmentBuilder(client, _references, _ => _services.List(), fields), _prober, tokens, _events, time, facts.MemoryBytes, warden);
        _admission = new PodAdmission(new Dictionary<string, long>(StringComparer.Ordinal) { ["cpu"] = facts.Cpus * 1000L, ["memory"] = facts.MemoryBytes, ["ephemeral-storage"] = facts.DiskBytes, ["pods"] = options.MaxPods });
    }

    public string Name => "kubelet";

    public Task Ready => _ready.Task;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var events = _runtime.Subscribe();
        Task[] loops = [_informers.RunAsync(stop.Token), _events.RunAsync(stop.Token)];
        await _informers.WaitForSyncAsync(stop.Token);
        _pods.Subscribe(OnPod);
        await RemoveStrangersAsync();
        await _registration.RegisterAsync(stop.Token);
        _ready.TrySetResult();
        try
        {
            await Task.WhenAll([.. loops, KeepRegisteredAsync(stop), _rotation.RunAsync(stop.Token), FollowRuntimeAsync(events, stop.Token)]);
        }
        finally
        {
            foreach (var worker in _workers.Values)
            {
                worker.Dispose();
            }

            _prober.Dispose();
            _references.Dispose();
        }
    }

    private async Task KeepRegisteredAsync(CancellationTokenSource stop)
    {
        try
        {
            await _registration.RunAsync(stop.Token);
        }
        catch (NodeDeletedException)
        {
            // The other loops end with it, so that whoever runs the agent learns of it.
            await stop.CancelAsync();
            throw;
        }
    }

    /// <summary>Stops all Pods in order, with hooks and grace, and leaves their objects: for <c>kaji down</c>. Call while the agent runs.</summary>
    public async Task ShutDownAsync(CancellationToken cancellationToken)
    {
        _shutdown = true;
        foreach (var worker in _workers.Values)
        {
            worker.ShutDown();
        }

        await Task.WhenAll(_workers.Values.Select(w => w.Completion)).WaitAsync(cancellationToken);
    }

    public PodPlace? Find(string @namespace, string pod) =>
        _workers.Values.Where(w => w.Pod.Metadata.NamespaceProperty == @namespace && w.Pod.Metadata.Name == pod).OrderByDescending(w => w.Pod.Metadata.CreationTimestamp).Select(Place).FirstOrDefault();

    IReadOnlyList<PodPlace> IPodDirectory.List() => [.. _workers.Values.Select(Place)];

    private PodPlace Place(PodWorker worker)
    {
        var pod = worker.Pod;
        return new PodPlace(pod, worker.SandboxId, [.. worker.Tracks.Select(t =>
        {
            var directory = ContainerStarter.LogDirectory(_options, pod, t.Spec.Name);
            string? Log(int attempt) => attempt >= 0 && Path.Combine(directory, $"{attempt}.log") is var path && File.Exists(path) ? path : null;
            return new ContainerPlace
            {
                Name = t.Spec.Name, ContainerId = t.ContainerId, LogPath = t.ContainerId is null ? null : Log(t.Restarts), PreviousLogPath = Log(t.Restarts - 1),
                WaitingReason = t.Waiting?.Reason, Stdin = t.Spec.Stdin == true, Tty = t.Spec.Tty == true,
            };
        })]);
    }

    private void OnPod(InformerEvent<V1Pod> change)
    {
        var uid = change.Object.Metadata.Uid;
        if (change.New is null)
        {
            // Removed from the API without waiting for us (force delete, namespace gone): end it all the same, at once.
            if (_workers.TryGetValue(uid, out var orphan))
            {
                var gone = ModelJson.Clone(change.Object);
                gone.Metadata.DeletionTimestamp ??= change.Object.Metadata.CreationTimestamp;
                gone.Metadata.DeletionGracePeriodSeconds = 0;
                orphan.Update(gone);
            }

            return;
        }

        if (_workers.TryGetValue(uid, out var known))
        {
            known.Update(change.New);
            return;
        }

        if (_shutdown)
        {
            return;
        }

        // What ran before a restart of the agent goes on; only new Pods have to find room.
        var rejected = change.New.Status?.StartTime is null ? _admission.Refusal(change.New, _workers.Values.Where(w => !w.HasEnded).Select(w => w.Pod)) : null;
        var worker = new PodWorker(change.New, _shared, rejected, w => _workers.TryRemove(w.Uid, out _), _logging.CreateLogger<PodWorker>());
        _workers[uid] = worker;
        worker.Start();
    }

    private async Task FollowRuntimeAsync(System.Threading.Channels.ChannelReader<ContainerEvent> events, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var change in events.ReadAllAsync(cancellationToken))
            {
                if (change.Kind == ContainerEventKind.Resync)
                {
                    foreach (var worker in _workers.Values)
                    {
                        worker.Wake();
                    }
                }
                else if (_runtime.GetContainer(change.ContainerId)?.Labels.GetValueOrDefault(ContainerStarter.UidLabel) is { } uid && _workers.TryGetValue(uid, out var worker))
                {
                    worker.Wake();
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return;
        }
    }

    /// <summary>Sandboxes whose Pods were deleted while no agent ran.</summary>
    private async Task RemoveStrangersAsync()
    {
        foreach (var sandbox in _runtime.ListSandboxes().Where(s => !_workers.ContainsKey(s.Labels.GetValueOrDefault(ContainerStarter.UidLabel, ""))).ToArray())
        {
            Stranger(sandbox.Labels.GetValueOrDefault(ContainerStarter.NamespaceLabel, ""), sandbox.Labels.GetValueOrDefault(ContainerStarter.PodLabel, ""));
            await _runtime.RemoveSandboxAsync(sandbox.Id);
            _shared.Volumes.TearDown(sandbox.Labels.GetValueOrDefault(ContainerStarter.UidLabel, "none"));
        }
    }

    [LoggerMessage(1, LogLevel.Information, "removing what is left of pod {namespace}/{pod}: it was deleted meanwhile")]
    private partial void Stranger(string @namespace, string pod);
}
