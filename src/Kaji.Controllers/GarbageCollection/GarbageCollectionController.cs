using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Kaji.Client;
using Kaji.Controllers.Discovery;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.GarbageCollection;

/// <summary>
/// Deletes what has lost its owners, in the background or the foreground, or lets dependents go (orphan). Watches every deletable resource that discovery knows;
/// new ones are found when custom resource definitions change. Keys are uids. https://kubernetes.io/docs/concepts/architecture/garbage-collection/
/// </summary>
public sealed partial class GarbageCollectionController : Controller
{
    private const string Json = "application/json";
    private const string MergePatch = "application/merge-patch+json";
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan UnknownKindRetry = TimeSpan.FromSeconds(60);

    /// <summary>Nothing owns them and they own nothing, but there are many and they change often.</summary>
    private static readonly HashSet<string> Ignored = new(StringComparer.Ordinal) { "events", "events.events.k8s.io", "leases.coordination.k8s.io" };

    private readonly IApiClient _client;
    private readonly OwnershipGraph _graph = new();
    private readonly Dictionary<ApiResource, (CancellationTokenSource Stop, Task Loop)> _watchers = [];
    private readonly Channel<bool> _rediscover = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly ConcurrentDictionary<string, bool> _told = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ILogger _log;
    private volatile bool _examine;

    public GarbageCollectionController(IApiClient client, TimeProvider time, ILoggerFactory logging)
        : base("garbage-collector-controller", time, logging.CreateLogger<GarbageCollectionController>()) =>
        (_client, _log) = (client, logging.CreateLogger<GarbageCollectionController>());

    /// <summary>Completes when every resource has been listed once.</summary>
    public Task Synced => _synced.Task;

