using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Admission;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Authorization;
using Kaji.ApiServer.Registry;

namespace Kaji.ApiServer.Bootstrap;

/// <summary>
/// Puts default roles and bindings right at each start: what is missing of rules and subjects is added, what was added stays, unless the object says
/// <c>rbac.authorization.kubernetes.io/autoupdate: "false"</c>. https://kubernetes.io/docs/reference/access-authn-authz/rbac/#auto-reconciliation
/// </summary>
internal static class RoleReconciliation
{
    public const string AutoUpdate = "rbac.authorization.kubernetes.io/autoupdate";

    public static async Task EnsureAsync(IObjectRegistry registry, JsonObject wanted, CancellationToken cancellationToken)
    {
        var resource = BuiltInResources.Find("rbac.authorization.k8s.io", "v1", wanted.Str("kind").ToLowerInvariant() + "s")!;
        var (ns, name) = (wanted.Obj("metadata").Str("namespace"), wanted.Obj("metadata").Str("name"));
        var present = registry.Get(resource, ns, name);
        if (present is not null && wanted["roleRef"] is { } role && !JsonNode.DeepEquals(present["roleRef"], role) && IsManaged(present))
        {
            // A binding's role can't change: it is made again.
            await registry.DeleteAsync(resource, ns, name, null, UserInfo.ApiServer, cancellationToken);
            present = null;
        }

        if (present is null)
        {
            try
            {
                await registry.CreateAsync(resource, ns, (JsonObject)wanted.DeepClone(), UserInfo.ApiServer, cancellationToken);
            }
            catch (ApiErrorException e) when (e.Error.Reason == "AlreadyExists")
            {
                // Another replica was faster.
                return;
            }
        }
        else if (Complete((JsonObject)present.DeepClone(), wanted))
        {
            await registry.UpdateAsync(resource, ns, name, "", obj => Complete(obj, wanted), UserInfo.ApiServer, cancellationToken);
        }
    }

    /// <summary>Adds what is missing. Pure.</summary>
    /// <returns>Whether something was.</returns>
    internal static bool Complete(JsonObject obj, JsonObject wanted)
    {
        if (!IsManaged(obj))
        {
            return false;
        }

        var changed = false;
        var metadata = obj.Ensure("metadata");
        foreach (var map in (ReadOnlySpan<string>)["labels", "annotations"])
        {
            foreach (var (key, value) in wanted.Obj("metadata").Obj(map) ?? [])
            {
                if (metadata.Ensure(map)[key] is null)
                {
                    metadata.Ensure(map)[key] = value?.DeepClone();
                    changed = true;
                }
            }
        }

        if (wanted["aggregationRule"] is { } aggregation)
        {
            if (!JsonNode.DeepEquals(obj["aggregationRule"], aggregation))
            {
                obj["aggregationRule"] = aggregation.DeepClone();
                changed = true;
            }

            return changed;
        }

        var held = obj.Items("rules").Select(PolicyRule.Of).ToArray();
        changed |= Append(obj, "rules", wanted.Items("rules").Where(rule => !RbacEscalation.Covered(PolicyRule.Of(rule), held)));
        changed |= Append(obj, "subjects", wanted.Items("subjects").Where(s => !obj.Items("subjects").Any(h => h.Str("kind") == s.Str("kind") && h.Str("name") == s.Str("name") && h.Str("namespace") == s.Str("namespace"))).ToArray());
        return changed;
    }

    private static bool IsManaged(JsonObject obj) => obj.Obj("metadata").Obj("annotations").Str(AutoUpdate) != "false";

    private static bool Append(JsonObject obj, string field, IEnumerable<JsonObject> missing)
    {
        var changed = false;
        foreach (var item in missing)
        {
            if (obj[field] is not JsonArray)
            {
                obj[field] = new JsonArray();
            }

            ((JsonArray)obj[field]!).Add(item.DeepClone());
            changed = true;
        }

        return changed;
    }
}
