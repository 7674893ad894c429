using System.Globalization;
using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.Api.Metadata;

namespace Kaji.Api.Tables;

/// <summary>The cells of kinds whose columns are more than a field each, as kubectl's users know them.</summary>
internal static class Cells
{
    public const string None = "<none>";

    private static readonly Dictionary<(string Group, string Plural), Func<JsonObject, DateTimeOffset, IReadOnlyList<JsonNode?>>> Known = new()
    {
        [("", "pods")] = PodCells.Of,
        [("", "services")] = Service,
        [("", "nodes")] = Node,
        [("", "namespaces")] = (o, now) => [Name(o), o.Obj("status").Str("phase"), Age(o, now)],
        [("", "configmaps")] = (o, now) => [Name(o), (o.Obj("data")?.Count ?? 0) + (o.Obj("binaryData")?.Count ?? 0), Age(o, now)],
        [("", "secrets")] = (o, now) => [Name(o), o.Str("type"), o.Obj("data")?.Count ?? 0, Age(o, now)],
        [("", "serviceaccounts")] = (o, now) => [Name(o), Age(o, now)],
        [("", "endpoints")] = (o, now) => [Name(o), EndpointsText(o), Age(o, now)],
        [("", "events")] = Event,
        [("events.k8s.io", "events")] = Event,
        [("apps", "deployments")] = Deployment,
        [("apps", "replicasets")] = ReplicaSet,
        [("", "replicationcontrollers")] = ReplicaSet,
        [("apps", "statefulsets")] = (o, now) =>
            [Name(o), $"{Count(o, "readyReplicas")}/{Spec(o, "replicas")}", Age(o, now), Containers(o, "name"), Containers(o, "image")],
        [("apps", "daemonsets")] = (o, now) =>
        [
            Name(o), Count(o, "desiredNumberScheduled"), Count(o, "currentNumberScheduled"), Count(o, "numberReady"), Count(o, "updatedNumberScheduled"), Count(o, "numberAvailable"),
            Map(o.Obj("spec").Obj("template").Obj("spec").Obj("nodeSelector")), Age(o, now), Containers(o, "name"), Containers(o, "image"), Selector(o.Obj("spec").Obj("selector")),
        ],
        [("batch", "jobs")] = Job,
        [("batch", "cronjobs")] = (o, now) =>
        [
            Name(o), o.Obj("spec").Str("schedule"), o.Obj("spec").Str("timeZone") is { Length: > 0 } zone ? zone : None, o.Obj("spec").Bool("suspend") == true ? "True" : "False", o.Obj("status").Items("active").Count(),
            o.Obj("status").Str("lastScheduleTime") is { Length: > 0 } last ? Since(last, now) : None, Age(o, now), Containers(o.Obj("spec").Obj("jobTemplate") ?? [], "name"),
            Containers(o.Obj("spec").Obj("jobTemplate") ?? [], "image"), Selector(o.Obj("spec").Obj("jobTemplate").Obj("spec").Obj("selector")),
        ],
        [("discovery.k8s.io", "endpointslices")] = (o, now) =>
        [
            Name(o), o.Str("addressType"), Short(o.Items("ports").Select(p => p["port"].Text()), 3),
            Short(o.Items("endpoints").SelectMany(e => (e["addresses"] as JsonArray ?? []).Select(a => a.Text())), 3), Age(o, now),
        ],
        [("coordination.k8s.io", "leases")] = (o, now) => [Name(o), o.Obj("spec").Str("holderIdentity"), Age(o, now)],
        [("rbac.authorization.k8s.io", "roles")] = (o, _) => [Name(o), o.Obj("metadata").Str("creationTimestamp")],
        [("rbac.authorization.k8s.io", "clusterroles")] = (o, _) => [Name(o), o.Obj("metadata").Str("creationTimestamp")],
        [("rbac.authorization.k8s.io", "rolebindings")] = Binding,
        [("rbac.authorization.k8s.io", "clusterrolebindings")] = Binding,
        [("scheduling.k8s.io", "priorityclasses")] = (o, now) => [Name(o), o["value"]?.DeepClone(), o.Bool("globalDefault") == true, Age(o, now), o.Str("preemptionPolicy")],
    };

    public static Func<JsonObject, DateTimeOffset, IReadOnlyList<JsonNode?>>? For(string group, string plural) =>
        Known.GetValueOrDefault((group, plural)) ?? StorageCells.Known.GetValueOrDefault((group, plural)) ?? NetworkCells.Known.GetValueOrDefault((group, plural)) ?? ControlCells.Known.GetValueOrDefault((group, plural));

