using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.Api.Selectors;
using Kaji.ApiServer.Registry;

namespace Kaji.ApiServer.Admission.Matching;

/// <summary>
/// Rules, match policy and selectors together: whether a request concerns a webhook or policy, and in which version of the resource it then sees it.
/// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-rules
/// </summary>
internal sealed class RequestMatcher
{
    private static readonly ResourceInfo Namespaces = BuiltInResources.Find("", "v1", "namespaces")!;
    private readonly MatchRules _rules;
    private readonly MatchRules _excluded;
    private readonly bool _equivalent;
    private readonly bool _all;
    private readonly LabelSelector _namespaces;
    private readonly LabelSelector _objects;

    private RequestMatcher(MatchRules rules, MatchRules excluded, bool all, JsonObject? match)
    {
        (_rules, _excluded, _all) = (rules, excluded, all);
        _equivalent = match.Str("matchPolicy") != "Exact";
        _namespaces = match.Obj("namespaceSelector") is { } ns ? LabelSelector.FromObject(ns) : LabelSelector.Everything;
        _objects = match.Obj("objectSelector") is { } obj ? LabelSelector.FromObject(obj) : LabelSelector.Everything;
    }

    public static RequestMatcher OfWebhook(JsonObject webhook) => new(new MatchRules(webhook.Items("rules")), new MatchRules([]), all: false, webhook);

    /// <summary>Of a policy's matchConstraints, or of a binding's matchResources, which may leave rules out: then it takes what the policy takes.</summary>
    public static RequestMatcher OfResources(JsonObject? match) =>
        new(new MatchRules(match.Items("resourceRules")), new MatchRules(match.Items("excludeResourceRules")), all: match?["resourceRules"] is not JsonArray { Count: > 0 }, match);

    /// <summary>The resource by whose name and version the request is matched; null when it isn't.</summary>
    public ResourceInfo? Match(AdmissionRequest request, string operation, IObjectRegistry objects)
    {
        var named = Named(request, operation, objects);
        return named is not null && LabelsMatch(request, objects) ? named : null;
    }

    private ResourceInfo? Named(AdmissionRequest request, string operation, IObjectRegistry objects)
    {
        ResourceInfo? Found(MatchRules rules)
        {
            if (rules.Match(request, operation, request.Requested))
            {
                return request.Requested;
            }

            return _equivalent && !rules.IsEmpty ? EquivalentResources.Of(request.Requested, objects).FirstOrDefault(other => rules.Match(request, operation, other)) : null;
        }

        return Found(_excluded) is not null ? null : _all ? request.Requested : Found(_rules);
    }

    private bool LabelsMatch(AdmissionRequest request, IObjectRegistry objects)
    {
        if (!_objects.IsEmpty && !(Labelled(request.Object) || Labelled(request.OldObject)))
        {
            return false;
        }

        if (_namespaces.IsEmpty)
        {
            return true;
        }

        if (request.Resource is { Group: "", Plural: "namespaces" })
        {
            return _namespaces.Matches((request.Object is not null && request.Subresource.Length == 0 ? request.Object : request.OldObject).Obj("metadata").Obj("labels"));
        }

        return request.Namespace.Length == 0 || _namespaces.Matches(objects.Get(Namespaces, "", request.Namespace).Obj("metadata").Obj("labels"));
    }

    private bool Labelled(JsonObject? obj) => obj is not null && _objects.Matches(obj.Obj("metadata").Obj("labels"));
}
