using Kaji.Api.Kinds;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Registry;
using Kaji.ApiServer.Requests;

namespace Kaji.ApiServer.Authorization;

/// <summary>
/// What a node agent (group system:nodes) may do: its own Node, Lease and Pods, and the ConfigMaps, Secrets and tokens that its Pods name.
/// https://kubernetes.io/docs/reference/access-authn-authz/node/
/// </summary>
public sealed class NodeAuthorizer : IAuthorizer
{
    private const string UserPrefix = "system:node:";

    /// <summary>Where Pods are looked up; set when the registry is there.</summary>
    public IObjectRegistry? Objects { get; set; }

    public Decision Authorize(UserInfo user, RequestInfo request)
    {
        if (!user.Name.StartsWith(UserPrefix, StringComparison.Ordinal) || !user.Groups.Contains("system:nodes", StringComparer.Ordinal))
        {
            return new Decision(false, "");
        }

        var node = user.Name[UserPrefix.Length..];
        var allowed = (request.Group, request.Resource, request.Subresource, request.Verb) switch
        {
            ("", "nodes", "", "create" or "get" or "list" or "watch") => true,
            ("", "nodes", "" or "status", "update" or "patch") => request.Name == node,
            ("", "pods", "", "get" or "list" or "watch") => true,
            ("", "pods", "", "delete") or ("", "pods", "status", "update" or "patch" or "get") => Runs(node, request.Namespace, request.Name),
            ("", "services" or "endpoints" or "namespaces", "", "get" or "list" or "watch") => true,
            ("discovery.k8s.io", "endpointslices", "", "get" or "list" or "watch") => true,
            ("", "configmaps" or "secrets", "", "get") => Refers(node, request),
            ("", "configmaps" or "secrets", "", "list" or "watch") => request.Name.Length > 0 && Refers(node, request),
            ("", "serviceaccounts", "token", "create") => true,
            ("", "serviceaccounts", "", "get") => true,
            ("", "events", "", "create" or "patch" or "update") or ("events.k8s.io", "events", "", "create" or "patch" or "update") => true,
            ("coordination.k8s.io", "leases", "", "create") => request.Namespace == "kube-node-lease",
            ("coordination.k8s.io", "leases", "", "get" or "update" or "patch" or "delete") => request.Namespace == "kube-node-lease" && request.Name == node,
            ("certificates.k8s.io", "certificatesigningrequests", "", "create" or "get" or "list" or "watch") => true,
            ("node.k8s.io" or "storage.k8s.io" or "scheduling.k8s.io", _, "", "get" or "list" or "watch") => true,
            _ => false,
        };
        return new Decision(allowed, allowed ? "node" : "");
    }

    /// <summary>Whether a Pod is the node's. One that is gone is nobody's: the request finds nothing, which the agent must hear.</summary>
    private bool Runs(string node, string ns, string pod) =>
        Objects is { } objects && (objects.Get(BuiltInResources.Find("", "v1", "pods")!, ns, pod) is not { } present || present.Obj("spec").Str("nodeName") == node);

    /// <summary>Whether some Pod of the node names the object.</summary>
    private bool Refers(string node, RequestInfo request)
    {
        if (Objects is null || request.Name.Length == 0)
        {
            return false;
        }

        var secret = request.Resource == "secrets";
        return Objects.List(BuiltInResources.Find("", "v1", "pods")!, request.Namespace)
            .Where(p => p.Obj("spec").Str("nodeName") == node)
            .Any(p => References(p.Obj("spec"), secret).Contains(request.Name, StringComparer.Ordinal));
    }

    private static IEnumerable<string> References(System.Text.Json.Nodes.JsonObject? spec, bool secret)
    {
        var (volume, key, from) = secret ? ("secret", "secretKeyRef", "secretRef") : ("configMap", "configMapKeyRef", "configMapRef");
        foreach (var v in spec.Items("volumes"))
        {
            yield return v.Obj(volume).Str(secret ? "secretName" : "name");
            foreach (var source in v.Obj("projected").Items("sources"))
            {
                yield return source.Obj(volume).Str("name");
            }
        }

        foreach (var container in spec.Items("containers").Concat(spec.Items("initContainers")).Concat(spec.Items("ephemeralContainers")))
        {
            foreach (var env in container.Items("env"))
            {
                yield return env.Obj("valueFrom").Obj(key).Str("name");
            }

            foreach (var env in container.Items("envFrom"))
            {
                yield return env.Obj(from).Str("name");
            }
        }

        if (secret)
        {
            foreach (var pull in spec.Items("imagePullSecrets"))
            {
                yield return pull.Str("name");
            }
        }
    }
}
