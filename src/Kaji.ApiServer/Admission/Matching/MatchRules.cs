using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.ApiServer.Admission.Matching;

/// <summary>Rules with operations, of webhooks and of policies: which requests they are about. Made once a configuration.</summary>
internal sealed class MatchRules(IEnumerable<JsonObject> rules)
{
    private readonly Rule[] _rules = [.. rules.Select(Rule.Of)];

    public bool IsEmpty => _rules.Length == 0;

    /// <summary>Whether a rule names the request, when its resource is called by this group and version.</summary>
    public bool Match(AdmissionRequest request, string operation, ResourceInfo named)
    {
        foreach (var rule in _rules)
        {
            if (rule.Match(request, operation, named))
            {
                return true;
            }
        }

        return false;
    }

    private sealed record Rule(string[] Operations, string[] Groups, string[] Versions, (string Resource, string Subresource)[] Resources, string Scope, string[] Names)
    {
        public static Rule Of(JsonObject rule) => new(
            Texts(rule, "operations"), Texts(rule, "apiGroups"), Texts(rule, "apiVersions"),
            [.. Texts(rule, "resources").Select(r => r.Split('/', 2) is [var resource, var sub] ? (resource, sub) : (r, ""))], rule.Str("scope"), Texts(rule, "resourceNames"));

        public bool Match(AdmissionRequest request, string operation, ResourceInfo named)
        {
            var cluster = request.Namespace.Length == 0 || request.Resource is { Group: "", Plural: "namespaces" };
            return (Scope is "" or "*" || Scope == (cluster ? "Cluster" : "Namespaced"))
                && Has(Operations, operation) && Has(Groups, named.Group) && Has(Versions, named.Version)
                && Resources.Any(r => (r.Resource == "*" || r.Resource == named.Plural) && (r.Subresource == "*" || r.Subresource == request.Subresource))
                && (Names.Length == 0 || Names.Contains(request.Name, StringComparer.Ordinal));
        }

        private static bool Has(string[] list, string value) => list.Contains("*", StringComparer.Ordinal) || list.Contains(value, StringComparer.Ordinal);

        private static string[] Texts(JsonObject rule, string field) => (rule[field] as JsonArray)?.Select(v => v.Text()).ToArray() ?? [];
    }
}
