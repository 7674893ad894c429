using System.Net;
using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Registry;

namespace Kaji.ApiServer.Bootstrap;

/// <summary>What the objects of a new cluster say.</summary>
/// <param name="ServiceAddress">Virtual address of the <c>kubernetes</c> Service.</param>
/// <param name="DnsAddress">Virtual address of the cluster's DNS.</param>
/// <param name="ApiEndpoint">Where Pods reach the API server.</param>
/// <param name="DnsEndpoint">Where the DNS server listens.</param>
/// <param name="AuthorityPem">The cluster's root certificate.</param>
/// <param name="FrontProxyPem">The root of the front proxy's certificate.</param>
public sealed record BootstrapOptions(IPAddress ServiceAddress, IPAddress DnsAddress, IPEndPoint ApiEndpoint, IPEndPoint DnsEndpoint, string AuthorityPem, string FrontProxyPem)
{
    /// <summary>Where new nodes reach the API; null for no ConfigMap cluster-info.</summary>
    public string? ServerUrl { get; init; }

    /// <summary>What a node that joins has to know of the cluster's network; null for no ConfigMap kaji-cluster.</summary>
    public ClusterNetwork? Network { get; init; }
}

/// <summary>The ranges of a cluster, published for its nodes in ConfigMap kube-system/kaji-cluster.</summary>
public sealed record ClusterNetwork(IPNetwork PodCidr, IPNetwork ServiceCidr, IPAddress Dns);

/// <summary>Makes the objects that every cluster has: namespaces, default roles, priority classes, the Services <c>kubernetes</c> and <c>kube-dns</c>. Leaves alone what is there and right.</summary>
public static class Bootstrapper
{
    private static readonly string[] Namespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

