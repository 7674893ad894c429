using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.ApiServer.FlowControl;

/// <summary>The FlowSchemas and PriorityLevelConfigurations that every cluster has: Kubernetes' mandatory and suggested ones.</summary>
internal static class FlowDefaults
{
    private static readonly string[] Everyone = ["Group system:unauthenticated", "Group system:authenticated"];
    private const string Any = "*";

    public static IEnumerable<(ResourceInfo Resource, JsonObject Object)> All()
    {
        yield return (PriorityLevel.Resource, Named("exempt", new JsonObject { ["type"] = "Exempt", ["exempt"] = new JsonObject { ["nominalConcurrencyShares"] = 0, ["lendablePercent"] = 0 } }));
        yield return Level("catch-all", 5, 0);
        yield return Level("system", 30, 33, 64, 6);
        yield return Level("node-high", 40, 25, 64, 6);
        yield return Level("leader-election", 10, 0, 16, 4);
        yield return Level("workload-high", 40, 50, 128, 6);
        yield return Level("workload-low", 100, 90, 128, 6);
        yield return Level("global-default", 20, 50, 128, 6);

        string[] elect = ["get", "create", "update"];
        yield return Schema("exempt", "exempt", 1, null, ["Group system:masters"], Everything());
        yield return Schema("probes", "exempt", 2, null, Everyone, new JsonObject { ["nonResourceRules"] = new JsonArray((JsonNode)new JsonObject { ["verbs"] = Array("get"), ["nonResourceURLs"] = Array("/healthz", "/readyz", "/livez") }) });
        yield return Schema("system-leader-election", "leader-election", 100, "ByUser", ["User system:kube-controller-manager", "User system:kube-scheduler", "ServiceAccount kube-system/*"], Of(Resources(elect, ["coordination.k8s.io"], ["leases"], Any)));
        yield return Schema("endpoint-controller", "workload-high", 150, "ByUser", ["User system:kube-controller-manager", "ServiceAccount kube-system/endpoint-controller", "ServiceAccount kube-system/endpointslicemirroring-controller"],
            Of(Resources(elect, [""], ["endpoints"], Any)));
        yield return Schema("workload-leader-election", "leader-election", 200, "ByUser", ["ServiceAccount kube-system/*"], Of(Resources(elect, ["coordination.k8s.io"], ["leases"], Any)));
        yield return Schema("system-node-high", "node-high", 400, "ByUser", ["Group system:nodes"],
            Of(Resources([Any], [""], ["nodes", "nodes/status"], Any, cluster: true), Resources([Any], ["coordination.k8s.io"], ["leases"], Any)));
        yield return Schema("system-nodes", "system", 500, "ByUser", ["Group system:nodes"], Everything());
        yield return Schema("kube-controller-manager", "workload-high", 800, "ByNamespace", ["User system:kube-controller-manager"], Everything());
        yield return Schema("kube-scheduler", "workload-high", 800, "ByNamespace", ["User system:kube-scheduler"], Everything());
        yield return Schema("kube-system-service-accounts", "workload-high", 900, "ByNamespace", ["ServiceAccount kube-system/*"], Everything());
        yield return Schema("service-accounts", "workload-low", 9000, "ByUser", ["Group system:serviceaccounts"], Everything());
        yield return Schema("global-default", "global-default", 9900, "ByUser", Everyone, Everything());
        yield return Schema("catch-all", "catch-all", 10000, "ByUser", Everyone, Everything());
    }

    private static (ResourceInfo Resource, JsonObject Object) Level(string name, int shares, int lendable, int queues = 0, int handSize = 0)
    {
        var response = queues == 0 ? new JsonObject { ["type"] = "Reject" }
            : new JsonObject { ["type"] = "Queue", ["queuing"] = new JsonObject { ["queues"] = queues, ["handSize"] = handSize, ["queueLengthLimit"] = 50 } };
        return (PriorityLevel.Resource, Named(name, new JsonObject { ["type"] = "Limited", ["limited"] = new JsonObject { ["nominalConcurrencyShares"] = shares, ["lendablePercent"] = lendable, ["limitResponse"] = response } }));
    }

    private static (ResourceInfo Resource, JsonObject Object) Schema(string name, string level, int precedence, string? distinguisher, string[] subjects, JsonObject rule)
    {
        rule["subjects"] = new JsonArray([.. subjects.Select(Subject)]);
        var spec = new JsonObject { ["priorityLevelConfiguration"] = new JsonObject { ["name"] = level }, ["matchingPrecedence"] = precedence, ["rules"] = new JsonArray((JsonNode)rule) };
        if (distinguisher is not null)
        {
            spec["distinguisherMethod"] = new JsonObject { ["type"] = distinguisher };
        }

        return (FlowSchema.Resource, Named(name, spec));
    }

    private static JsonNode Subject(string text)
    {
        var (kind, name) = (text.Split(' ')[0], text.Split(' ')[1]);
        return kind switch
        {
            "User" => new JsonObject { ["kind"] = kind, ["user"] = new JsonObject { ["name"] = name } },
            "Group" => new JsonObject { ["kind"] = kind, ["group"] = new JsonObject { ["name"] = name } },
            _ => new JsonObject { ["kind"] = kind, ["serviceAccount"] = new JsonObject { ["namespace"] = name.Split('/')[0], ["name"] = name.Split('/')[1] } },
        };
    }

    private static JsonObject Everything()
    {
        var rule = Of(Resources([Any], [Any], [Any], Any, cluster: true));
        rule["nonResourceRules"] = new JsonArray((JsonNode)new JsonObject { ["verbs"] = Array(Any), ["nonResourceURLs"] = Array(Any) });
        return rule;
    }

    private static JsonObject Of(params JsonNode[] resources) => new() { ["resourceRules"] = new JsonArray(resources) };

    private static JsonNode Resources(string[] verbs, string[] groups, string[] resources, string ns, bool cluster = false)
    {
        var rule = new JsonObject { ["verbs"] = Array(verbs), ["apiGroups"] = Array(groups), ["resources"] = Array(resources), ["namespaces"] = Array(ns) };
        if (cluster)
        {
            rule["clusterScope"] = true;
        }

        return rule;
    }

    private static JsonObject Named(string name, JsonObject spec) =>
        new() { ["metadata"] = new JsonObject { ["name"] = name, ["annotations"] = new JsonObject { ["apf.kubernetes.io/autoupdate-spec"] = "true" } }, ["spec"] = spec };

    private static JsonArray Array(params string[] values) => [.. values.Select(v => (JsonNode)v)];
}
