using System.Text.Json.Nodes;
using Kaji.Api.Errors;

namespace Kaji.Api.Kinds.Rbac;

/// <summary>Role and ClusterRole: https://kubernetes.io/docs/reference/access-authn-authz/rbac/</summary>
internal sealed class RoleKind : KindBehavior
{
    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var role = new Fields(obj, "", errors);
        var namespaced = obj.Str("kind") == "Role";
        foreach (var rule in role.Items("rules"))
        {
            Rule(rule, namespaced);
        }

        if (role.Sub("aggregationRule") is { } aggregation)
        {
            if (!aggregation.HasAny("clusterRoleSelectors"))
            {
                aggregation.Required("clusterRoleSelectors", "at least one clusterRoleSelector required if aggregationRule is non-nil");
            }

            foreach (var selector in aggregation.Items("clusterRoleSelectors"))
            {
                new Fields(new JsonObject { ["selector"] = selector.Object.DeepClone() }, aggregation.Path, errors).Selector("selector");
            }
        }
    }

    private static void Rule(Fields rule, bool namespaced)
    {
        if (!rule.HasAny("verbs"))
        {
            rule.Required("verbs", "verbs must contain at least one value");
        }

        if (rule.HasAny("nonResourceURLs"))
        {
            var urls = rule.Strings("nonResourceURLs");
            if (namespaced)
            {
                rule.Invalid("nonResourceURLs", urls, "namespaced rules cannot apply to non-resource URLs");
            }

            if (rule.HasAny("apiGroups") || rule.HasAny("resources") || rule.HasAny("resourceNames"))
            {
                rule.Invalid("nonResourceURLs", urls, "rules cannot apply to both regular resources and non-resource URLs");
            }

            return;
        }

        if (!rule.HasAny("apiGroups"))
        {
            rule.Required("apiGroups", "resource rules must supply at least one api group");
        }

        if (!rule.HasAny("resources"))
        {
            rule.Required("resources", "resource rules must supply at least one resource");
        }
    }
}