    public static async Task RunAsync(IObjectRegistry registry, BootstrapOptions options, CancellationToken cancellationToken)
    {
        var namespaces = Resource("", "namespaces");
        await Task.WhenAll(Namespaces.Select(name => EnsureAsync(registry, namespaces, "", Object(name), cancellationToken)));
        var work = new List<Task>();
        work.AddRange(DefaultRoles.All().Select(role => RoleReconciliation.EnsureAsync(registry, role, cancellationToken)));
        foreach (var (name, value) in (ReadOnlySpan<(string, int)>)[("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)])
        {
            var priority = Object(name);
            priority["value"] = value;
            priority["description"] = $"Used for system critical pods that must run in the cluster{(name == "system-node-critical" ? " and can't be moved to another node" : "")}.";
            work.Add(EnsureAsync(registry, Resource("scheduling.k8s.io", "priorityclasses"), "", priority, cancellationToken));
        }

        work.Add(ServiceAsync(registry, "default", "kubernetes", options.ServiceAddress, options.ApiEndpoint, [("https", "TCP", 443)], new JsonObject { ["component"] = "apiserver", ["provider"] = "kubernetes" }, cancellationToken));
        work.Add(ServiceAsync(registry, "kube-system", "kube-dns", options.DnsAddress, options.DnsEndpoint, [("dns", "UDP", 53), ("dns-tcp", "TCP", 53)], new JsonObject { ["k8s-app"] = "kube-dns", ["kubernetes.io/cluster-service"] = "true", ["kubernetes.io/name"] = "CoreDNS" }, cancellationToken));
        var authentication = Object("extension-apiserver-authentication");
        authentication["data"] = new JsonObject
        {
            ["client-ca-file"] = options.AuthorityPem, ["requestheader-client-ca-file"] = options.FrontProxyPem, ["requestheader-allowed-names"] = $"[\"{Certificates.ClusterPki.FrontProxyName}\"]",
            ["requestheader-username-headers"] = """["X-Remote-User"]""", ["requestheader-uid-headers"] = """["X-Remote-Uid"]""", ["requestheader-group-headers"] = """["X-Remote-Group"]""",
            ["requestheader-extra-headers-prefix"] = """["X-Remote-Extra-"]""",
        };
        work.Add(EnsureAsync(registry, Resource("", "configmaps"), "kube-system", authentication, cancellationToken, "data"));
        if (options.Network is { } network)
        {
            var map = Object("kaji-cluster");
            map["data"] = new JsonObject { ["podCidr"] = network.PodCidr.ToString(), ["serviceCidr"] = network.ServiceCidr.ToString(), ["dns"] = network.Dns.ToString() };
            work.Add(EnsureAsync(registry, Resource("", "configmaps"), "kube-system", map, cancellationToken, "data"));
        }

        if (options.ServerUrl is { } url)
        {
            var info = Object("cluster-info");
            info["data"] = new JsonObject { ["kubeconfig"] = ClusterInfo(url, options.AuthorityPem) };
            work.Add(ClusterInfoAsync(registry, info, cancellationToken));
        }

        await Task.WhenAll(work);
    }

    /// <summary>What a machine that wants to join reads first: where the API is, and whom it may believe. Signatures that are there stay: their controller puts them right.</summary>
    private static async Task ClusterInfoAsync(IObjectRegistry registry, JsonObject wanted, CancellationToken cancellationToken)
    {
        await EnsureAsync(registry, Resource("", "configmaps"), "kube-public", (JsonObject)wanted.DeepClone(), cancellationToken);
        await registry.UpdateAsync(
            Resource("", "configmaps"),
            "kube-public",
            "cluster-info",
            "",
            obj =>
            {
                var (data, kubeconfig) = (obj.Ensure("data"), wanted.Obj("data").Str("kubeconfig"));
                if (data.Str("kubeconfig") == kubeconfig)
                {
                    return false;
                }

                data["kubeconfig"] = kubeconfig;
                return true;
            },
            UserInfo.ApiServer,
            cancellationToken);
    }

    private static string ClusterInfo(string url, string authorityPem) => $$"""
        apiVersion: v1
        clusters:
        - cluster:
            certificate-authority-data: {{Convert.ToBase64String(System.Text.Encoding.ASCII.GetBytes(authorityPem))}}
            server: {{url}}
          name: ""
        contexts: null
        current-context: ""
        kind: Config
        preferences: {}
        users: null

        """;

    private static async Task ServiceAsync(
        IObjectRegistry registry, string ns, string name, IPAddress address, IPEndPoint backend, (string Name, string Protocol, int Port)[] ports, JsonObject labels, CancellationToken cancellationToken)
    {
        var service = Object(name);
        service["metadata"]!["labels"] = labels;
        service["spec"] = new JsonObject
        {
            ["clusterIP"] = address.ToString(),
            ["ports"] = new JsonArray([.. ports.Select(p => (JsonNode)new JsonObject { ["name"] = p.Name, ["protocol"] = p.Protocol, ["port"] = p.Port, ["targetPort"] = backend.Port })]),
        };
        await EnsureAsync(registry, Resource("", "services"), ns, service, cancellationToken);

        JsonNode Port((string Name, string Protocol, int Port) p) => new JsonObject { ["name"] = p.Name, ["port"] = backend.Port, ["protocol"] = p.Protocol };
        var slice = Object(name);
        slice["metadata"]!["labels"] = new JsonObject { ["kubernetes.io/service-name"] = name };
        slice["addressType"] = "IPv4";
        slice["endpoints"] = new JsonArray((JsonNode)new JsonObject { ["addresses"] = new JsonArray(backend.Address.ToString()), ["conditions"] = new JsonObject { ["ready"] = true } });
        slice["ports"] = new JsonArray([.. ports.Select(Port)]);
        await EnsureAsync(registry, Resource("discovery.k8s.io", "endpointslices"), ns, slice, cancellationToken, "endpoints", "ports");

        var endpoints = Object(name);
        endpoints["metadata"]!["labels"] = new JsonObject { ["endpointslice.kubernetes.io/skip-mirror"] = "true" };
        endpoints["subsets"] = new JsonArray((JsonNode)new JsonObject
        {
            ["addresses"] = new JsonArray((JsonNode)new JsonObject { ["ip"] = backend.Address.ToString() }), ["ports"] = new JsonArray([.. ports.Select(Port)]),
        });
        await EnsureAsync(registry, Resource("", "endpoints"), ns, endpoints, cancellationToken, "subsets");
    }

    /// <summary>Creates the object, or sets the named fields of the one that is there.</summary>
    private static async Task EnsureAsync(IObjectRegistry registry, ResourceInfo resource, string ns, JsonObject wanted, CancellationToken cancellationToken, params string[] fields)
    {
        var name = wanted.Obj("metadata").Str("name");
        if (registry.Get(resource, ns, name) is { } present)
        {
            if (fields.Any(f => !JsonNode.DeepEquals(present[f], wanted[f])))
            {
                await registry.UpdateAsync(
                    resource,
                    ns,
                    name,
                    "",
                    obj =>
                    {
                        foreach (var field in fields)
                        {
                            obj[field] = wanted[field]?.DeepClone();
                        }

                        return true;
                    },
                    UserInfo.ApiServer,
                    cancellationToken);
            }

            return;
        }

        try
        {
            await registry.CreateAsync(resource, ns, wanted, UserInfo.ApiServer, cancellationToken);
        }
        catch (ApiErrorException e) when (e.Error.Reason == "AlreadyExists")
        {
            // Another replica was faster.
            return;
        }
    }

    private static ResourceInfo Resource(string group, string plural) =>
        BuiltInResources.Find(group, "v1", plural) ?? throw new InvalidOperationException($"{plural}.{group} is not built in");

    private static JsonObject Object(string name) => new() { ["metadata"] = new JsonObject { ["name"] = name } };
}
