using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Authorization;
using Kaji.ApiServer.Requests;

namespace Kaji.ApiServer.Admission;

/// <summary>
/// Nobody gives rights that they don't have, unless they may <c>escalate</c> (roles) or <c>bind</c> (bindings).
/// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
/// </summary>
public sealed class RbacEscalation(RbacAuthorizer rbac) : IAdmissionPlugin
{
    private static readonly PolicyRule[] Everything = [new(["*"], ["*"], ["*"], [], []), new(["*"], [], [], [], ["*"])];

    public string Name => "RbacEscalation";

    public ValueTask<ApiError?> ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request.Resource.Group != "rbac.authorization.k8s.io" || request.Object is null || request.User.Groups.Contains("system:masters", StringComparer.Ordinal))
        {
            return ValueTask.FromResult<ApiError?>(null);
        }

        var binding = request.Resource.Plural.EndsWith("bindings", StringComparison.Ordinal);
        var role = request.Object.Obj("roleRef");
        var special = new RequestInfo
        {
            IsResourceRequest = true, Path = "", Verb = binding ? "bind" : "escalate", Group = request.Resource.Group, Version = "v1", Namespace = request.Namespace,
            Resource = binding ? (role.Str("kind") == "ClusterRole" ? "clusterroles" : "roles") : request.Resource.Plural, Name = binding ? role.Str("name") : request.Name,
        };
        if (rbac.Authorize(request.User, special).Allowed)
        {
            return ValueTask.FromResult<ApiError?>(null);
        }

        if (request.OldObject is { } old && (binding ? JsonNode.DeepEquals(old["subjects"], request.Object["subjects"]) && JsonNode.DeepEquals(old["roleRef"], role)
            : JsonNode.DeepEquals(old["rules"], request.Object["rules"]) && JsonNode.DeepEquals(old["aggregationRule"], request.Object["aggregationRule"])))
        {
            // Labels and the like give no rights.
            return ValueTask.FromResult<ApiError?>(null);
        }

        IReadOnlyList<PolicyRule> wanted;
        if (!binding)
        {
            // Whoever aggregates gets whatever any role may come to hold: only who has everything may give that.
            wanted = [.. request.Object.Items("rules").Select(PolicyRule.Of), .. request.Object["aggregationRule"] is null ? Array.Empty<PolicyRule>() : Everything];
        }
        else if (RulesOf(request.Namespace, role) is { } rules)
        {
            wanted = rules;
        }
        else
        {
            // A role that comes later would give its rights unasked.
            var kind = role.Str("kind") == "ClusterRole" ? "clusterroles" : "roles";
            return ValueTask.FromResult<ApiError?>(ApiErrors.NotFound(BuiltInResources.Find("rbac.authorization.k8s.io", "v1", kind)!, role.Str("name")));
        }

        var held = rbac.Grants(request.User, request.Namespace).SelectMany(g => g.Rules).ToArray();
        var missing = wanted.Where(rule => !Covered(rule, held)).ToArray();
        return ValueTask.FromResult(missing.Length == 0
            ? null
            : ApiErrors.Forbidden(request.Resource, request.Name, $"user \"{request.User.Name}\" (groups=[{string.Join(' ', request.User.Groups.Select(g => $"\"{g}\""))}]) is attempting to grant RBAC permissions not currently held:\n{string.Join('\n', missing.Select(m => m.ToJson().ToJsonString()))}"));
    }

    private IReadOnlyList<PolicyRule>? RulesOf(string ns, JsonObject? role)
    {
        var cluster = role.Str("kind") == "ClusterRole";
        if (rbac.RulesOf(ns, cluster, role.Str("name")) is { } known)
        {
            return known;
        }

        // It may have been made a moment ago, which the authorizer hears of a moment later.
        rbac.Load();
        return rbac.RulesOf(ns, cluster, role.Str("name"));
    }

    /// <summary>Whether each single right of a rule is among those held.</summary>
    internal static bool Covered(PolicyRule rule, PolicyRule[] held)
    {
        bool Has(Func<PolicyRule, IReadOnlyList<string>> list, string value, PolicyRule by) => list(by).Contains("*", StringComparer.Ordinal) || list(by).Contains(value, StringComparer.Ordinal);

        if (rule.NonResourceUrls.Count > 0)
        {
            return rule.Verbs.All(v => rule.NonResourceUrls.All(u => held.Any(h => Has(x => x.Verbs, v, h) && h.NonResourceUrls.Any(p => p == "*" || p == u || (p.EndsWith('*') && u.StartsWith(p[..^1], StringComparison.Ordinal))))));
        }

        var names = rule.ResourceNames.Count == 0 ? [""] : rule.ResourceNames;
        return rule.Verbs.All(v => rule.ApiGroups.All(g => rule.Resources.All(r => names.All(n => held.Any(h =>
            Has(x => x.Verbs, v, h) && Has(x => x.ApiGroups, g, h) && Has(x => x.Resources, r, h) && (h.ResourceNames.Count == 0 || (n.Length > 0 && h.ResourceNames.Contains(n, StringComparer.Ordinal))))))));
    }
}
