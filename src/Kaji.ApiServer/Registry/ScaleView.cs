using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.ApiServer.Registry;

/// <summary>The <c>scale</c> subresource: autoscaling/v1 Scale over a workload's replicas.</summary>
internal static class ScaleView
{
    public static JsonObject Of(JsonObject workload)
    {
        var metadata = workload.Obj("metadata");
        var scale = new JsonObject
        {
            ["kind"] = "Scale",
            ["apiVersion"] = "autoscaling/v1",
            ["metadata"] = new JsonObject
            {
                ["name"] = metadata.Str("name"), ["namespace"] = metadata.Str("namespace"), ["uid"] = metadata.Str("uid"),
                ["resourceVersion"] = metadata.Str("resourceVersion"), ["creationTimestamp"] = metadata.Str("creationTimestamp"),
            },
            ["spec"] = new JsonObject { ["replicas"] = workload.Obj("spec").Int("replicas") ?? 1 },
            ["status"] = new JsonObject { ["replicas"] = workload.Obj("status").Int("replicas") ?? 0 },
        };
        if (Selector(workload.Obj("spec").Obj("selector")) is { Length: > 0 } selector)
        {
            scale["status"]!["selector"] = selector;
        }

        return scale;
    }

    /// <summary>Carries a Scale's wish into the workload.</summary>
    public static void Apply(JsonObject workload, JsonObject scale)
    {
        workload.Ensure("spec")["replicas"] = scale.Obj("spec").Int("replicas") ?? 0;
        var revision = scale.Obj("metadata").Str("resourceVersion");
        if (revision.Length > 0)
        {
            workload.Ensure("metadata")["resourceVersion"] = revision;
        }
    }

    private static string Selector(JsonObject? selector)
    {
        var labels = selector.Obj("matchLabels") ?? (selector?["matchExpressions"] is null ? selector : null) ?? [];
        return string.Join(",", labels.Select(p => $"{p.Key}={p.Value.Text()}"));
    }
}
