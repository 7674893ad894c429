using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Requests;

namespace Kaji.ApiServer.FlowControl;

/// <summary>Which requests are of which priority level, and what tells one flow from another. https://kubernetes.io/docs/concepts/cluster-administration/flow-control/</summary>
internal sealed class FlowSchema
{
    public static readonly ResourceInfo Resource = BuiltInResources.Find("flowcontrol.apiserver.k8s.io", "v1", "flowschemas")!;
    private const string AllServiceAccounts = "*";
    private readonly Rule[] _rules;

    public FlowSchema(JsonObject obj)
    {
        var spec = obj.Obj("spec");
        (Name, Uid) = (obj.Obj("metadata").Str("name"), obj.Obj("metadata").Str("uid"));
        Level = spec.Obj("priorityLevelConfiguration").Str("name");
        Precedence = spec.Int("matchingPrecedence") ?? 1000;
        Distinguisher = spec.Obj("distinguisherMethod").Str("type");
        _rules = [.. spec.Items("rules").Select(r => new Rule(r))];
    }

    public string Name { get; }

    public string Uid { get; }

    /// <summary>Name of its priority level.</summary>
    public string Level { get; }

    public long Precedence { get; }

    private string Distinguisher { get; }

    public bool Matches(UserInfo user, RequestInfo info)
    {
        foreach (var rule in _rules)
        {
            if (rule.Matches(user, info))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>What tells this request's flow from others of the schema.</summary>
    public string FlowOf(UserInfo user, RequestInfo info) => Distinguisher switch { "ByUser" => user.Name, "ByNamespace" => info.Namespace, _ => "" };

    private sealed class Rule(JsonObject rule)
    {
        private readonly (string Kind, string Name, string Namespace)[] _subjects =
        [
            .. rule.Items("subjects").Select(s => s.Str("kind") switch
            {
                "User" => ("User", s.Obj("user").Str("name"), ""),
                "Group" => ("Group", s.Obj("group").Str("name"), ""),
                _ => ("ServiceAccount", s.Obj("serviceAccount").Str("name"), s.Obj("serviceAccount").Str("namespace")),
            }),
        ];

        private readonly (string[] Verbs, string[] Groups, string[] Resources, string[] Namespaces, bool Cluster)[] _resources =
        [
            .. rule.Items("resourceRules").Select(r => (Strings(r, "verbs"), Strings(r, "apiGroups"), Strings(r, "resources"), Strings(r, "namespaces"), r.Bool("clusterScope") == true)),
        ];

        private readonly (string[] Verbs, string[] Urls)[] _paths = [.. rule.Items("nonResourceRules").Select(r => (Strings(r, "verbs"), Strings(r, "nonResourceURLs")))];

        public bool Matches(UserInfo user, RequestInfo info) => MatchesRequest(info) && MatchesUser(user);

        private bool MatchesUser(UserInfo user)
        {
            foreach (var (kind, name, ns) in _subjects)
            {
                var matches = kind switch
                {
                    "User" => name == "*" || name == user.Name,
                    "Group" => name == "*" || user.Groups.Contains(name, StringComparer.Ordinal),
                    _ => user.Name.StartsWith("system:serviceaccount:", StringComparison.Ordinal)
                        && (name == AllServiceAccounts ? user.Name.StartsWith($"system:serviceaccount:{ns}:", StringComparison.Ordinal) : user.Name == $"system:serviceaccount:{ns}:{name}"),
                };
                if (matches)
                {
                    return true;
                }
            }

            return false;
        }

        private bool MatchesRequest(RequestInfo info)
        {
            if (!info.IsResourceRequest)
            {
                return _paths.Any(p => Has(p.Verbs, info.Verb) && p.Urls.Any(u => u == "*" || u == info.Path || (u.EndsWith("/*", StringComparison.Ordinal) && info.Path.StartsWith(u[..^1], StringComparison.Ordinal))));
            }

            foreach (var (verbs, groups, resources, namespaces, cluster) in _resources)
            {
                if (Has(verbs, info.Verb) && Has(groups, info.Group) && (Has(resources, info.Resource, info.Subresource)) && (info.Namespace.Length == 0 ? cluster : Has(namespaces, info.Namespace)))
                {
                    return true;
                }
            }

            return false;
        }

        private static bool Has(string[] set, string value) => set is ["*", ..] || set.Contains(value, StringComparer.Ordinal);

        private static bool Has(string[] set, string resource, string subresource) =>
            set is ["*", ..] || (subresource.Length == 0 ? set.Contains(resource, StringComparer.Ordinal) : set.Any(s => s.Length == resource.Length + 1 + subresource.Length && s.StartsWith(resource, StringComparison.Ordinal) && s.EndsWith(subresource, StringComparison.Ordinal)));

        private static string[] Strings(JsonObject obj, string field) => [.. (obj[field] as JsonArray ?? []).Select(v => v.Text())];
    }
}
