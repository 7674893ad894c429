using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.Api.Quotas;

/// <summary>Which Pods a quota with scopes counts; of other kinds it then counts none. https://kubernetes.io/docs/concepts/policy/resource-quotas/#quota-scopes</summary>
public static class QuotaScopes
{
    public static bool Match(JsonObject quota, bool isPod, JsonObject obj)
    {
        var spec = quota.Obj("spec");
        var scopes = (spec?["scopes"] as JsonArray ?? []).Select(s => new JsonObject { ["scopeName"] = s.Text(), ["operator"] = "Exists" })
            .Concat(spec.Obj("scopeSelector").Items("matchExpressions"));
        foreach (var scope in scopes)
        {
            if (!isPod || !Matches(scope, obj.Obj("spec")))
            {
                return false;
            }
        }

        return true;
    }

    private static bool Matches(JsonObject scope, JsonObject? spec) => scope.Str("scopeName") switch
    {
        "Terminating" => spec.Int("activeDeadlineSeconds") is >= 0,
        "NotTerminating" => spec.Int("activeDeadlineSeconds") is null or < 0,
        "BestEffort" => PodResources.IsBestEffort(spec),
        "NotBestEffort" => !PodResources.IsBestEffort(spec),
        "PriorityClass" => InValues(scope, spec.Str("priorityClassName")),
        "CrossNamespacePodAffinity" => CrossesNamespaces(spec),
        _ => false,
    };

    private static bool InValues(JsonObject scope, string value)
    {
        var values = (scope["values"] as JsonArray ?? []).Select(v => v.Text());
        return scope.Str("operator") switch
        {
            "In" => values.Contains(value, StringComparer.Ordinal),
            "NotIn" => !values.Contains(value, StringComparer.Ordinal),
            "DoesNotExist" => value.Length == 0,
            _ => value.Length > 0,
        };
    }

    private static bool CrossesNamespaces(JsonObject? spec)
    {
        foreach (var kind in (ReadOnlySpan<string>)["podAffinity", "podAntiAffinity"])
        {
            var affinity = spec.Obj("affinity").Obj(kind);
            var terms = affinity.Items("requiredDuringSchedulingIgnoredDuringExecution").Concat(affinity.Items("preferredDuringSchedulingIgnoredDuringExecution").Select(p => p.Obj("podAffinityTerm")).OfType<JsonObject>());
            if (terms.Any(t => t["namespaces"] is JsonArray { Count: > 0 } || t["namespaceSelector"] is not null))
            {
                return true;
            }
        }

        return false;
    }
}
