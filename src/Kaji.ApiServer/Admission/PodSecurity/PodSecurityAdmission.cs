using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Registry;

namespace Kaji.ApiServer.Admission.PodSecurity;

/// <summary>
/// PodSecurity: Pods above their namespace's level are refused; they and workloads are warned and audited about.
/// https://kubernetes.io/docs/concepts/security/pod-security-admission/
/// </summary>
public sealed class PodSecurityAdmission : IAdmissionPlugin
{
    private const int MaxPodsOfNamespace = 3000;
    private static readonly ResourceInfo Namespaces = BuiltInResources.Find("", "v1", "namespaces")!;
    private static readonly ResourceInfo Pods = BuiltInResources.Find("", "v1", "pods")!;

    public IObjectRegistry? Objects { get; set; }

    public string Name => "PodSecurity";

    public ValueTask<ApiError?> ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken) => ValueTask.FromResult(request.Operation is "CREATE" or "UPDATE" && request.Object is { } obj ? Decide(request, obj) : null);

    private ApiError? Decide(AdmissionRequest request, JsonObject obj)
    {
        switch (request.Resource.Group, request.Resource.Plural)
        {
            case ("", "namespaces"):
                return request.Subresource.Length == 0 ? OfNamespace(request, obj) : null;
            case ("", "pods"):
                if (request.Subresource is not ("" or "ephemeralcontainers") || (request.OldObject is { } old && !IsSignificant(old, obj)))
                {
                    return null;
                }

                return OfPod(request, obj.Obj("metadata"), obj.Obj("spec"), enforce: true);
            default:
                if (request.Subresource.Length == 0 && TemplateOf(request.Resource, obj) is { } template)
                {
                    OfPod(request, template.Obj("metadata"), template.Obj("spec"), enforce: false);
                }

                return null;
        }
    }

    private ApiError? OfPod(AdmissionRequest request, JsonObject? metadata, JsonObject? spec, bool enforce)
    {
        var labels = Objects!.Get(Namespaces, "", request.Namespace).Obj("metadata").Obj("labels");
        if (labels is null)
        {
            return null;
        }

        var (enforced, audited, warned) = (PodSecurityPolicy.Of(labels, "enforce"), PodSecurityPolicy.Of(labels, "audit"), PodSecurityPolicy.Of(labels, "warn"));
        if (enforce)
        {
            var broken = PodSecurityChecks.Evaluate(enforced, metadata, spec);
            request.AuditAnnotations["pod-security.kubernetes.io/enforce-policy"] = enforced.ToString();
            if (broken.Count > 0)
            {
                return ApiErrors.Forbidden(request.Resource, request.Name, $"violates PodSecurity \"{enforced}\": {string.Join(", ", broken)}");
            }
        }

        if (PodSecurityChecks.Evaluate(audited, metadata, spec) is { Count: > 0 } noted)
        {
            request.AuditAnnotations["pod-security.kubernetes.io/audit-violations"] = $"would violate PodSecurity \"{audited}\": {string.Join(", ", noted)}";
        }

        if (PodSecurityChecks.Evaluate(warned, metadata, spec) is { Count: > 0 } warnings)
        {
            request.Warn?.Invoke($"would violate PodSecurity \"{warned}\": {string.Join(", ", warnings)}");
        }

        return null;
    }

    /// <summary>A namespace whose level is raised: the labels must be right, and the Pods that would no longer be let in are warned about.</summary>
    private ApiError? OfNamespace(AdmissionRequest request, JsonObject ns)
    {
        var (labels, before) = (ns.Obj("metadata").Obj("labels"), request.OldObject.Obj("metadata").Obj("labels"));
        var errors = new List<FieldError>();
        PodSecurityPolicy.Validate(labels, errors);
        if (errors.Count > 0)
        {
            var old = new List<FieldError>();
            PodSecurityPolicy.Validate(before, old);
            return old.Count > 0 ? null : ApiErrors.Invalid("", "Namespace", request.Name, errors);
        }

        var (now, then) = (PodSecurityPolicy.Of(labels, "enforce"), PodSecurityPolicy.Of(before, "enforce"));
        if (request.OldObject is null || now == then || now.Level == PodSecurityLevel.Privileged)
        {
            return null;
        }

        var bad = new SortedDictionary<string, (int Count, string First)>(StringComparer.Ordinal);
        foreach (var pod in Objects!.List(Pods, request.Name).Take(MaxPodsOfNamespace))
        {
            if (PodSecurityChecks.Evaluate(now, pod.Obj("metadata"), pod.Obj("spec")) is { Count: > 0 } broken)
            {
                var reasons = string.Join(", ", broken.Select(b => b.Reason));
                var name = pod.Obj("metadata").Str("name");
                bad[reasons] = bad.TryGetValue(reasons, out var known) ? (known.Count + 1, known.First) : (1, name);
            }
        }

        if (bad.Count > 0)
        {
            request.Warn?.Invoke($"existing pods in namespace \"{request.Name}\" violate the new PodSecurity enforce level \"{now}\"");
            foreach (var (reasons, (count, first)) in bad)
            {
                request.Warn?.Invoke(count == 1 ? $"{first}: {reasons}" : $"{first} (and {count - 1} other pod{(count == 2 ? "" : "s")}): {reasons}");
            }
        }

        return null;
    }

    /// <summary>Whether a change can matter to the checks.</summary>
    private static bool IsSignificant(JsonObject old, JsonObject pod) =>
        !JsonNode.DeepEquals(old["spec"], pod["spec"]) || !JsonNode.DeepEquals(old.Obj("metadata")?["annotations"], pod.Obj("metadata")?["annotations"]);

    private static JsonObject? TemplateOf(ResourceInfo resource, JsonObject obj) => (resource.Group, resource.Plural) switch
    {
        ("", "podtemplates") => obj.Obj("template"),
        ("", "replicationcontrollers") or ("apps", "deployments" or "replicasets" or "statefulsets" or "daemonsets") or ("batch", "jobs") => obj.Obj("spec").Obj("template"),
        ("batch", "cronjobs") => obj.Obj("spec").Obj("jobTemplate").Obj("spec").Obj("template"),
        _ => null,
    };
}
