using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core;

/// <summary>ResourceQuota: https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/resource-quota-v1/</summary>
internal sealed class ResourceQuotaKind : StatusKind
{
    private static readonly string[] Standard =
    [
        "cpu", "memory", "ephemeral-storage", "requests.cpu", "requests.memory", "requests.storage", "requests.ephemeral-storage", "limits.cpu", "limits.memory", "limits.ephemeral-storage",
        "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "persistentvolumeclaims", "configmaps", "services.nodeports", "services.loadbalancers",
    ];

    private static readonly string[] OfPods = ["cpu", "memory", "ephemeral-storage", "pods"];
    private static readonly string[] Scopes = ["BestEffort", "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating", "PriorityClass", "Terminating", "VolumeAttributesClass"];

    public override bool HasGeneration => false;

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = new Fields(obj.Obj("spec") ?? [], "spec", errors);
        foreach (var (name, value) in spec.Object.Obj("hard") ?? [])
        {
            var at = $"spec.hard[{name}]";
            foreach (var problem in Names.QualifiedNameErrors(name))
            {
                errors.Invalid(at, name, problem);
            }

            if (!name.Contains('/', StringComparison.Ordinal) && !Standard.Contains(name, StringComparer.Ordinal)
                && !name.StartsWith("hugepages-", StringComparison.Ordinal) && !name.StartsWith("requests.hugepages-", StringComparison.Ordinal))
            {
                errors.Invalid(at, name, "must be a standard resource for quota");
            }

            if (Quantity.TryParse(value.Text(), out var amount) && amount.Sign < 0)
            {
                errors.Invalid(at, value.Text(), Fields.NotNegative);
            }
        }

        var scopes = spec.Strings("scopes");
        if (scopes.Any(s => !Scopes.Contains(s, StringComparer.Ordinal)))
        {
            spec.Invalid("scopes", scopes, "unsupported scope");
        }

        if (scopes.Contains("BestEffort", StringComparer.Ordinal))
        {
            foreach (var (name, _) in spec.Object.Obj("hard") ?? [])
            {
                if (name != "pods" && (OfPods.Contains(name, StringComparer.Ordinal) || name.StartsWith("requests.", StringComparison.Ordinal) || name.StartsWith("limits.", StringComparison.Ordinal)))
                {
                    spec.Invalid("scopes", scopes, "unsupported scope applied to resource");
                    break;
                }
            }
        }

        foreach (var (one, other) in (ReadOnlySpan<(string, string)>)[("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")])
        {
            if (scopes.Contains(one, StringComparer.Ordinal) && scopes.Contains(other, StringComparer.Ordinal))
            {
                spec.Invalid("scopes", scopes, "conflicting scopes");
            }
        }

        ScopeSelector(spec);
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        static HashSet<string> Of(JsonObject quota) => (quota.Obj("spec")?["scopes"] as JsonArray ?? []).Select(s => s.Text()).ToHashSet(StringComparer.Ordinal);
        if (!Of(obj).SetEquals(Of(old)))
        {
            errors.Invalid("spec.scopes", obj.Obj("spec")?["scopes"], Fields.Immutable);
        }
    }

    private static void ScopeSelector(Fields spec)
    {
        foreach (var match in spec.Of("scopeSelector").Items("matchExpressions"))
        {
            var (scope, op, values) = (match.Str("scopeName"), match.Str("operator"), match.Strings("values"));
            if (!Scopes.Contains(scope, StringComparer.Ordinal))
            {
                match.Invalid("scopeName", scope, "unsupported scope");
            }

            if (scope is not ("PriorityClass" or "VolumeAttributesClass") && Scopes.Contains(scope, StringComparer.Ordinal) && op != "Exists")
            {
                match.Invalid("operator", op, "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity");
            }

            switch (op)
            {
                case "In" or "NotIn" when values.Length == 0:
                    match.Required("values", "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector");
                    break;
                case "Exists" or "DoesNotExist" when values.Length > 0:
                    match.Invalid("values", values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector");
                    break;
                case "In" or "NotIn" or "Exists" or "DoesNotExist":
                    break;
                default:
                    match.Invalid("operator", op, "not a valid selector operator");
                    break;
            }
        }
    }
}
