using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Requests;

namespace Kaji.ApiServer.Authorization;

/// <summary>One rule of a role, ready to be matched (k8s.io/kubernetes/pkg/registry/rbac/validation).</summary>
internal sealed record PolicyRule(
    IReadOnlyList<string> Verbs, IReadOnlyList<string> ApiGroups, IReadOnlyList<string> Resources, IReadOnlyList<string> ResourceNames, IReadOnlyList<string> NonResourceUrls)
{
    public static PolicyRule Of(JsonObject rule) =>
        new(List(rule, "verbs"), List(rule, "apiGroups"), List(rule, "resources"), List(rule, "resourceNames"), List(rule, "nonResourceURLs"));

    public bool Allows(RequestInfo request)
    {
        if (!Has(Verbs, request.Verb))
        {
            return false;
        }

        if (!request.IsResourceRequest)
        {
            return NonResourceUrls.Any(url => url == "*" || url == request.Path || (url.EndsWith('*') && request.Path.StartsWith(url[..^1], StringComparison.Ordinal)));
        }

        return Has(ApiGroups, request.Group)
            && Resources.Any(r => r == "*" || (request.Subresource.Length == 0 ? r == request.Resource : r == $"{request.Resource}/{request.Subresource}" || r == $"*/{request.Subresource}"))
            && (ResourceNames.Count == 0 || (request.Name.Length > 0 && ResourceNames.Contains(request.Name, StringComparer.Ordinal)));
    }

    public JsonObject ToJson()
    {
        var rule = new JsonObject { ["verbs"] = Array(Verbs) };
        foreach (var (name, values) in (ReadOnlySpan<(string, IReadOnlyList<string>)>)[("apiGroups", ApiGroups), ("resources", Resources), ("resourceNames", ResourceNames), ("nonResourceURLs", NonResourceUrls)])
        {
            if (values.Count > 0)
            {
                rule[name] = Array(values);
            }
        }

        return rule;
    }

    private static bool Has(IReadOnlyList<string> values, string value)
    {
        foreach (var v in values)
        {
            if (v == "*" || v == value)
            {
                return true;
            }
        }

        return false;
    }

    private static string[] List(JsonObject rule, string name) => rule[name] is JsonArray array ? [.. array.Select(v => string.Intern(v.Text()))] : [];

    private static JsonArray Array(IReadOnlyList<string> values) => [.. values.Select(v => (JsonNode)v)];
}
