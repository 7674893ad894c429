using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Registry;

namespace Kaji.ApiServer.Admission;

/// <summary>DefaultStorageClass: a claim that names no class gets the cluster's default one, the newest if there are several.</summary>
public sealed class DefaultStorageClass : IAdmissionPlugin
{
    private static readonly ResourceInfo Classes = BuiltInResources.Find("storage.k8s.io", "v1", "storageclasses")!;

    public IObjectRegistry? Objects { get; set; }

    public string Name => "DefaultStorageClass";

    public ValueTask<ApiError?> MutateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request is { Operation: "CREATE", Resource: { Group: "", Plural: "persistentvolumeclaims" }, Subresource: "", Object: { } claim }
            && claim.Obj("spec")?["storageClassName"] is null && claim.Obj("metadata").Obj("annotations")?.ContainsKey("volume.beta.kubernetes.io/storage-class") != true)
        {
            var chosen = Objects!.List(Classes)
                .Where(c => c.Obj("metadata").Obj("annotations") is { } said && (said.Str("storageclass.kubernetes.io/is-default-class") == "true" || said.Str("storageclass.beta.kubernetes.io/is-default-class") == "true"))
                .Select(c => c.Obj("metadata"))
                .OrderByDescending(m => m.Str("creationTimestamp"), StringComparer.Ordinal).ThenBy(m => m.Str("name"), StringComparer.Ordinal)
                .FirstOrDefault();
            if (chosen is not null)
            {
                claim.Ensure("spec")["storageClassName"] = chosen.Str("name");
            }
        }

        return ValueTask.FromResult<ApiError?>(null);
    }
}

/// <summary>DefaultIngressClass: an Ingress that names no class gets the cluster's default one.</summary>
public sealed class DefaultIngressClass : IAdmissionPlugin
{
    private static readonly ResourceInfo Classes = BuiltInResources.Find("networking.k8s.io", "v1", "ingressclasses")!;

    public IObjectRegistry? Objects { get; set; }

    public string Name => "DefaultIngressClass";

    public ValueTask<ApiError?> MutateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request is { Operation: "CREATE", Resource: { Group: "networking.k8s.io", Plural: "ingresses" }, Subresource: "", Object: { } ingress }
            && ingress.Obj("spec")?["ingressClassName"] is null && ingress.Obj("metadata").Obj("annotations")?.ContainsKey("kubernetes.io/ingress.class") != true)
        {
            var chosen = Objects!.List(Classes)
                .Where(c => c.Obj("metadata").Obj("annotations").Str("ingressclass.kubernetes.io/is-default-class") == "true")
                .Select(c => c.Obj("metadata"))
                .OrderByDescending(m => m.Str("creationTimestamp"), StringComparer.Ordinal).ThenBy(m => m.Str("name"), StringComparer.Ordinal)
                .FirstOrDefault();
            if (chosen is not null)
            {
                ingress.Ensure("spec")["ingressClassName"] = chosen.Str("name");
            }
        }

        return ValueTask.FromResult<ApiError?>(null);
    }
}

/// <summary>TaintNodesByCondition: a new node takes no Pods until it is known to be ready.</summary>
public sealed class TaintNodesByCondition : IAdmissionPlugin
{
    private const string NotReady = "node.kubernetes.io/not-ready";

    public string Name => "TaintNodesByCondition";

    public ValueTask<ApiError?> MutateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request is { Operation: "CREATE", Resource: { Group: "", Plural: "nodes" }, Subresource: "", Object: { } node })
        {
            var spec = node.Ensure("spec");
            if (!spec.Items("taints").Any(t => t.Str("key") == NotReady && t.Str("effect") == "NoSchedule"))
            {
                if (spec["taints"] is not JsonArray)
                {
                    spec["taints"] = new JsonArray();
                }

                ((JsonArray)spec["taints"]!).Add((JsonNode)new JsonObject { ["key"] = NotReady, ["effect"] = "NoSchedule" });
            }
        }

        return ValueTask.FromResult<ApiError?>(null);
    }
}

