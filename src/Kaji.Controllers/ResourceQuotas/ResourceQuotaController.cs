using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using k8s.Models;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;
using Kaji.Api.Quotas;
using Kaji.Client;
using Kaji.Controllers.Discovery;
using Kaji.Controllers.Pods;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.ResourceQuotas;

/// <summary>
/// Counts anew what a namespace uses of its quotas: when a quota changes, when something that it counts is deleted or ends, and now and then. Admission adds; this takes away.
/// https://kubernetes.io/docs/concepts/policy/resource-quotas/
/// </summary>
public sealed class ResourceQuotaController : Controller
{
    private static readonly TimeSpan Resync = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(250);
    private readonly IApiClient _client;
    private readonly IInformer<V1ResourceQuota> _quotas;
    private readonly ILogger _log;
    private readonly ConcurrentDictionary<string, ApiResource> _watched = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (string Version, DateTimeOffset At)> _looks = new(StringComparer.Ordinal);
    private readonly ConcurrentBag<Task> _watchers = [];
    private CancellationToken _stopping;

    public ResourceQuotaController(IApiClient client, InformerFactory informers, TimeProvider time, ILoggerFactory logging)
        : base("resourcequota-controller", time, logging.CreateLogger<ResourceQuotaController>())
    {
        (_client, _log) = (client, logging.CreateLogger<ResourceQuotaController>());
        _quotas = informers.For(Client.Kinds.ResourceQuota);
        _quotas.Subscribe(change =>
        {
            if (change.New is { } quota)
            {
                Enqueue(quota.Metadata.NamespaceProperty, quota.Metadata.Name);
            }
            else
            {
                _looks.TryRemove(change.Object.Metadata.Uid, out _);
            }
        });
        informers.For(Client.Kinds.Pod).Subscribe(change =>
        {
            if (change.New is null || (change.Old is { } old && !old.HasEnded() && change.New.HasEnded()))
            {
                Enqueue(change.Object.Metadata.NamespaceProperty, "");
            }
        });
    }

    public override async Task RunAsync(CancellationToken cancellationToken)
    {
        _stopping = cancellationToken;
        await base.RunAsync(cancellationToken);
        await Task.WhenAll(_watchers).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <param name="objectName">Empty for all quotas of the namespace.</param>
    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (objectName.Length == 0)
        {
            foreach (var quota in _quotas.List().Where(q => q.Metadata.NamespaceProperty == ns || ns.Length == 0))
            {
                Enqueue(quota.Metadata.NamespaceProperty, quota.Metadata.Name);
            }

            return;
        }

        var path = $"/api/v1/namespaces/{ns}/resourcequotas/{objectName}";
        if (await RawCalls.GetAsync(_client, path, "application/json", cancellationToken) is not { } bytes)
        {
            return;
        }

        EnqueueAfter(ns, objectName, Resync);
        var wanted = JsonNode.Parse(bytes)!.AsObject();
        var (hard, used) = (ResourceList.Of(wanted.Obj("spec").Obj("hard")), new ResourceList());
        foreach (var tracked in hard.Keys.GroupBy(QuotaUsage.TrackedBy, StringComparer.Ordinal).Where(g => g.Key is not null))
        {
            if (await ResourceAsync(tracked.Key!, cancellationToken) is { } resource)
            {
                Watch(resource);
                var usage = await UsageAsync(resource, wanted, ns, cancellationToken);
                foreach (var entry in tracked)
                {
                    used[entry] = usage.TryGetValue(entry, out var amount) ? amount : default;
                }
            }
        }

        var status = wanted.Obj("status");
        var present = ResourceList.Of(status.Obj("used"));
        if (present.Any(p => used.TryGetValue(p.Key, out var amount) && amount < p.Value) && !IsSettled(wanted.Obj("metadata")!))
        {
            EnqueueAfter(ns, objectName, Settling);
            used = used.Max(present.Mask(used.Keys));
        }

        if (!hard.SameAs(ResourceList.Of(status.Obj("hard"))) || !used.SameAs(present))
        {
            wanted["status"] = new JsonObject { ["hard"] = hard.ToJson(), ["used"] = used.ToJson() };
            await RawCalls.SendAsync(_client, HttpMethod.Put, $"{path}/status", wanted.ToJsonString(), "application/json", cancellationToken);
        }
    }

    /// <summary>
    /// Whether nobody has reserved anything for a while. What was reserved a moment ago may not be stored yet, and so is not counted yet: the amount goes down only when the
    /// quota is as it was at a look before.
    /// </summary>
    private bool IsSettled(JsonObject metadata)
    {
        var (uid, version, now) = (metadata.Str("uid"), metadata.Str("resourceVersion"), Time.GetUtcNow());
        if (_looks.TryGetValue(uid, out var look) && look.Version == version)
        {
            return now - look.At >= Settling;
        }

        _looks[uid] = (version, now);
        return false;
    }

    private async Task<ResourceList> UsageAsync(ApiResource resource, JsonObject quota, string ns, CancellationToken cancellationToken)
    {
        if (QuotaUsage.OnlyCounts(resource.GroupResource))
        {
            var total = QuotaScopes.Match(quota, isPod: false, []) ? await CountAsync(resource, ns, cancellationToken) : 0;
            return new ResourceList { [$"count/{resource.GroupResource}"] = Quantity.FromValue(total), [resource.GroupResource] = Quantity.FromValue(total) };
        }

        var (sum, now) = (new ResourceList(), Time.GetUtcNow());
        var list = await RawCalls.GetAsync(_client, resource.Collection(ns), "application/json", cancellationToken);
        foreach (var item in (list is null ? null : JsonNode.Parse(list)!.AsObject()).Items("items").Where(i => QuotaScopes.Match(quota, resource.GroupResource == "pods", i)))
        {
            sum = sum.Plus(QuotaUsage.Of(resource.GroupResource, item, now));
        }

        return sum;
    }

    /// <summary>How many there are, as a page of one says what remains.</summary>
    private async Task<long> CountAsync(ApiResource resource, string ns, CancellationToken cancellationToken)
    {
        var page = await RawCalls.GetAsync(_client, $"{resource.Collection(ns)}?limit=1", "application/json", cancellationToken);
        var list = page is null ? null : JsonNode.Parse(page)!.AsObject();
        return list.Items("items").Count() + (list.Obj("metadata").Int("remainingItemCount") ?? 0);
    }

    private async Task<ApiResource?> ResourceAsync(string groupResource, CancellationToken cancellationToken)
    {
        if (_watched.TryGetValue(groupResource, out var known))
        {
            return known;
        }

        var all = await ResourceDiscovery.AllAsync(_client, cancellationToken);
        return all.FirstOrDefault(r => r.GroupResource == groupResource && r.Namespaced && r.Can("list"));
    }

    /// <summary>From the first quota that counts it, a resource's deletions are watched; Pods are anyway.</summary>
    private void Watch(ApiResource resource)
    {
        if (_watched.TryAdd(resource.GroupResource, resource) && resource.GroupResource != "pods" && resource.Can("watch"))
        {
            _watchers.Add(new DeletionWatch(_client, resource, ns => Enqueue(ns, ""), Time, _log).RunAsync(_stopping));
        }
    }
}
