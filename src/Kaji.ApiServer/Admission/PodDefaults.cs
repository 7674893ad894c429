using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Registry;

namespace Kaji.ApiServer.Admission;

/// <summary>
/// ServiceAccount: a Pod runs as an account that exists, with its token, the root CA and its namespace mounted where client libraries look for them.
/// </summary>
public sealed class ServiceAccountAdmission : IAdmissionPlugin
{
    private const string MountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
    private const string VolumePrefix = "kube-api-access-";
    private static readonly ResourceInfo Accounts = BuiltInResources.Find("", "v1", "serviceaccounts")!;

    public IObjectRegistry? Objects { get; set; }

    public string Name => "ServiceAccount";

    public bool Reinvocable => true;

    public ValueTask<ApiError?> MutateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request is not { Operation: "CREATE", Resource: { Group: "", Plural: "pods" }, Subresource: "", Object: { } pod } || pod.Obj("metadata").Obj("annotations")?.ContainsKey("kubernetes.io/config.mirror") == true)
        {
            return ValueTask.FromResult<ApiError?>(null);
        }

        var spec = pod.Ensure("spec");
        spec.Default("serviceAccountName", "default");
        var name = spec.Str("serviceAccountName");
        spec["serviceAccount"] = name;
        if (Objects?.Get(Accounts, request.Namespace, name) is not { } account)
        {
            return ValueTask.FromResult<ApiError?>(ApiErrors.Forbidden(request.Resource, request.Name, $"error looking up service account {request.Namespace}/{name}: serviceaccount \"{name}\" not found"));
        }

        if (spec["imagePullSecrets"] is not JsonArray { Count: > 0 } && account["imagePullSecrets"] is JsonArray { Count: > 0 } secrets)
        {
            spec["imagePullSecrets"] = secrets.DeepClone();
        }

        if ((spec.Bool("automountServiceAccountToken") ?? account.Bool("automountServiceAccountToken") ?? true))
        {
            Mount(spec);
        }

        return ValueTask.FromResult<ApiError?>(null);
    }

    private static void Mount(JsonObject spec)
    {
        // Of a Pod that was here before: containers that were added since get the volume that it has.
        var present = spec.Items("volumes").Select(v => v.Str("name")).FirstOrDefault(n => n.StartsWith(VolumePrefix, StringComparison.Ordinal));
        var volume = present ?? VolumePrefix + RandomNumberGenerator.GetString("bcdfghjklmnpqrstvwxz2456789", 5);
        var used = false;
        foreach (var container in spec.Items("containers").Concat(spec.Items("initContainers")))
        {
            if (container.Items("volumeMounts").Any(m => m.Str("mountPath") == MountPath))
            {
                continue;
            }

            used = true;
            var mounts = container["volumeMounts"] as JsonArray ?? [];
            container["volumeMounts"] = mounts.Parent is null ? mounts : container["volumeMounts"];
            ((JsonArray)container["volumeMounts"]!).Add((JsonNode)new JsonObject { ["name"] = volume, ["readOnly"] = true, ["mountPath"] = MountPath });
        }

        if (!used || present is not null)
        {
            return;
        }

        if (spec["volumes"] is not JsonArray)
        {
            spec["volumes"] = new JsonArray();
        }

        ((JsonArray)spec["volumes"]!).Add(JsonNode.Parse($$$$"""
            {"name":"{{{{volume}}}}","projected":{"defaultMode":420,"sources":[
              {"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},
              {"configMap":{"name":"kube-root-ca.crt","items":[{"key":"ca.crt","path":"ca.crt"}]}},
              {"downwardAPI":{"items":[{"path":"namespace","fieldRef":{"apiVersion":"v1","fieldPath":"metadata.namespace"}}]}}]}}
            """));
    }
}

/// <summary>Priority: a Pod's class becomes its number.</summary>
public sealed class PriorityAdmission : IAdmissionPlugin
{
    private static readonly ResourceInfo Classes = BuiltInResources.Find("scheduling.k8s.io", "v1", "priorityclasses")!;

    public IObjectRegistry? Objects { get; set; }

    public string Name => "Priority";

    public ValueTask<ApiError?> MutateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request is not { Operation: "CREATE", Resource: { Group: "", Plural: "pods" }, Subresource: "", Object: { } pod })
        {
            return ValueTask.FromResult<ApiError?>(null);
        }

        var spec = pod.Ensure("spec");
        var name = spec.Str("priorityClassName");
        var found = name.Length > 0 ? Objects?.Get(Classes, "", name) : Objects?.List(Classes).FirstOrDefault(c => c.Bool("globalDefault") == true);
        if (name.Length > 0 && found is null)
        {
            return ValueTask.FromResult<ApiError?>(ApiErrors.Forbidden(request.Resource, request.Name, $"no PriorityClass with name {name} was found"));
        }

        spec["priority"] = found.Int("value") ?? 0;
        spec["preemptionPolicy"] = found.Str("preemptionPolicy") is { Length: > 0 } policy ? policy : "PreemptLowerPriority";
        if (found is not null)
        {
            spec["priorityClassName"] = found.Obj("metadata").Str("name");
        }

        return ValueTask.FromResult<ApiError?>(null);
    }
}

/// <summary>DefaultTolerationSeconds: a Pod stays five minutes on a node that is not ready or unreachable.</summary>
public sealed class DefaultTolerationSeconds : IAdmissionPlugin
{
    public string Name => "DefaultTolerationSeconds";

    public ValueTask<ApiError?> MutateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request is { Operation: "CREATE", Resource: { Group: "", Plural: "pods" }, Subresource: "", Object: { } pod })
        {
            var spec = pod.Ensure("spec");
            foreach (var key in (ReadOnlySpan<string>)["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"])
            {
                if (spec.Items("tolerations").Any(t => (t.Str("key") == key || (t.Str("key").Length == 0 && t.Str("operator") == "Exists")) && t.Str("effect") is "NoExecute" or ""))
                {
                    continue;
                }

                if (spec["tolerations"] is not JsonArray)
                {
                    spec["tolerations"] = new JsonArray();
                }

                ((JsonArray)spec["tolerations"]!).Add((JsonNode)new JsonObject { ["key"] = key, ["operator"] = "Exists", ["effect"] = "NoExecute", ["tolerationSeconds"] = 300 });
            }
        }

        return ValueTask.FromResult<ApiError?>(null);
    }
}