    /// <summary>A column of a kind without cells of its own: name, age, or the field that is called so.</summary>
    public static JsonNode? Generic(string column, JsonObject obj, DateTimeOffset now)
    {
        var field = char.ToLowerInvariant(column[0]) + column[1..].Replace(" ", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal);
        return column switch
        {
            "Name" => Name(obj),
            "Age" => Age(obj, now),
            "Created At" => obj.Obj("metadata").Str("creationTimestamp"),
            _ => (obj[field] ?? obj.Obj("spec")?[field] ?? obj.Obj("status")?[field]) is { } value ? value.Text() : None,
        };
    }

    public static string Name(JsonObject obj) => obj.Obj("metadata").Str("name");

    public static string Age(JsonObject obj, DateTimeOffset now) => Since(obj.Obj("metadata").Str("creationTimestamp"), now);

    public static string Since(string time, DateTimeOffset now) => Timestamps.TryParse(time, out var then) ? Timestamps.HumanDuration(now - then) : "<unknown>";

    private static long Count(JsonObject obj, string field) => obj.Obj("status").Int(field) ?? 0;

    private static long Spec(JsonObject obj, string field) => obj.Obj("spec").Int(field) ?? 0;

    private static string Containers(JsonObject obj, string field) =>
        string.Join(",", obj.Obj("spec").Obj("template").Obj("spec").Items("containers").Select(c => c.Str(field)));

    public static string Map(JsonObject? map) => map is { Count: > 0 } ? string.Join(",", map.Select(p => $"{p.Key}={p.Value.Text()}")) : None;

    public static string Selector(JsonObject? selector)
    {
        if (selector is null)
        {
            return None;
        }

        var terms = (selector.Obj("matchLabels") ?? []).Select(p => $"{p.Key}={p.Value.Text()}").Concat(selector.Items("matchExpressions").Select(e =>
        {
            var values = string.Join(",", (e["values"] as JsonArray ?? []).Select(v => v.Text()));
            return e.Str("operator") switch { "In" => $"{e.Str("key")} in ({values})", "NotIn" => $"{e.Str("key")} notin ({values})", "Exists" => e.Str("key"), _ => "!" + e.Str("key") };
        })).ToArray();
        return terms.Length == 0 ? None : string.Join(",", terms);
    }

    private static string Short(IEnumerable<string> values, int most)
    {
        var all = values.ToArray();
        return all.Length == 0 ? "<unset>" : all.Length <= most ? string.Join(",", all) : $"{string.Join(",", all.Take(most))} + {all.Length - most} more...";
    }

    private static string EndpointsText(JsonObject obj)
    {
        var all = obj.Items("subsets").SelectMany(s => s.Items("addresses").SelectMany(a => s.Items("ports").DefaultIfEmpty([]).Select(p => p["port"] is { } port ? $"{a.Str("ip")}:{port.Text()}" : a.Str("ip")))).ToArray();
        return all.Length == 0 ? None : Short(all, 3);
    }

    private static JsonNode?[] Service(JsonObject o, DateTimeOffset now)
    {
        var spec = o.Obj("spec");
        var external = spec.Str("type") switch
        {
            "ExternalName" => spec.Str("externalName"),
            "LoadBalancer" => o.Obj("status").Obj("loadBalancer").Items("ingress").Select(i => i.Str("ip") is { Length: > 0 } ip ? ip : i.Str("hostname")).DefaultIfEmpty("<pending>").Aggregate((a, b) => $"{a},{b}"),
            _ => (spec?["externalIPs"] as JsonArray)?.Select(i => i.Text()).DefaultIfEmpty(None).Aggregate((a, b) => $"{a},{b}") ?? None,
        };
        var ports = string.Join(",", spec.Items("ports").Select(p => p.Int("nodePort") is { } node and not 0 ? $"{p["port"].Text()}:{node}/{p.Str("protocol")}" : $"{p["port"].Text()}/{p.Str("protocol")}"));
        return
        [
            Name(o), spec.Str("type"), spec.Str("clusterIP") is { Length: > 0 } ip ? ip : None, external, ports.Length > 0 ? ports : None, Age(o, now),
            Map(spec.Obj("selector")),
        ];
    }

    private static JsonNode?[] Node(JsonObject o, DateTimeOffset now)
    {
        var ready = o.Obj("status").Items("conditions").FirstOrDefault(c => c.Str("type") == "Ready").Str("status");
        var status = (ready == "True" ? "Ready" : ready == "False" ? "NotReady" : "Unknown") + (o.Obj("spec").Bool("unschedulable") == true ? ",SchedulingDisabled" : "");
        var roles = (o.Obj("metadata").Obj("labels") ?? []).Where(l => l.Key.StartsWith("node-role.kubernetes.io/", StringComparison.Ordinal)).Select(l => l.Key["node-role.kubernetes.io/".Length..]).Order(StringComparer.Ordinal).ToArray();
        string Address(string type) => o.Obj("status").Items("addresses").FirstOrDefault(a => a.Str("type") == type).Str("address") is { Length: > 0 } ip ? ip : None;
        var info = o.Obj("status").Obj("nodeInfo");
        return
        [
            Name(o), status, roles.Length > 0 ? string.Join(",", roles) : None, Age(o, now), info.Str("kubeletVersion"), Address("InternalIP"), Address("ExternalIP"),
            info.Str("osImage"), info.Str("kernelVersion"), info.Str("containerRuntimeVersion"),
        ];
    }

