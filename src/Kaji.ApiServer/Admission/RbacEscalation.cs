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

        var wanted = binding
            ? rbac.RulesOf(request.Namespace, role.Str("kind") == "ClusterRole", role.Str("name")) ?? []
            : [.. request.Object.Items("rules").Select(PolicyRule.Of)];
        var held = rbac.Grants(request.User, request.Namespace).SelectMany(g => g.Rules).ToArray();
        var missing = wanted.Where(rule => !Covered(rule, held)).ToArray();
        return ValueTask.FromResult(missing.Length == 0
            ? null
            : ApiErrors.Forbidden(request.Resource, request.Name, $"user \"{request.User.Name}\" (groups=[{string.Join(' ', request.User.Groups.Select(g => $"\"{g}\""))}]) is attempting to grant RBAC permissions not currently held:\n{string.Join('\n', missing.Select(m => m.ToJson().ToJsonString()))}"));
    }

    /// <summary>Whether each single right of a rule is among those held.</summary>
    private static bool Covered(PolicyRule rule, PolicyRule[] held)
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
