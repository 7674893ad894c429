using System.Text.Json;
using k8s.Models;
using Kaji.Client;
using Kaji.Controllers.Discovery;
using Kaji.Controllers.GarbageCollection;
using Kaji.Controllers.Pods;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.Namespaces;

/// <summary>
/// Empties a terminating namespace and lets it go: Pods first (they may need what else is there while they end), then every namespaced resource that discovery knows,
/// then the finalizer <c>kubernetes</c>. What stands in the way is told in conditions. https://kubernetes.io/docs/concepts/overview/working-with-objects/namespaces/
/// </summary>
public sealed partial class NamespaceController : Controller
{
    private const string Finalizer = "kubernetes";
    private const string Json = "application/json";
    private const string DeleteOptions = """{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Background"}""";
    private const int ParallelResources = 8;
    private static readonly TimeSpan ShortestRetry = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(15);
    private readonly IApiClient _client;
    private readonly IInformer<V1Namespace> _namespaces;
    private readonly ILogger _log;

    public NamespaceController(IApiClient client, InformerFactory informers, TimeProvider time, ILoggerFactory logging)
        : base("namespace-controller", time, logging.CreateLogger<NamespaceController>())
    {
        (_client, _log) = (client, logging.CreateLogger<NamespaceController>());
        _namespaces = informers.For(Kinds.Namespace);
        _namespaces.Subscribe(change =>
        {
            if (change.New?.Metadata.DeletionTimestamp is not null)
            {
                Enqueue("", change.New.Metadata.Name);
            }
        });
        informers.For(Kinds.Pod).Subscribe(change =>
        {
            if (change.New is null && _namespaces.Get(null, change.Object.Metadata.NamespaceProperty)?.Metadata.DeletionTimestamp is not null)
            {
                Enqueue("", change.Object.Metadata.NamespaceProperty);
            }
        });
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (_namespaces.Get(null, objectName)?.Metadata.DeletionTimestamp is null
            || await _client.FindAsync(Kinds.Namespace, null, objectName, cancellationToken) is not { Metadata.DeletionTimestamp: { } since } live
            || live.Spec?.Finalizers?.Contains(Finalizer) != true)
        {
            return;
        }

        var outcome = await EmptyAsync(objectName, cancellationToken);
        if (outcome.IsEmpty)
        {
            live.Spec.Finalizers = [.. live.Spec.Finalizers.Where(f => f != Finalizer)];
            await _client.UpdateAsync(Kinds.Namespace, live, "finalize", cancellationToken);
            Emptied(objectName);
            return;
        }

        var conditions = NamespaceConditions.Of(live.Status?.Conditions, outcome, Time.GetUtcNow());
        var status = new V1NamespaceStatus { Phase = "Terminating", Conditions = conditions };
        if (live.Status is null || !ModelJson.Serialize(status).AsSpan().SequenceEqual(ModelJson.Serialize(live.Status)))
        {
            await _client.PatchAsync(Kinds.Namespace, null, objectName, Patch.Merge((byte[])[.. "{\"status\":"u8, .. ModelJson.Serialize(status), .. "}"u8]), "status", cancellationToken);
        }

        // The longer it takes, the more seldom it is tried; a Pod that goes brings it up at once.
        var age = Time.GetUtcNow() - PodFacts.Utc(since);
        EnqueueAfter("", objectName, TimeSpan.FromTicks(Math.Clamp(age.Ticks / 2, ShortestRetry.Ticks, LongestRetry.Ticks)));
    }

    private async Task<NamespaceOutcome> EmptyAsync(string ns, CancellationToken cancellationToken)
    {
        IReadOnlyList<ApiResource> all;
        try
        {
            all = await ResourceDiscovery.AllAsync(_client, cancellationToken);
        }
        catch (Exception e) when (e is ApiException or HttpRequestException or JsonException or InvalidDataException)
        {
            return new NamespaceOutcome([], e.Message, []);
        }

        var resources = all.Where(r => r.Namespaced && r.Can("list") && r.Can("delete")).ToArray();
        var pods = resources.Where(r => r.GroupResource == "pods").ToArray();
        var first = await EmptyAsync(ns, pods, cancellationToken);
        return first.Remaining.Count > 0 ? first : await EmptyAsync(ns, resources.Except(pods), cancellationToken);
    }

    private async Task<NamespaceOutcome> EmptyAsync(string ns, IEnumerable<ApiResource> resources, CancellationToken cancellationToken)
    {
        var remaining = new List<NamespaceContent>();
        var failures = new List<string>();
        await Parallel.ForEachAsync(resources, new ParallelOptions { MaxDegreeOfParallelism = ParallelResources, CancellationToken = cancellationToken }, async (resource, cancel) =>
        {
            var (left, failure) = await EmptyAsync(ns, resource, cancel);
            lock (remaining)
            {
                if (left is not null)
                {
                    remaining.Add(left);
                }

                if (failure is not null)
                {
                    failures.Add(failure);
                }
            }
        });
        return new NamespaceOutcome([.. remaining.OrderBy(r => r.GroupResource, StringComparer.Ordinal)], null, [.. failures.Order(StringComparer.Ordinal)]);
    }

    private async Task<(NamespaceContent? Left, string? Failure)> EmptyAsync(string ns, ApiResource resource, CancellationToken cancellationToken)
    {
        try
        {
            var objects = await ListAsync(ns, resource, cancellationToken);
            if (objects.Count == 0)
            {
                return (null, null);
            }

            if (objects.Any(o => !o.Deleting))
            {
                if (resource.Can("deletecollection"))
                {
                    await RawCalls.SendAsync(_client, HttpMethod.Delete, resource.Collection(ns), DeleteOptions, Json, cancellationToken);
                }
                else
                {
                    foreach (var obj in objects)
                    {
                        await RawCalls.SendAsync(_client, HttpMethod.Delete, resource.Object(ns, obj.Name), DeleteOptions, Json, cancellationToken);
                    }
                }

                objects = await ListAsync(ns, resource, cancellationToken);
            }

            var held = objects.SelectMany(o => o.Finalizers).GroupBy(f => f, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);
            return (objects.Count == 0 ? null : new NamespaceContent(resource.GroupResource, objects.Count, held), null);
        }
        catch (ApiException e)
        {
            NotEmptied(ns, resource.GroupResource, e.Message);
            return (null, $"{resource.GroupResource}: {e.Message}");
        }
    }

    private async Task<List<ObjectMetadata>> ListAsync(string ns, ApiResource resource, CancellationToken cancellationToken)
    {
        var objects = new List<ObjectMetadata>();
        if (await RawCalls.GetAsync(_client, resource.Collection(ns), Json, cancellationToken) is { } answer)
        {
            MetadataReader.ReadList(answer, objects);
        }

        return objects;
    }

    [LoggerMessage(1, LogLevel.Information, "namespace {namespace} is empty and goes")]
    private partial void Emptied(string @namespace);

    [LoggerMessage(2, LogLevel.Warning, "namespace {namespace}: {resource} not deleted: {why}")]
    private partial void NotEmptied(string @namespace, string resource, string why);
}