/// <summary>RuntimeClass: a Pod of a class gets the class's overhead and node constraints.</summary>
public sealed class RuntimeClassAdmission : IAdmissionPlugin
{
    private static readonly ResourceInfo Classes = BuiltInResources.Find("node.k8s.io", "v1", "runtimeclasses")!;

    public IObjectRegistry? Objects { get; set; }

    public string Name => "RuntimeClass";

    public ValueTask<ApiError?> MutateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request is not { Operation: "CREATE", Resource: { Group: "", Plural: "pods" }, Subresource: "", Object: { } pod })
        {
            return ValueTask.FromResult<ApiError?>(null);
        }

        var spec = pod.Ensure("spec");
        var name = spec.Str("runtimeClassName");
        if (name.Length == 0)
        {
            return ValueTask.FromResult(spec["overhead"] is null ? null : ApiErrors.Forbidden(request.Resource, request.Name, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"));
        }

        if (Objects!.Get(Classes, "", name) is not { } found)
        {
            return ValueTask.FromResult<ApiError?>(ApiErrors.Forbidden(request.Resource, request.Name, $"pod rejected: RuntimeClass \"{name}\" not found"));
        }

        if (found.Obj("overhead").Obj("podFixed") is { } overhead)
        {
            if (spec["overhead"] is not null && !JsonNode.DeepEquals(spec["overhead"], overhead))
            {
                return ValueTask.FromResult<ApiError?>(ApiErrors.Forbidden(request.Resource, request.Name, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"));
            }

            spec["overhead"] = overhead.DeepClone();
        }
        else if (spec["overhead"] is JsonObject { Count: > 0 })
        {
            return ValueTask.FromResult<ApiError?>(ApiErrors.Forbidden(request.Resource, request.Name, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"));
        }

        return ValueTask.FromResult(Place(request, spec, found.Obj("scheduling")));
    }

    private static ApiError? Place(AdmissionRequest request, JsonObject spec, JsonObject? scheduling)
    {
        foreach (var (key, value) in scheduling.Obj("nodeSelector") ?? [])
        {
            var selector = spec.Ensure("nodeSelector");
            if (selector[key] is { } said && said.Text() != value.Text())
            {
                return ApiErrors.Forbidden(request.Resource, request.Name, "conflict: runtimeClass.scheduling.nodeSelector and pod.spec.nodeSelector");
            }

            selector[key] = value?.DeepClone();
        }

        var missing = scheduling.Items("tolerations").Where(t => !spec.Items("tolerations").Any(own => JsonNode.DeepEquals(own, t))).ToArray();
        if (missing.Length > 0)
        {
            spec["tolerations"] = new JsonArray([.. spec.Items("tolerations").Concat(missing).Select(t => t.DeepClone())]);
        }

        return null;
    }
}

/// <summary>PodTopologyLabels: a Pod that is bound learns its node's zone and region.</summary>
public sealed class PodTopologyLabels : IAdmissionPlugin
{
    private static readonly ResourceInfo Nodes = BuiltInResources.Find("", "v1", "nodes")!;

    public IObjectRegistry? Objects { get; set; }

    public string Name => "PodTopologyLabels";

    public ValueTask<ApiError?> MutateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request is { Resource: { Group: "", Plural: "pods" }, Subresource: "binding", Object: { } pod } && Objects!.Get(Nodes, "", pod.Obj("spec").Str("nodeName")).Obj("metadata").Obj("labels") is { } labels)
        {
            foreach (var key in (ReadOnlySpan<string>)["topology.kubernetes.io/zone", "topology.kubernetes.io/region"])
            {
                if (labels.Str(key) is { Length: > 0 } value)
                {
                    pod.Ensure("metadata").Ensure("labels")[key] = value;
                }
            }
        }

        return ValueTask.FromResult<ApiError?>(null);
    }
}