    public override async Task RunAsync(CancellationToken cancellationToken)
    {
        var workers = base.RunAsync(cancellationToken);
        try
        {
            _rediscover.Writer.TryWrite(true);
            while (await _rediscover.Reader.WaitToReadAsync(cancellationToken))
            {
                _rediscover.Reader.TryRead(out _);
                try
                {
                    await FollowAllAsync(cancellationToken);
                }
                catch (Exception e) when (!cancellationToken.IsCancellationRequested)
                {
                    NotDiscovered(e.Message);
                    await Task.Delay(Settle * 10, Time, cancellationToken);
                    _rediscover.Writer.TryWrite(true);
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await Task.WhenAll([workers, .. _watchers.Values.Select(w => w.Loop)]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        finally
        {
            foreach (var (stop, _) in _watchers.Values)
            {
                stop.Dispose();
            }
        }
    }

    /// <param name="ns">Unused: the key is the uid.</param>
    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (_graph.Find(objectName) is not { } known)
        {
            return;
        }

        var live = await LiveAsync(known.Resource, known.Metadata.Namespace, known.Metadata.Name, cancellationToken);
        if (live is null || live.Uid != objectName)
        {
            Look(_graph.Remove(known.Resource, objectName));
            return;
        }

        if (live.WaitsForDependents)
        {
            await DeleteDependentsAsync(known.Resource, live, cancellationToken);
        }
        else if (live.LetsDependentsGo)
        {
            await LetDependentsGoAsync(known.Resource, live, cancellationToken);
        }
        else if (!live.Deleting)
        {
            var states = new OwnerState[live.Owners.Count];
            for (var i = 0; i < states.Length; i++)
            {
                if (await StateOfAsync(known.Resource, live, live.Owners[i], cancellationToken) is not { } state)
                {
                    EnqueueAfter("", objectName, UnknownKindRetry);
                    return;
                }

                states[i] = state;
            }

            var dependents = _graph.DependentsOf(live.Uid);
            await ApplyAsync(known.Resource, live, GarbagePlan.Of(live, states, dependents.Count > 0, dependents.Any(d => d.Metadata.WaitsForDependents)), cancellationToken);
        }
    }

    private async Task ApplyAsync(ApiResource resource, ObjectMetadata obj, GarbageAction action, CancellationToken cancellationToken)
    {
        switch (action)
        {
            case GarbageAction.DropOwners drop:
                await PatchOwnersAsync(resource, obj, obj.Owners.Except(drop.Remaining), null, cancellationToken);
                break;
            case GarbageAction.Delete { Unblock: true }:
                await PatchOwnersAsync(resource, obj, [], block: false, cancellationToken);
                Enqueue("", obj.Uid);
                break;
            case GarbageAction.Delete delete:
                var options = new JsonObject
                {
                    ["kind"] = "DeleteOptions", ["apiVersion"] = "v1", ["propagationPolicy"] = delete.Policy,
                    ["preconditions"] = new JsonObject { ["uid"] = obj.Uid, ["resourceVersion"] = obj.ResourceVersion },
                };
                await RawCalls.SendAsync(_client, HttpMethod.Delete, resource.Object(obj.Namespace, obj.Name), options.ToJsonString(), Json, cancellationToken);
                Deleted(resource.GroupResource, obj.Namespace, obj.Name, delete.Policy);
                break;
        }
    }

    /// <summary>Foreground: the dependents go first; when none is left that blocks, so does the finalizer.</summary>
    private async Task DeleteDependentsAsync(ApiResource resource, ObjectMetadata owner, CancellationToken cancellationToken)
    {
        var dependents = _graph.DependentsOf(owner.Uid);
        if (!dependents.Any(d => d.Metadata.Owners.Any(o => o.Uid == owner.Uid && o.Block)))
        {
            await RemoveFinalizerAsync(resource, owner, ObjectMetadata.ForegroundFinalizer, cancellationToken);
        }

        Look([.. dependents.Where(d => !d.Metadata.Deleting).Select(d => d.Metadata.Uid)]);
    }

    private async Task LetDependentsGoAsync(ApiResource resource, ObjectMetadata owner, CancellationToken cancellationToken)
    {
        foreach (var dependent in _graph.DependentsOf(owner.Uid))
        {
            var live = await LiveAsync(dependent.Resource, dependent.Metadata.Namespace, dependent.Metadata.Name, cancellationToken);
            if (live is not null && live.Uid == dependent.Metadata.Uid && live.Owners.Any(o => o.Uid == owner.Uid))
            {
                await PatchOwnersAsync(dependent.Resource, live, live.Owners.Where(o => o.Uid == owner.Uid), null, cancellationToken);
            }
        }

        await RemoveFinalizerAsync(resource, owner, ObjectMetadata.OrphanFinalizer, cancellationToken);
    }

    /// <returns>Null when it can't be said: the owner's kind is not served (now).</returns>
    private async Task<OwnerState?> StateOfAsync(ApiResource resource, ObjectMetadata obj, OwnerRef owner, CancellationToken cancellationToken)
    {
        if (_graph.IsKnownAbsent(owner.Uid))
        {
            return OwnerState.Absent;
        }

        if (_graph.ResourceOf(owner) is not { } kind || (kind.Namespaced && !resource.Namespaced))
        {
            if (_told.Count < 1000 && _told.TryAdd(obj.Uid, true))
            {
                Unresolvable(resource.GroupResource, obj.Namespace, obj.Name, owner.ApiVersion, owner.Kind, owner.Name);
            }

            return null;
        }

        var live = await LiveAsync(kind, kind.Namespaced ? obj.Namespace : "", owner.Name, cancellationToken);
        return live is null || live.Uid != owner.Uid ? OwnerState.Absent : live.WaitsForDependents ? OwnerState.Waiting : OwnerState.Solid;
    }

    private async Task<ObjectMetadata?> LiveAsync(ApiResource resource, string ns, string name, CancellationToken cancellationToken) =>
        await RawCalls.GetAsync(_client, resource.Object(ns, name), Json, cancellationToken) is { } answer ? MetadataReader.ReadObject(answer) : null;

    /// <summary>Takes owners away, or (with <paramref name="block"/>) changes whether the references block. Works on the live references, whose other fields it keeps.</summary>
    private async Task PatchOwnersAsync(ApiResource resource, ObjectMetadata obj, IEnumerable<OwnerRef> without, bool? block, CancellationToken cancellationToken)
    {
        var path = resource.Object(obj.Namespace, obj.Name);
        if (await RawCalls.GetAsync(_client, path, Json, cancellationToken) is not { } answer || JsonNode.Parse(answer)?["metadata"] is not JsonObject metadata || (string?)metadata["uid"] != obj.Uid)
        {
            return;
        }

        var gone = without.Select(o => o.Uid).ToHashSet(StringComparer.Ordinal);
        var references = new JsonArray();
        foreach (var reference in (metadata["ownerReferences"] as JsonArray ?? []).OfType<JsonObject>().Where(r => !gone.Contains((string?)r["uid"] ?? "")))
        {
            var kept = (JsonObject)reference.DeepClone();
            if (block is { } blocks)
            {
                kept["blockOwnerDeletion"] = blocks;
            }

            references.Add((JsonNode)kept);
        }

        await PatchMetadataAsync(path, new JsonObject { ["uid"] = obj.Uid, ["resourceVersion"] = (string?)metadata["resourceVersion"], ["ownerReferences"] = references.Count == 0 ? null : references }, cancellationToken);
    }

    private Task RemoveFinalizerAsync(ApiResource resource, ObjectMetadata obj, string finalizer, CancellationToken cancellationToken)
    {
        var rest = obj.Finalizers.Where(f => f != finalizer).Select(f => (JsonNode)f).ToArray();
        return PatchMetadataAsync(
            resource.Object(obj.Namespace, obj.Name),
            new JsonObject { ["uid"] = obj.Uid, ["resourceVersion"] = obj.ResourceVersion, ["finalizers"] = rest.Length == 0 ? null : new JsonArray(rest) },
            cancellationToken);
    }

    private Task PatchMetadataAsync(string path, JsonObject metadata, CancellationToken cancellationToken) =>
        RawCalls.SendAsync(_client, HttpMethod.Patch, path, new JsonObject { ["metadata"] = metadata }.ToJsonString(), MergePatch, cancellationToken);

    /// <summary>Follows what discovery says now, waits until it has been listed, and looks at everything.</summary>
    private async Task FollowAllAsync(CancellationToken cancellationToken)
    {
        var served = (await ResourceDiscovery.AllAsync(_client, cancellationToken))
            .Where(r => r.Can("list") && r.Can("watch") && r.Can("delete") && !Ignored.Contains(r.GroupResource)).ToHashSet();
        foreach (var (resource, (stop, loop)) in _watchers.Where(w => !served.Contains(w.Key)).ToArray())
        {
            await stop.CancelAsync();
            await loop;
            stop.Dispose();
            _watchers.Remove(resource);
            Look(_graph.Forget(resource));
        }

        var syncs = new List<Task>();
        foreach (var resource in served.Where(r => !_watchers.ContainsKey(r)))
        {
            _graph.Follow(resource);
            var definitions = resource is { Group: "apiextensions.k8s.io", Plural: "customresourcedefinitions" };
            var watcher = new MetadataWatcher(_client, resource, _graph, definitions ? LookAndRediscover : Look, Time, _log);
            var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            _watchers[resource] = (stop, Task.Run(() => watcher.RunAsync(stop.Token), CancellationToken.None));
            syncs.Add(watcher.Synced);
        }

        await Task.WhenAll(syncs).WaitAsync(cancellationToken);
        _examine = true;
        Look(_graph.Sweep());
        _synced.TrySetResult();
    }

    private void Look(IReadOnlyCollection<string> uids)
    {
        // Until everything has been listed an owner may be missing only because its turn has not come; the sweep then sees to all.
        if (_examine)
        {
            foreach (var uid in uids)
            {
                Enqueue("", uid);
            }
        }
    }

    /// <summary>A definition changed: what it defines is served a moment later.</summary>
    private void LookAndRediscover(IReadOnlyCollection<string> uids)
    {
        Look(uids);
        if (_examine)
        {
            _ = RediscoverSoonAsync();
        }
    }

    private async Task RediscoverSoonAsync()
    {
        await Task.Delay(Settle, Time);
        _rediscover.Writer.TryWrite(true);
    }

    [LoggerMessage(1, LogLevel.Information, "garbage collection deletes {resource} {namespace}/{name} ({policy})")]
    private partial void Deleted(string resource, string @namespace, string name, string policy);

    [LoggerMessage(2, LogLevel.Warning, "garbage collection can't look up the owner of {resource} {namespace}/{name}: {apiVersion} {kind} {owner}")]
    private partial void Unresolvable(string resource, string @namespace, string name, string apiVersion, string kind, string owner);

    [LoggerMessage(3, LogLevel.Warning, "garbage collection: discovery failed: {why}")]
    private partial void NotDiscovered(string why);
}
