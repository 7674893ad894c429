using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.Api.Selectors;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Registry;
using Kaji.ApiServer.Requests;
using Kaji.Store;

namespace Kaji.ApiServer.Authorization;

/// <summary>
/// RBAC: allowed when some binding of the user leads to a rule that matches. Roles and bindings are kept parsed in memory by a watch on the store, so that a decision
/// reads nothing else. https://kubernetes.io/docs/reference/access-authn-authz/rbac/
/// </summary>
public sealed class RbacAuthorizer(IRevisionStore store) : IAuthorizer
{
    private const string GroupName = "rbac.authorization.k8s.io";
    private static readonly string Prefix = $"/registry/{GroupName}/";
    private volatile Policy _policy = Policy.Empty;

    public Decision Authorize(UserInfo user, RequestInfo request)
    {
        if (user.Groups.Contains("system:masters", StringComparer.Ordinal))
        {
            return new Decision(true, "");
        }

        foreach (var (binding, rules) in Grants(user, request.Namespace))
        {
            foreach (var rule in rules)
            {
                if (rule.Allows(request))
                {
                    return new Decision(true, $"RBAC: allowed by {binding}");
                }
            }
        }

        return new Decision(false, "");
    }

    /// <summary>Every rule a user has in a namespace, with the binding that gives it.</summary>
    internal IEnumerable<(string Binding, IReadOnlyList<PolicyRule> Rules)> Grants(UserInfo user, string ns)
    {
        var policy = _policy;
        foreach (var binding in policy.ClusterBindings)
        {
            if (binding.Holds(user) && policy.ClusterRoles.TryGetValue(binding.Role, out var rules))
            {
                yield return ($"ClusterRoleBinding \"{binding.Name}\" of ClusterRole \"{binding.Role}\"", rules);
            }
        }

        if (ns.Length == 0 || !policy.Bindings.TryGetValue(ns, out var bindings))
        {
            yield break;
        }

        foreach (var binding in bindings)
        {
            if (binding.Holds(user) && (binding.RoleIsCluster ? policy.ClusterRoles.GetValueOrDefault(binding.Role) : policy.Roles.GetValueOrDefault((ns, binding.Role))) is { } rules)
            {
                yield return ($"RoleBinding \"{binding.Name}/{ns}\" of {(binding.RoleIsCluster ? "ClusterRole" : "Role")} \"{binding.Role}\"", rules);
            }
        }
    }

    /// <summary>The rules a role reference leads to.</summary>
    internal IReadOnlyList<PolicyRule>? RulesOf(string ns, bool cluster, string role) =>
        cluster ? _policy.ClusterRoles.GetValueOrDefault(role) : _policy.Roles.GetValueOrDefault((ns, role));

    /// <summary>Reads what is stored now.</summary>
    public long Load()
    {
        var all = store.Range(Prefix);
        _policy = Policy.Of(all.Entries);
        return all.Revision;
    }

    /// <summary>Follows changes until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            using var watch = store.Watch(Prefix, Load());
            var events = new List<StoreEvent>();
            while (await watch.ReadAsync(events, cancellationToken))
            {
                events.Clear();
                Load();
            }

