using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.Api.Tables;

/// <summary>Cells of networking, disruption and scaling.</summary>
internal static class NetworkCells
{
    public static readonly Dictionary<(string Group, string Plural), Func<JsonObject, DateTimeOffset, IReadOnlyList<JsonNode?>>> Known = new()
    {
        [("networking.k8s.io", "ingresses")] = Ingress,
        [("networking.k8s.io", "ingressclasses")] = (o, now) => [Cells.Name(o), o.Obj("spec").Str("controller"), Parameters(o.Obj("spec").Obj("parameters")), Cells.Age(o, now)],
        [("networking.k8s.io", "networkpolicies")] = (o, now) => [Cells.Name(o), Cells.Selector(o.Obj("spec").Obj("podSelector")), Cells.Age(o, now)],
        [("networking.k8s.io", "servicecidrs")] = (o, now) => [Cells.Name(o), string.Join(",", (o.Obj("spec")?["cidrs"] as JsonArray ?? []).Select(c => c.Text())), Cells.Age(o, now)],
        [("networking.k8s.io", "ipaddresses")] = (o, _) => [Cells.Name(o), Parent(o.Obj("spec").Obj("parentRef"))],
        [("policy", "poddisruptionbudgets")] = (o, now) =>
        [
            Cells.Name(o), o.Obj("spec")?["minAvailable"] is { } least ? least.Text() : "N/A", o.Obj("spec")?["maxUnavailable"] is { } most ? most.Text() : "N/A",
            o.Obj("status").Int("disruptionsAllowed") ?? 0, Cells.Age(o, now),
        ],
        [("autoscaling", "horizontalpodautoscalers")] = (o, now) =>
        [
            Cells.Name(o), $"{o.Obj("spec").Obj("scaleTargetRef").Str("kind")}/{o.Obj("spec").Obj("scaleTargetRef").Str("name")}", HorizontalPodAutoscalerCells.Targets(o),
            o.Obj("spec")?["minReplicas"] is { } min ? min.Text() : "<unset>", o.Obj("spec").Int("maxReplicas") ?? 0, o.Obj("status").Int("currentReplicas") ?? 0, Cells.Age(o, now),
        ],
    };

    private static JsonNode?[] Ingress(JsonObject o, DateTimeOffset now)
    {
        var spec = o.Obj("spec");
        var hosts = spec.Items("rules").Take(3).Select(r => r.Str("host") is { Length: > 0 } host ? host : "*").ToArray();
        var more = spec.Items("rules").Count() - 3;
        var shown = hosts.Length == 0 ? "*" : string.Join(",", hosts) + (more > 0 ? $" + {more} more..." : "");
        var addresses = o.Obj("status").Obj("loadBalancer").Items("ingress").Select(i => i.Str("ip") is { Length: > 0 } ip ? ip : i.Str("hostname"));
        return
        [
            Cells.Name(o), spec.Str("ingressClassName") is { Length: > 0 } name ? name : Cells.None, shown, string.Join(",", addresses), spec.Items("tls").Any() ? "80, 443" : "80", Cells.Age(o, now),
        ];
    }

    private static string Parameters(JsonObject? parameters) => parameters is null ? Cells.None
        : $"{parameters.Str("kind")}{(parameters.Str("apiGroup") is { Length: > 0 } group ? "." + group : "")}/{parameters.Str("name")}";

    private static string Parent(JsonObject? reference)
    {
        if (reference is null)
        {
            return Cells.None;
        }

        var resource = reference.Str("group") is { Length: > 0 } group ? $"{reference.Str("resource")}.{group}" : reference.Str("resource");
        return reference.Str("namespace") is { Length: > 0 } ns ? $"{resource}/{ns}/{reference.Str("name")}" : $"{resource}/{reference.Str("name")}";
    }
}
