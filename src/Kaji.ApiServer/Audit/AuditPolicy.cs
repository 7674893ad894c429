using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Requests;

namespace Kaji.ApiServer.Audit;

/// <summary>How much of a request is written down.</summary>
public enum AuditLevel
{
    None,
    Metadata,
    Request,
    RequestResponse,
}

/// <summary>
/// Which requests are audited and how much of each: audit.k8s.io/v1 Policy, the first rule that matches decides. https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/
/// </summary>
public sealed class AuditPolicy
{
    private static readonly string[] Stages = ["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"];
    private readonly IReadOnlyList<Rule> _rules;

    private AuditPolicy(IReadOnlyList<Rule> rules) => _rules = rules;

    /// <summary>Reads a policy file.</summary>
    /// <exception cref="FormatException">It is not a policy; the message names the field and why.</exception>
    public static AuditPolicy Parse(string yaml)
    {
        JsonObject policy;
        try
        {
            policy = YamlBody.Parse(yaml) as JsonObject ?? throw new FormatException("it is not an object");
        }
        catch (ApiErrorException e)
        {
            throw new FormatException(e.Message, e);
        }

        if (policy.Str("kind") != "Policy" || policy.Str("apiVersion") != "audit.k8s.io/v1")
        {
            throw new FormatException($"apiVersion and kind must be audit.k8s.io/v1 and Policy, not {policy.Str("apiVersion")} and {policy.Str("kind")}");
        }

        foreach (var field in policy.Select(p => p.Key).Where(f => f is not ("apiVersion" or "kind" or "metadata" or "rules" or "omitStages" or "omitManagedFields")))
        {
            throw new FormatException($"unknown field \"{field}\"");
        }

        if (policy["rules"] is not JsonArray { Count: > 0 } rules)
        {
            throw new FormatException("rules: a policy needs at least one");
        }

        var omitted = Strings(policy, "omitStages", "omitStages");
        return new AuditPolicy([.. rules.Select((r, i) => Rule.Parse(r as JsonObject ?? throw new FormatException($"rules[{i}] is not an object"), $"rules[{i}]", omitted, policy.Bool("omitManagedFields") == true))]);
    }

    /// <summary>The rule for a request; null when it is not audited.</summary>
    internal Rule? For(RequestInfo info, UserInfo user) => _rules.FirstOrDefault(r => r.Matches(info, user)) is { Level: not AuditLevel.None } rule ? rule : null;

    private static string[] Strings(JsonObject obj, string field, string path)
    {
        var values = obj[field] switch
        {
            null => [],
            JsonArray array => array.Select(v => v is JsonValue text && text.TryGetValue<string>(out var s) ? s : throw new FormatException($"{path} must be a list of strings")).ToArray(),
            _ => throw new FormatException($"{path} must be a list"),
        };
        if (field == "omitStages" && values.FirstOrDefault(v => !Stages.Contains(v, StringComparer.Ordinal)) is { } unknown)
        {
            throw new FormatException($"{path}: \"{unknown}\" is no stage: there are {string.Join(", ", Stages)}");
        }

        return values;
    }

    /// <summary>One rule; an empty list matches everything.</summary>
    internal sealed record Rule(AuditLevel Level, string[] Users, string[] Groups, string[] Verbs, string[] Namespaces, string[] NonResourceUrls, (string Group, string[] Resources, string[] Names)[] Resources, string[] OmitStages, bool OmitManagedFields)
    {
        public static Rule Parse(JsonObject rule, string path, string[] omitted, bool omitManaged)
        {
            foreach (var field in rule.Select(p => p.Key).Where(f => f is not ("level" or "users" or "userGroups" or "verbs" or "resources" or "namespaces" or "nonResourceURLs" or "omitStages" or "omitManagedFields")))
            {
                throw new FormatException($"{path}: unknown field \"{field}\"");
            }

            if (!Enum.TryParse<AuditLevel>(rule.Str("level"), out var level))
            {
                throw new FormatException($"{path}.level: \"{rule.Str("level")}\" is no level: there are None, Metadata, Request, RequestResponse");
            }

            var urls = Strings(rule, "nonResourceURLs", path + ".nonResourceURLs");
            var resources = (rule["resources"] as JsonArray ?? []).Select((r, i) => r is JsonObject o
                ? (o.Str("group"), Strings(o, "resources", $"{path}.resources[{i}].resources"), Strings(o, "resourceNames", $"{path}.resources[{i}].resourceNames"))
                : throw new FormatException($"{path}.resources[{i}] is not an object")).ToArray();
            if (urls.Length > 0 && (resources.Length > 0 || rule["namespaces"] is not null))
            {
                throw new FormatException($"{path}.nonResourceURLs: rules cannot apply to both regular resources and non-resource URLs");
            }

            return new Rule(
                level, Strings(rule, "users", path + ".users"), Strings(rule, "userGroups", path + ".userGroups"), Strings(rule, "verbs", path + ".verbs"), Strings(rule, "namespaces", path + ".namespaces"), urls, resources,
                [.. omitted, .. Strings(rule, "omitStages", path + ".omitStages")], rule.Bool("omitManagedFields") ?? omitManaged);
        }

        public bool Matches(RequestInfo info, UserInfo user)
        {
            if ((Users.Length > 0 && !Users.Contains(user.Name, StringComparer.Ordinal)) || (Groups.Length > 0 && !Groups.Intersect(user.Groups, StringComparer.Ordinal).Any()) || (Verbs.Length > 0 && !Verbs.Contains(info.Verb, StringComparer.Ordinal)))
            {
                return false;
            }

            if (Namespaces.Length > 0 || Resources.Length > 0)
            {
                return info.IsResourceRequest && (Namespaces.Length == 0 || Namespaces.Contains(info.Namespace, StringComparer.Ordinal)) && (Resources.Length == 0 || Resources.Any(r => Matches(r, info)));
            }

            return NonResourceUrls.Length == 0 || (!info.IsResourceRequest && NonResourceUrls.Any(u => u == "*" || (u.EndsWith('*') ? info.Path.StartsWith(u[..^1], StringComparison.Ordinal) : info.Path == u)));
        }

        private static bool Matches((string Group, string[] Resources, string[] Names) rule, RequestInfo info)
        {
            if (rule.Group != info.Group || (rule.Names.Length > 0 && !rule.Names.Contains(info.Name, StringComparer.Ordinal)))
            {
                return false;
            }

            var whole = info.Subresource.Length == 0 ? info.Resource : $"{info.Resource}/{info.Subresource}";
            return rule.Resources.Length == 0 || rule.Resources.Any(r => r == "*" || r == whole || (r.StartsWith("*/", StringComparison.Ordinal) && r[2..] == info.Subresource) || (r.EndsWith("/*", StringComparison.Ordinal) && r[..^2] == info.Resource));
        }
    }
}
