using k8s;
using k8s.Models;
using Kaji.Client;
using Kaji.Controllers.Pods;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.ClusterRoles;

/// <summary>
/// Writes into roles with an aggregationRule what the roles that it selects hold: so <c>admin</c>, <c>edit</c> and <c>view</c> take in what others label for them.
/// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles
/// </summary>
public sealed class ClusterRoleAggregationController : Controller
{
    private readonly IApiClient _client;
    private readonly IInformer<V1ClusterRole> _roles;

    public ClusterRoleAggregationController(IApiClient client, InformerFactory informers, TimeProvider time, ILoggerFactory logging)
        : base("clusterrole-aggregation-controller", time, logging.CreateLogger<ClusterRoleAggregationController>())
    {
        _client = client;
        _roles = informers.For(Kinds.ClusterRole);
        _roles.Subscribe(change =>
        {
            // A role may be taken into any of them: each is looked at, which costs nothing when it holds all.
            foreach (var role in _roles.List().Where(r => r.AggregationRule is not null))
            {
                Enqueue("", role.Metadata.Name);
            }
        });
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (_roles.Get(null, objectName) is not { AggregationRule: not null } role || Rules(role, _roles.List()) is not { } wanted)
        {
            return;
        }

        var changed = KubernetesJson.Deserialize<V1ClusterRole>(KubernetesJson.Serialize(role));
        changed.Rules = wanted;
        await _client.UpdateAsync(Kinds.ClusterRole, changed, null, cancellationToken);
    }

    /// <summary>The rules that a role is to have, in the order of the roles' names, each once; null when it has them. Pure.</summary>
    internal static List<V1PolicyRule>? Rules(V1ClusterRole role, IEnumerable<V1ClusterRole> all)
    {
        var (rules, seen) = (new List<V1PolicyRule>(), new HashSet<string>(StringComparer.Ordinal));
        foreach (var selector in role.AggregationRule.ClusterRoleSelectors ?? [])
        {
            foreach (var other in all.Where(r => r.Metadata.Name != role.Metadata.Name && PodFacts.Matches(selector, r.Metadata.Labels)).OrderBy(r => r.Metadata.Name, StringComparer.Ordinal))
            {
                rules.AddRange((other.Rules ?? []).Where(rule => seen.Add(KubernetesJson.Serialize(rule))));
            }
        }

        return rules.Select(r => KubernetesJson.Serialize(r)).SequenceEqual((role.Rules ?? []).Select(r => KubernetesJson.Serialize(r)), StringComparer.Ordinal) ? null : rules;
    }
}
