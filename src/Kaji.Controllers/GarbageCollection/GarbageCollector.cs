using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.GarbageCollection;

/// <summary>
/// Deletes objects whose owners are gone, and lets owners go that wait for their dependents (foreground) or leave them behind (orphan).
/// One loop owns the graph; a metadata-only watch a resource feeds it. https://kubernetes.io/docs/concepts/architecture/garbage-collection/
/// </summary>
public sealed partial class GarbageCollector(IApiClient client, TimeProvider time, ILogger<GarbageCollector> log)
{
    private static readonly string[] Skipped = ["events", "leases", "bindings", "componentstatuses"];
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(200);
    private readonly Channel<Func<CancellationToken, Task>> _work = Channel.CreateUnbounded<Func<CancellationToken, Task>>(new UnboundedChannelOptions { SingleReader = true });
    private readonly OwnershipGraph _graph = new();
    private IReadOnlyList<DiscoveredResource> _resources = [];

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        _resources = [.. (await DiscoveredResource.AllAsync(client, cancellationToken)).Where(r =>
            new[] { "list", "watch", "delete" }.All(v => r.Verbs.Contains(v, StringComparer.Ordinal)) && !Skipped.Contains(r.Plural, StringComparer.Ordinal))];
        var synced = 0;
        var watches = _resources.Select(r => Task.Run(
            () => WatchAsync(
                r,
                () =>
                {
                    if (Interlocked.Increment(ref synced) == _resources.Count)
                    {
                        // Only now it is known who is there: judge all.
                        Post(JudgeAllAsync);
                    }
                },
                cancellationToken),
            cancellationToken)).ToArray();
        try
        {
            await foreach (var work in _work.Reader.ReadAllAsync(cancellationToken))
            {
                try
                {
                    await work(cancellationToken);
                }
                catch (Exception e) when (e is ApiException or HttpRequestException or IOException)
                {
                    Failed(e.Message);
                    _ = time.CreateTimer(_ => Post(work), null, Retry, Timeout.InfiniteTimeSpan);
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await Task.WhenAll(watches).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Post(Func<CancellationToken, Task> work) => _work.Writer.TryWrite(work);

    private async Task JudgeAllAsync(CancellationToken cancellationToken)
    {
        foreach (var obj in _graph.All.ToArray())
        {
            await JudgeAsync(obj.Uid, cancellationToken);
        }
    }

    private async Task SeenAsync(DiscoveredResource resource, JsonNode obj, bool judge, CancellationToken cancellationToken)
    {
        var owned = OwnedObject.Of(resource, obj);
        _graph.Put(owned);
        if (judge)
        {
            await JudgeAsync(owned.Uid, cancellationToken);
        }
    }

    private async Task GoneAsync(string uid, CancellationToken cancellationToken)
    {
        var owners = _graph.Find(uid)?.Owners ?? [];
        var dependents = _graph.DependentsOf(uid).Select(d => d.Uid).ToArray();
        _graph.Remove(uid);
        foreach (var next in dependents.Concat(owners.Select(o => o.Uid)))
        {
            await JudgeAsync(next, cancellationToken);
        }
    }

    private async Task JudgeAsync(string uid, CancellationToken cancellationToken)
    {
        if (_graph.Find(uid) is not { } obj)
        {
            return;
        }

        if (obj.Orphans)
        {
            await OrphanAsync(obj, cancellationToken);
            return;
        }

        if (obj.WaitsForDependents)
        {
            await ReleaseAsync(obj, cancellationToken);
        }

        var verdict = _graph.Judge(obj);
        if (verdict == GarbageVerdict.LookForOwners)
        {
            foreach (var owner in obj.Owners.Where(o => _graph.Find(o.Uid) is null))
            {
                await LookForAsync(owner, obj.Namespace, cancellationToken);
            }

            verdict = _graph.Judge(obj);
        }

        if (verdict != GarbageVerdict.Delete)
        {
            return;
        }

        var foreground = obj.Owners.Any(o => _graph.Find(o.Uid)?.WaitsForDependents == true) && _graph.DependentsOf(uid).Any();
        Collecting(obj.Resource.Kind, obj.Namespace, obj.Name);
        await JsonCalls.SendAsync(
            client, HttpMethod.Delete, obj.Resource.Object(obj.Namespace, obj.Name), "application/json",
            new JsonObject { ["kind"] = "DeleteOptions", ["apiVersion"] = "v1", ["propagationPolicy"] = foreground ? "Foreground" : "Background", ["preconditions"] = new JsonObject { ["uid"] = uid } }, cancellationToken);
    }

    /// <summary>An owner nobody has seen: it may be of a kind that is not watched, or gone long ago.</summary>
    private async Task LookForAsync(OwnerReference owner, string ns, CancellationToken cancellationToken)
    {
        var resource = _resources.FirstOrDefault(r => r.Kind == owner.Kind && r.ApiVersion == owner.ApiVersion);
        if (resource is null)
        {
            // Of a kind the server does not have (any more): nobody can say that it is gone.
            return;
        }

        var found = await JsonCalls.GetAsync(client, resource.Object(ns, owner.Name), JsonCalls.Metadata, cancellationToken);
        if (found is null || (string?)found["metadata"]?["uid"] != owner.Uid)
        {
            _graph.MarkAbsent(owner.Uid);
        }
    }

    /// <summary>Foreground: dependents are deleted first; those that block hold their owner.</summary>
    private async Task ReleaseAsync(OwnedObject owner, CancellationToken cancellationToken)
    {
        var dependents = _graph.DependentsOf(owner.Uid).ToArray();
        if (dependents.Any(d => d.Owners.Any(o => o.Uid == owner.Uid && o.Blocks)))
        {
            foreach (var dependent in dependents.Where(d => !d.Deleting))
            {
                await JudgeAsync(dependent.Uid, cancellationToken);
            }

            return;
        }

        await RemoveFinalizerAsync(owner, "foregroundDeletion", cancellationToken);
        foreach (var dependent in dependents)
        {
            await JudgeAsync(dependent.Uid, cancellationToken);
        }
    }

    private async Task OrphanAsync(OwnedObject owner, CancellationToken cancellationToken)
    {
        foreach (var dependent in _graph.DependentsOf(owner.Uid).ToArray())
        {
            var left = new JsonArray([.. dependent.Owners.Where(o => o.Uid != owner.Uid).Select(o => (JsonNode)new JsonObject
            {
                ["apiVersion"] = o.ApiVersion, ["kind"] = o.Kind, ["name"] = o.Name, ["uid"] = o.Uid, ["blockOwnerDeletion"] = o.Blocks,
            })]);
            await JsonCalls.SendAsync(
                client, HttpMethod.Patch, dependent.Resource.Object(dependent.Namespace, dependent.Name), "application/merge-patch+json",
                new JsonObject { ["metadata"] = new JsonObject { ["uid"] = dependent.Uid, ["ownerReferences"] = left.Count > 0 ? left : null } }, cancellationToken);
        }

        await RemoveFinalizerAsync(owner, "orphan", cancellationToken);
    }

    private Task<bool> RemoveFinalizerAsync(OwnedObject obj, string finalizer, CancellationToken cancellationToken) => JsonCalls.SendAsync(
        client, HttpMethod.Patch, obj.Resource.Object(obj.Namespace, obj.Name), "application/merge-patch+json",
        new JsonObject { ["metadata"] = new JsonObject { ["uid"] = obj.Uid, ["finalizers"] = new JsonArray([.. obj.Finalizers.Where(f => f != finalizer).Select(f => (JsonNode)f)]) } }, cancellationToken);

    private async Task WatchAsync(DiscoveredResource resource, Action synced, CancellationToken cancellationToken)
    {
        var first = true;
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                var list = await JsonCalls.GetAsync(client, resource.Collection(), JsonCalls.MetadataList, cancellationToken);
                var present = new HashSet<string>(StringComparer.Ordinal);
                foreach (var item in list?["items"] as JsonArray ?? [])
                {
                    present.Add((string)item!["metadata"]!["uid"]!);
                    var judge = !first;
                    Post(token => SeenAsync(resource, item, judge, token));
                }

                Post(token => ForgetOthersAsync(resource, present, token));
                if (first)
                {
                    first = false;
                    synced();
                }

                await FollowAsync(resource, (string)list!["metadata"]!["resourceVersion"]!, cancellationToken);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is ApiException or HttpRequestException or IOException or JsonException)
            {
                Failed(e.Message);
                await Task.Delay(Retry, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ForgetOthersAsync(DiscoveredResource resource, HashSet<string> present, CancellationToken cancellationToken)
    {
        foreach (var gone in _graph.All.Where(o => o.Resource == resource && !present.Contains(o.Uid)).Select(o => o.Uid).ToArray())
        {
            await GoneAsync(gone, cancellationToken);
        }
    }

    /// <summary>Returns when the watch must begin anew with a list.</summary>
    private async Task FollowAsync(DiscoveredResource resource, string version, CancellationToken cancellationToken)
    {
        while (true)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"{resource.Collection()}?watch=1&allowWatchBookmarks=true&resourceVersion={version}");
            request.Headers.TryAddWithoutValidation("Accept", JsonCalls.Metadata);
            using var response = await client.SendAsync(request, cancellationToken);
            if (!response.IsSuccessStatusCode)
            {
                return;
            }

            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken));
            while (await reader.ReadLineAsync(cancellationToken) is { } line)
            {
                var change = JsonNode.Parse(line)!;
                var obj = change["object"]!;
                switch ((string?)change["type"])
                {
                    case "ADDED" or "MODIFIED":
                        Post(token => SeenAsync(resource, obj, judge: true, token));
                        break;
                    case "DELETED":
                        Post(token => GoneAsync((string)obj["metadata"]!["uid"]!, token));
                        break;
                    case "ERROR":
                        return;
                }

                version = (string?)obj["metadata"]?["resourceVersion"] ?? version;
            }
        }
    }

    [LoggerMessage(1, LogLevel.Information, "collecting {kind} {namespace}/{name}: its owners are gone")]
    private partial void Collecting(string kind, string @namespace, string name);

    [LoggerMessage(2, LogLevel.Warning, "garbage collection: {why}; trying again")]
    private partial void Failed(string why);
}