    private static JsonNode?[] Deployment(JsonObject o, DateTimeOffset now) =>
    [
        Name(o), $"{Count(o, "readyReplicas")}/{Spec(o, "replicas")}", Count(o, "updatedReplicas"), Count(o, "availableReplicas"), Age(o, now),
        Containers(o, "name"), Containers(o, "image"), Selector(o.Obj("spec").Obj("selector")),
    ];

    private static JsonNode?[] ReplicaSet(JsonObject o, DateTimeOffset now) =>
    [
        Name(o), Spec(o, "replicas"), Count(o, "replicas"), Count(o, "readyReplicas"), Age(o, now), Containers(o, "name"), Containers(o, "image"),
        o.Str("kind") == "ReplicationController" ? Map(o.Obj("spec").Obj("selector")) : Selector(o.Obj("spec").Obj("selector")),
    ];

    private static JsonNode?[] Job(JsonObject o, DateTimeOffset now)
    {
        var status = o.Obj("status");
        string Condition(string type) => status.Items("conditions").FirstOrDefault(c => c.Str("type") == type).Str("status");
        var state = Condition("Complete") == "True" ? "Complete" : Condition("Failed") == "True" ? "Failed" : o.Obj("metadata")?["deletionTimestamp"] is not null ? "Terminating"
            : Condition("Suspended") == "True" ? "Suspended" : Condition("FailureTarget") == "True" ? "FailureTarget" : Condition("SuccessCriteriaMet") == "True" ? "SuccessCriteriaMet" : "Running";
        var wanted = o.Obj("spec").Int("completions") is { } completions ? $"{completions}" : o.Obj("spec").Int("parallelism") is > 1 and { } parallelism ? $"1 of {parallelism}" : "1";
        var duration = !Timestamps.TryParse(status.Str("startTime"), out var start) ? ""
            : Timestamps.TryParse(status.Str("completionTime"), out var end) ? Timestamps.HumanDuration(end - start) : Timestamps.HumanDuration(now - start);
        return [Name(o), state, $"{Count(o, "succeeded")}/{wanted}", duration, Age(o, now), Containers(o, "name"), Containers(o, "image"), Selector(o.Obj("spec").Obj("selector"))];
    }

    private static JsonNode?[] Event(JsonObject o, DateTimeOffset now)
    {
        var about = o.Obj("involvedObject") ?? o.Obj("regarding");
        var first = Earliest(o, "firstTimestamp", "deprecatedFirstTimestamp", "eventTime");
        var last = o.Obj("series").Str("lastObservedTime") is { Length: > 0 } seen ? seen : Earliest(o, "lastTimestamp", "deprecatedLastTimestamp", "eventTime");
        var count = o.Obj("series").Int("count") ?? o.Int("count") ?? o.Int("deprecatedCount") ?? 1;
        var source = o.Obj("source").Str("component") is { Length: > 0 } component ? component : o.Str("reportingComponent") is { Length: > 0 } reporting ? reporting : o.Str("reportingController");
        return
        [
            Since(last, now), o.Str("type"), o.Str("reason"), $"{about.Str("kind").ToLowerInvariant()}/{about.Str("name")}", about.Str("fieldPath"), source,
            (o.Str("message") is { Length: > 0 } message ? message : o.Str("note")).Trim(), Since(first, now), count, Name(o),
        ];
    }

    private static string Earliest(JsonObject o, params ReadOnlySpan<string> fields)
    {
        foreach (var field in fields)
        {
            if (o.Str(field) is { Length: > 0 } time)
            {
                return time;
            }
        }

        return o.Obj("metadata").Str("creationTimestamp");
    }

    private static JsonNode?[] Binding(JsonObject o, DateTimeOffset now)
    {
        string Subjects(string kind) => string.Join(", ", o.Items("subjects").Where(s => s.Str("kind") == kind).Select(s => kind == "ServiceAccount" ? $"{s.Str("namespace")}/{s.Str("name")}" : s.Str("name")));
        return [Name(o), $"{o.Obj("roleRef").Str("kind")}/{o.Obj("roleRef").Str("name")}", Age(o, now), Subjects("User"), Subjects("Group"), Subjects("ServiceAccount")];
    }
}