            if (watch.EndReason == WatchEndReason.Closed)
            {
                return;
            }
        }
    }

    private sealed record Binding(string Name, bool RoleIsCluster, string Role, HashSet<string> Users, HashSet<string> Groups)
    {
        public bool Holds(UserInfo user) => Users.Contains(user.Name) || (Groups.Count > 0 && user.Groups.Any(Groups.Contains));

        public static Binding Of(JsonObject obj)
        {
            var ns = obj.Obj("metadata").Str("namespace");
            var users = new HashSet<string>(StringComparer.Ordinal);
            var groups = new HashSet<string>(StringComparer.Ordinal);
            foreach (var subject in obj.Items("subjects"))
            {
                switch (subject.Str("kind"))
                {
                    case "User":
                        users.Add(subject.Str("name"));
                        break;
                    case "Group":
                        groups.Add(subject.Str("name"));
                        break;
                    case "ServiceAccount":
                        users.Add($"system:serviceaccount:{(subject.Str("namespace") is { Length: > 0 } said ? said : ns)}:{subject.Str("name")}");
                        break;
                }
            }

            return new Binding(obj.Obj("metadata").Str("name"), obj.Obj("roleRef").Str("kind") == "ClusterRole", obj.Obj("roleRef").Str("name"), users, groups);
        }
    }

    /// <summary>Everything of RBAC at one revision. Immutable.</summary>
    private sealed record Policy(
        IReadOnlyDictionary<string, IReadOnlyList<PolicyRule>> ClusterRoles,
        IReadOnlyDictionary<(string, string), IReadOnlyList<PolicyRule>> Roles,
        IReadOnlyList<Binding> ClusterBindings,
        IReadOnlyDictionary<string, List<Binding>> Bindings)
    {
        public static Policy Empty { get; } = new(
            new Dictionary<string, IReadOnlyList<PolicyRule>>(StringComparer.Ordinal), new Dictionary<(string, string), IReadOnlyList<PolicyRule>>(), [], new Dictionary<string, List<Binding>>(StringComparer.Ordinal));

        public static Policy Of(IReadOnlyList<Entry> entries)
        {
            var clusterRoles = new Dictionary<string, IReadOnlyList<PolicyRule>>(StringComparer.Ordinal);
            var roles = new Dictionary<(string, string), IReadOnlyList<PolicyRule>>();
            var clusterBindings = new List<Binding>();
            var bindings = new Dictionary<string, List<Binding>>(StringComparer.Ordinal);
            var objects = entries.Select(e => (Plural: e.Key.Split('/')[3], Object: ObjectCodec.Stored(e.Value))).ToArray();
            foreach (var (plural, obj) in objects)
            {
                var (ns, name) = (obj.Obj("metadata").Str("namespace"), obj.Obj("metadata").Str("name"));
                switch (plural)
                {
                    case "clusterroles":
                        clusterRoles[name] = Rules(obj);
                        break;
                    case "roles":
                        roles[(ns, name)] = Rules(obj);
                        break;
                    case "clusterrolebindings":
                        clusterBindings.Add(Binding.Of(obj));
                        break;
                    case "rolebindings":
                        (bindings.TryGetValue(ns, out var list) ? list : bindings[ns] = []).Add(Binding.Of(obj));
                        break;
                }
            }

            Aggregate(objects.Where(o => o.Plural == "clusterroles").Select(o => o.Object).ToArray(), clusterRoles);
            return new Policy(clusterRoles, roles, clusterBindings, bindings);
        }

        private static PolicyRule[] Rules(JsonObject role) => [.. role.Items("rules").Select(PolicyRule.Of)];

        /// <summary>A role with an aggregationRule has the rules of all roles its selectors match; those may aggregate in turn.</summary>
        private static void Aggregate(JsonObject[] all, Dictionary<string, IReadOnlyList<PolicyRule>> into)
        {
            IEnumerable<JsonObject> Below(JsonObject role, int depth) => depth > 5 ? [] : role.Obj("aggregationRule").Items("clusterRoleSelectors")
                .Select(LabelSelector.FromObject)
                .SelectMany(selector => all.Where(other => !ReferenceEquals(other, role) && selector.Matches(other.Obj("metadata").Obj("labels"))))
                .SelectMany(other => Below(other, depth + 1).Prepend(other));

            foreach (var role in all.Where(r => r["aggregationRule"] is not null))
            {
                into[role.Obj("metadata").Str("name")] = [.. Below(role, 0).DistinctBy(r => r.Obj("metadata").Str("name"), StringComparer.Ordinal).SelectMany(Rules)];
            }
        }
    }
}
