using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Registry;
using Kaji.Store;
using Microsoft.Extensions.Logging;

namespace Kaji.ApiServer.FlowControl;

/// <summary>
/// The loop behind the settings of priority and fairness: makes those that every cluster has, makes the mandatory ones again when they are gone, and says of each FlowSchema whether its level is there (condition Dangling).
/// </summary>
internal sealed partial class FlowConfiguration(IRevisionStore store, IObjectRegistry registry, TimeProvider time, ILogger log)
{
    private static readonly string[] Mandatory = ["exempt", "catch-all"];

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var first = true;
        while (!cancellationToken.IsCancellationRequested)
        {
            var now = (store.LastChange(FlowController.Schemas), store.LastChange(FlowController.Levels));
            using var watch = store.Watch("/registry/flowcontrol.apiserver.k8s.io/", store.Revision);
            try
            {
                await EnsureAsync(first, cancellationToken);
                first = false;
                await TellAsync(cancellationToken);
            }
            catch (Exception e) when (e is ApiErrorException or StoreException)
            {
                Later(e.Message);
            }

            var changes = new List<StoreEvent>();
            if (now == (store.LastChange(FlowController.Schemas), store.LastChange(FlowController.Levels)) && !await watch.ReadAsync(changes, cancellationToken) && watch.EndReason == WatchEndReason.Closed)
            {
                return;
            }
        }
    }

    private async Task EnsureAsync(bool all, CancellationToken cancellationToken)
    {
        foreach (var (resource, obj) in FlowDefaults.All())
        {
            var name = obj.Obj("metadata").Str("name");
            if ((all || Mandatory.Contains(name, StringComparer.Ordinal)) && registry.Get(resource, "", name) is null)
            {
                await registry.CreateAsync(resource, "", obj, UserInfo.ApiServer, cancellationToken);
            }
        }
    }

    private async Task TellAsync(CancellationToken cancellationToken)
    {
        var levels = registry.List(PriorityLevel.Resource).Select(o => o.Obj("metadata").Str("name")).ToHashSet(StringComparer.Ordinal);
        foreach (var schema in registry.List(FlowSchema.Resource))
        {
            var level = schema.Obj("spec").Obj("priorityLevelConfiguration").Str("name");
            var dangling = !levels.Contains(level);
            if (schema.Obj("status").Items("conditions").FirstOrDefault(c => c.Str("type") == "Dangling").Str("status") != (dangling ? "True" : "False"))
            {
                await registry.UpdateAsync(FlowSchema.Resource, "", schema.Obj("metadata").Str("name"), "status", obj => Say(obj, dangling, level), UserInfo.ApiServer, cancellationToken);
            }
        }
    }

    private bool Say(JsonObject schema, bool dangling, string level)
    {
        var others = schema.Obj("status").Items("conditions").Where(c => c.Str("type") != "Dangling").Select(c => c.DeepClone());
        schema.Ensure("status")["conditions"] = new JsonArray([.. others, new JsonObject
        {
            ["type"] = "Dangling", ["status"] = dangling ? "True" : "False", ["lastTransitionTime"] = Timestamps.Format(time.GetUtcNow()), ["reason"] = dangling ? "NotFound" : "Found",
            ["message"] = dangling ? $"This FlowSchema references the PriorityLevelConfiguration object named \"{level}\" but there is no such object" : $"This FlowSchema references the PriorityLevelConfiguration object named \"{level}\" and it exists",
        }]);
        return true;
    }

    [LoggerMessage(1, LogLevel.Warning, "settings of priority and fairness: {why}")]
    private partial void Later(string why);
}
