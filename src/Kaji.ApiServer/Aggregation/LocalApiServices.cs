using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.CustomResources;
using Kaji.ApiServer.Registry;
using Kaji.Store;
using Microsoft.Extensions.Logging;

namespace Kaji.ApiServer.Aggregation;

/// <summary>Keeps an APIService for each group version that this server answers itself: built-in ones from the start, those of definitions as long as they are there.</summary>
internal sealed partial class LocalApiServices(IRevisionStore store, IObjectRegistry registry, ResourceCatalog catalog, ILogger log)
{
    private const string Managed = "kube-aggregator.kubernetes.io/automanaged";

    /// <summary>groupPriorityMinimum as kube-apiserver gives it: which group's kind a client takes when two have it.</summary>
    private static readonly Dictionary<string, int> Priorities = new(StringComparer.Ordinal)
    {
        [""] = 18000, ["apps"] = 17800, ["events.k8s.io"] = 17750, ["authentication.k8s.io"] = 17700, ["authorization.k8s.io"] = 17600, ["autoscaling"] = 17500, ["batch"] = 17400, ["certificates.k8s.io"] = 17300,
        ["networking.k8s.io"] = 17200, ["policy"] = 17100, ["rbac.authorization.k8s.io"] = 17000, ["storage.k8s.io"] = 16800, ["apiextensions.k8s.io"] = 16700, ["admissionregistration.k8s.io"] = 16700,
        ["scheduling.k8s.io"] = 16600, ["coordination.k8s.io"] = 16500, ["node.k8s.io"] = 16300, ["discovery.k8s.io"] = 16200, ["flowcontrol.apiserver.k8s.io"] = 16100, ["internal.apiserver.k8s.io"] = 16000,
        ["resource.k8s.io"] = 15900,
    };

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            var now = store.Revision;
            await ReconcileAsync(cancellationToken);
            using var watch = store.Watch(ResourceCatalog.Collection, now);
            var changes = new List<StoreEvent>();
            while (await watch.ReadAsync(changes, cancellationToken))
            {
                changes.Clear();
                await ReconcileAsync(cancellationToken);
            }

            if (watch.EndReason == WatchEndReason.Closed)
            {
                return;
            }
        }
    }

    private async Task ReconcileAsync(CancellationToken cancellationToken)
    {
        var present = registry.List(ApiService.Resource).ToDictionary(o => o.Obj("metadata").Str("name"), StringComparer.Ordinal);
        var wanted = catalog.Current.Groups.Where(g => g.Group != "apiregistration.k8s.io").SelectMany(g => g.Versions.Select((v, i) => Of(g.Group, v, g.Versions.Count - i))).ToDictionary(o => o.Obj("metadata").Str("name"), StringComparer.Ordinal);
        try
        {
            foreach (var (name, obj) in wanted.Where(w => !present.ContainsKey(w.Key)))
            {
                await registry.CreateAsync(ApiService.Resource, "", obj, UserInfo.ApiServer, cancellationToken);
            }

            foreach (var (name, _) in present.Where(p => !wanted.ContainsKey(p.Key) && p.Value.Obj("metadata").Obj("labels").Str(Managed).Length > 0))
            {
                await registry.DeleteAsync(ApiService.Resource, "", name, null, UserInfo.ApiServer, cancellationToken);
            }
        }
        catch (Exception e) when (e is ApiErrorException or StoreException)
        {
            // Somebody was faster, or the disk is full: the next change looks again.
            Later(e.Message);
        }
    }

    private static JsonObject Of(string group, string version, int order)
    {
        var builtIn = BuiltInResources.Groups.Any(g => g.Group == group && g.Versions.Contains(version, StringComparer.Ordinal));
        return new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = $"{version}.{group}", ["labels"] = new JsonObject { [Managed] = builtIn ? "onstart" : "true" } },
            ["spec"] = new JsonObject { ["group"] = group, ["version"] = version, ["groupPriorityMinimum"] = builtIn ? Priorities.GetValueOrDefault(group, 15000) : 1000, ["versionPriority"] = builtIn ? order * 15 : 100 },
        };
    }

    [LoggerMessage(1, LogLevel.Warning, "local APIServices: {why}")]
    private partial void Later(string why);
}
