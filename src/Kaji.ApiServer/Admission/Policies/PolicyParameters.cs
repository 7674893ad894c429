using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.Api.Selectors;
using Kaji.ApiServer.Registry;

namespace Kaji.ApiServer.Admission.Policies;

/// <summary>The objects that a binding's paramRef leads to: built-in ones and custom ones alike.</summary>
internal static class PolicyParameters
{
    /// <returns>An entry a parameter (one null when the policy has none); or what is wrong.</returns>
    public static (IReadOnlyList<JsonObject?> Parameters, string? Error) Of(Policy policy, PolicyBinding binding, AdmissionRequest request, IObjectRegistry objects)
    {
        if (policy.ParamKind is not { } kind || binding.ParamRef is not { } reference)
        {
            return ([null], null);
        }

        var (group, version) = kind.ApiVersion.Split('/') is [var g, var v] ? (g, v) : ("", kind.ApiVersion);
        if (objects.FindKind(group, version, kind.Kind) is not { } resource)
        {
            return ([], $"failed to configure policy: failed to find resource referenced by paramKind: '{group}/{version}, Kind={kind.Kind}'");
        }

        var ns = reference.Str("namespace");
        if (!resource.Namespaced && ns.Length > 0)
        {
            return ([], "failed to configure binding: paramRef.namespace must not be provided for a cluster-scoped `paramKind`");
        }

        if (resource.Namespaced && ns.Length == 0)
        {
            ns = request.Namespace;
            if (ns.Length == 0)
            {
                return ([], "failed to configure binding: cannot use namespaced paramRef in policy binding that matches cluster-scoped resources");
            }
        }

        IReadOnlyList<JsonObject?> found = reference.Str("name") is { Length: > 0 } name
            ? objects.Get(resource, ns, name) is { } one ? [one] : []
            : [.. objects.List(resource, ns).Where(o => reference.Obj("selector") is { } selector && LabelSelector.FromObject(selector).Matches(o.Obj("metadata").Obj("labels")))];
        return found.Count > 0 ? (found, null)
            : reference.Str("parameterNotFoundAction") == "Deny" ? ([], "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction")
            : ([], null);
    }
}
