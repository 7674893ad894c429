using System.Text.Json.Nodes;
using Kaji.Api.Errors;

namespace Kaji.Api.Kinds.Other;

/// <summary>EndpointSlice.</summary>
internal sealed class EndpointSliceKind : KindBehavior
{
    public override bool HasGeneration => true;

    public override void Default(JsonObject obj)
    {
        foreach (var port in obj.Items("ports"))
        {
            port.Default("name", "");
            port.Default("protocol", "TCP");
        }
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        if (obj.Str("addressType") is not ("IPv4" or "IPv6" or "FQDN"))
        {
            if (obj.Str("addressType").Length == 0)
            {
                errors.Required("addressType");
            }
            else
            {
                errors.NotSupported("addressType", obj.Str("addressType"), ["FQDN", "IPv4", "IPv6"]);
            }
        }

        if (obj.Items("endpoints").Count() > 1000)
        {
            errors.Add(new FieldError("FieldValueTooMany", "endpoints", "Too many: must have at most 1000 items"));
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        if (obj.Str("addressType") != old.Str("addressType"))
        {
            errors.Invalid("addressType", obj.Str("addressType"), "field is immutable");
        }
    }
}

/// <summary>Lease.</summary>
internal sealed class LeaseKind : KindBehavior
{
    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        if (obj.Obj("spec").Int("leaseDurationSeconds") is <= 0)
        {
            errors.Invalid("spec.leaseDurationSeconds", obj.Obj("spec").Int("leaseDurationSeconds"), "must be greater than 0");
        }

        if (obj.Obj("spec").Int("leaseTransitions") is < 0)
        {
            errors.Invalid("spec.leaseTransitions", obj.Obj("spec").Int("leaseTransitions"), "must be greater than or equal to 0");
        }
    }
}

/// <summary>Role and ClusterRole.</summary>
internal sealed class RoleKind : KindBehavior
{
    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var index = 0;
        foreach (var rule in obj.Items("rules"))
        {
            var at = $"rules[{index++}]";
            if (rule["verbs"] is not JsonArray { Count: > 0 })
            {
                errors.Required($"{at}.verbs", "verbs must contain at least one value");
            }

            if (rule["nonResourceURLs"] is JsonArray { Count: > 0 })
            {
                if (obj.Str("kind") == "Role")
                {
                    errors.Invalid($"{at}.nonResourceURLs", rule["nonResourceURLs"]!.ToJsonString(), "namespaced rules cannot apply to non-resource URLs");
                }

                continue;
            }

            if (rule["apiGroups"] is not JsonArray { Count: > 0 })
            {
                errors.Required($"{at}.apiGroups", "resource rules must supply at least one api group");
            }

            if (rule["resources"] is not JsonArray { Count: > 0 })
            {
                errors.Required($"{at}.resources", "resource rules must supply at least one resource");
            }
        }
    }
}

/// <summary>RoleBinding and ClusterRoleBinding: what they refer to can't change.</summary>
internal sealed class RoleBindingKind : KindBehavior
{
    public override void Default(JsonObject obj)
    {
        obj.Obj("roleRef")?.Default("apiGroup", "rbac.authorization.k8s.io");
        foreach (var subject in obj.Items("subjects").Where(s => s.Str("kind") is "User" or "Group"))
        {
            subject.Default("apiGroup", "rbac.authorization.k8s.io");
        }
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var role = obj.Obj("roleRef");
        var kinds = obj.Str("kind") == "ClusterRoleBinding" ? (string[])["ClusterRole"] : ["Role", "ClusterRole"];
        if (!kinds.Contains(role.Str("kind"), StringComparer.Ordinal))
        {
            errors.NotSupported("roleRef.kind", role.Str("kind"), kinds);
        }

        if (role.Str("name").Length == 0)
        {
            errors.Required("roleRef.name");
        }

        var index = 0;
        foreach (var subject in obj.Items("subjects"))
        {
            var at = $"subjects[{index++}]";
            if (subject.Str("name").Length == 0)
            {
                errors.Required($"{at}.name");
            }

            if (subject.Str("kind") is not ("User" or "Group" or "ServiceAccount"))
            {
                errors.NotSupported($"{at}.kind", subject.Str("kind"), ["Group", "ServiceAccount", "User"]);
            }
            else if (subject.Str("kind") == "ServiceAccount" && subject.Str("namespace").Length == 0)
            {
                errors.Required($"{at}.namespace");
            }
        }
    }

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        if (!JsonNode.DeepEquals(obj["roleRef"], old["roleRef"]))
        {
            errors.Invalid("roleRef", obj["roleRef"]?.ToJsonString(), "cannot change roleRef");
        }
    }
}

/// <summary>PriorityClass: value and preemption can't change.</summary>
internal sealed class PriorityClassKind : KindBehavior
{
    public override void Default(JsonObject obj) => obj.Default("preemptionPolicy", "PreemptLowerPriority");

    public override void ValidateUpdate(JsonObject obj, JsonObject old, ICollection<FieldError> errors)
    {
        if (obj.Int("value") != old.Int("value"))
        {
            errors.Invalid("value", obj.Int("value") ?? 0, "may not be changed in an update.");
        }
    }
}

/// <summary>StorageClass.</summary>
internal sealed class StorageClassKind : KindBehavior
{
    public override void Default(JsonObject obj)
    {
        obj.Default("reclaimPolicy", "Delete");
        obj.Default("volumeBindingMode", "Immediate");
    }
}

/// <summary>NetworkPolicy.</summary>
internal sealed class NetworkPolicyKind : KindBehavior
{
    public override bool HasGeneration => true;

    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        if (spec["policyTypes"] is null)
        {
            spec["policyTypes"] = spec["egress"] is null ? new JsonArray("Ingress") : new JsonArray("Ingress", "Egress");
        }

        foreach (var port in spec.Items("ingress").Concat(spec.Items("egress")).SelectMany(r => r.Items("ports")))
        {
            port.Default("protocol", "TCP");
        }
    }
}

/// <summary>CertificateSigningRequest.</summary>
internal sealed class CertificateSigningRequestKind : StatusKind
{
    public override bool HasGeneration => false;

    public override IReadOnlyList<string> SelectableFields => ["spec.signerName"];

    /// <summary><c>approval</c> decides, and does nothing else.</summary>
    public override void PrepareForSubresource(string subresource, JsonObject obj, JsonObject old)
    {
        var conditions = obj.Obj("status")?["conditions"]?.DeepClone();
        obj["spec"] = old["spec"]?.DeepClone();
        obj["status"] = old["status"]?.DeepClone() ?? new JsonObject();
        obj.Ensure("status")["conditions"] = conditions;
    }

    public override string SelectableField(JsonObject obj, string field) => obj.Obj("spec").Str("signerName");
}
