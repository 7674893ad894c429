using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;

namespace Kaji.Api.Quotas;

/// <summary>
/// What one object uses of a quota, under the names of ResourceQuota: <c>pods</c>, <c>requests.cpu</c>, <c>services.nodeports</c>, <c>count/deployments.apps</c> …
/// Admission asks it of what comes, the quota controller of what is there. Pure. https://kubernetes.io/docs/concepts/policy/resource-quotas/
/// </summary>
public static class QuotaUsage
{
    private const string ClassInfix = ".storageclass.storage.k8s.io/";
    private static readonly Quantity One = Quantity.FromValue(1);
    private static readonly HashSet<string> Compute = new(StringComparer.Ordinal) { "cpu", "memory", "ephemeral-storage" };
    private static readonly HashSet<string> MustBeSaid = new(StringComparer.Ordinal) { "cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory" };
    private static readonly HashSet<string> Counted = new(StringComparer.Ordinal) { "configmaps", "secrets", "replicationcontrollers", "resourcequotas", "services", "persistentvolumeclaims", "pods" };

    /// <summary>The resource (<c>deployments.apps</c>) whose objects use a quota's entry; null when none that is known does.</summary>
    public static string? TrackedBy(string entry)
    {
        if (entry.StartsWith("count/", StringComparison.Ordinal))
        {
            return entry["count/".Length..];
        }

        if (Counted.Contains(entry))
        {
            return entry;
        }

        if (entry is "services.nodeports" or "services.loadbalancers")
        {
            return "services";
        }

        if (entry == "requests.storage" || entry.Contains(ClassInfix, StringComparison.Ordinal))
        {
            return "persistentvolumeclaims";
        }

        var bare = entry.StartsWith("requests.", StringComparison.Ordinal) ? entry["requests.".Length..] : entry.StartsWith("limits.", StringComparison.Ordinal) ? entry["limits.".Length..] : entry;
        return Compute.Contains(bare) || bare.StartsWith("hugepages-", StringComparison.Ordinal) || (entry.StartsWith("requests.", StringComparison.Ordinal) && bare.Contains('/', StringComparison.Ordinal)) ? "pods" : null;
    }

    /// <summary>Whether objects of the resource are counted and nothing else about them matters.</summary>
    public static bool OnlyCounts(string groupResource) => groupResource is not ("pods" or "services" or "persistentvolumeclaims");

    public static ResourceList Of(string groupResource, JsonObject obj, DateTimeOffset now)
    {
        var usage = new ResourceList { [$"count/{groupResource}"] = One };
        if (groupResource == "pods")
        {
            return HasEnded(obj, now) ? usage : Pod(usage, obj.Obj("spec"));
        }

        if (Counted.Contains(groupResource))
        {
            usage[groupResource] = One;
        }

        return groupResource switch
        {
            "services" => Service(usage, obj.Obj("spec")),
            "persistentvolumeclaims" => Claim(usage, obj.Obj("spec")),
            _ => usage,
        };
    }

    /// <summary>What a Pod's containers must say, and don't, for entries of a quota: <c>limits.cpu for: c; memory for: c,d</c>. Null when all is said.</summary>
    public static string? Missing(IEnumerable<string> entries, JsonObject pod)
    {
        var spec = pod.Obj("spec");
        var wholePod = Requests(new ResourceList(), ResourceList.Of(spec.Obj("resources").Obj("requests")), ResourceList.Of(spec.Obj("resources").Obj("limits")));
        var missing = new List<string>();
        foreach (var entry in entries.Where(e => MustBeSaid.Contains(e) && !wholePod.ContainsKey(e)).Order(StringComparer.Ordinal))
        {
            var silent = spec.Items("containers").Concat(spec.Items("initContainers"))
                .Where(c => !Requests(new ResourceList(), ResourceList.Of(c.Obj("resources").Obj("requests")), ResourceList.Of(c.Obj("resources").Obj("limits"))).ContainsKey(entry))
                .Select(c => c.Str("name")).Order(StringComparer.Ordinal).ToArray();
            if (silent.Length > 0)
            {
                missing.Add($"{entry} for: {string.Join(',', silent)}");
            }
        }

        return missing.Count == 0 ? null : $"must specify {string.Join("; ", missing)}";
    }

    /// <summary>Pods that ended, or should long have gone, no longer use compute resources.</summary>
    private static bool HasEnded(JsonObject pod, DateTimeOffset now)
    {
        if (pod.Obj("status").Str("phase") is "Succeeded" or "Failed")
        {
            return true;
        }

        var metadata = pod.Obj("metadata");
        return Timestamps.TryParse(metadata.Str("deletionTimestamp"), out var deletion) && metadata.Int("deletionGracePeriodSeconds") is { } grace && now > deletion.AddSeconds(grace);
    }

    private static ResourceList Pod(ResourceList usage, JsonObject? spec)
    {
        usage["pods"] = One;
        return Requests(usage, PodResources.Requests(spec), PodResources.Limits(spec));
    }

    private static ResourceList Requests(ResourceList usage, ResourceList requests, ResourceList limits)
    {
        foreach (var (name, amount) in requests)
        {
            if (Compute.Contains(name) || name.StartsWith("hugepages-", StringComparison.Ordinal))
            {
                usage[name] = amount;
                usage[$"requests.{name}"] = amount;
            }
            else if (name.Contains('/', StringComparison.Ordinal))
            {
                usage[$"requests.{name}"] = amount;
            }
        }

        foreach (var (name, amount) in limits.Where(l => Compute.Contains(l.Key)))
        {
            usage[$"limits.{name}"] = amount;
        }

        return usage;
    }

    private static ResourceList Service(ResourceList usage, JsonObject? spec)
    {
        var ports = spec.Items("ports").ToArray();
        var (type, nodePorts) = (spec.Str("type"), (long)ports.Length);
        if (type == "LoadBalancer" && spec.Bool("allocateLoadBalancerNodePorts") == false)
        {
            nodePorts = ports.Count(p => (p.Int("nodePort") ?? 0) != 0);
        }

        usage["services.nodeports"] = type is "NodePort" or "LoadBalancer" ? Quantity.FromValue(nodePorts) : default;
        usage["services.loadbalancers"] = type == "LoadBalancer" ? One : default;
        return usage;
    }

    private static ResourceList Claim(ResourceList usage, JsonObject? spec)
    {
        var storage = ResourceList.Of(spec.Obj("resources").Obj("requests"));
        var storageClass = spec.Str("storageClassName");
        if (storage.TryGetValue("storage", out var amount))
        {
            usage["requests.storage"] = amount;
            if (storageClass.Length > 0)
            {
                usage[$"{storageClass}{ClassInfix}requests.storage"] = amount;
            }
        }

        if (storageClass.Length > 0)
        {
            usage[$"{storageClass}{ClassInfix}persistentvolumeclaims"] = One;
        }

        return usage;
    }
}
