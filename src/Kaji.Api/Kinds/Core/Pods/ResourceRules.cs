using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Core.Pods;

/// <summary>Validation of requests, limits and resource claims. https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/</summary>
internal static class ResourceRules
{
    /// <returns>The names by which containers may use the Pod's claims.</returns>
    public static HashSet<string> Claims(Fields spec)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var claim in spec.Items("resourceClaims"))
        {
            claim.Unique("name", Names.Dns1123LabelErrors, names);
            var (name, template) = (claim.Has("resourceClaimName"), claim.Has("resourceClaimTemplateName"));
            if (name && template)
            {
                claim.Errors.Invalid(claim.Path, claim.Object, "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified");
            }
            else if (!name && !template)
            {
                claim.Errors.Required(claim.Path, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`");
            }

            claim.Rule("resourceClaimName", Names.Dns1123SubdomainErrors);
            claim.Rule("resourceClaimTemplateName", Names.Dns1123SubdomainErrors);
        }

        return names;
    }

    public static void Container(Fields container, IReadOnlySet<string> claims)
    {
        if (container.Sub("resources") is not { } resources)
        {
            return;
        }

        Requirements(resources, IsContainerResource, "must be a standard resource for containers");
        var used = new HashSet<string>(StringComparer.Ordinal);
        foreach (var claim in resources.Items("claims"))
        {
            if (!claim.Present("name"))
            {
                continue;
            }

            var (name, request) = (claim.Str("name"), claim.Str("request"));
            if (!used.Add($"{name}/{request}"))
            {
                claim.Errors.Duplicate(claim.Path, request.Length > 0 ? $"{name}/{request}" : name);
            }
            else if (!claims.Contains(name))
            {
                claim.Errors.NotFound(claim.Path, name);
            }
        }
    }

    /// <summary>What all of a Pod's containers have together.</summary>
    public static void PodLevel(Fields spec)
    {
        if (spec.Sub("resources") is not { } resources)
        {
            return;
        }

        if (resources.HasAny("claims"))
        {
            resources.Forbidden("claims", "claims may not be set for Resources at pod-level");
        }

        Requirements(resources, name => name is "cpu" or "memory" || name.StartsWith("hugepages-", StringComparison.Ordinal), "must be a standard resource for pods");
        foreach (var (name, value) in resources.Object.Obj("requests") ?? [])
        {
            var together = default(Quantity);
            foreach (var container in spec.Object.Items("containers").Concat(spec.Object.Items("initContainers").Where(c => c.Str("restartPolicy") == "Always")))
            {
                together = Quantity.TryParse(container.Obj("resources").Obj("requests")?[name].Text(), out var one) ? together + one : together;
            }

            if (Quantity.TryParse(value.Text(), out var most) && together > most)
            {
                resources.Errors.Invalid($"{resources.At("requests")}[{name}]", value.Text(), $"must be greater than or equal to aggregate container requests of {together}");
            }
        }

        foreach (var (name, value) in resources.Object.Obj("limits") ?? [])
        {
            foreach (var container in spec.Items("containers"))
            {
                var limit = container.Of("resources").Of("limits").Text(name);
                if (Quantity.TryParse(limit, out var own) && Quantity.TryParse(value.Text(), out var most) && own > most)
                {
                    spec.Errors.Invalid($"{container.Of("resources").At("limits")}[{name}]", limit, $"must be less than or equal to pod limits of {value.Text()}");
                }
            }
        }
    }

    /// <summary>A list of amounts that is not about requests and limits: overhead, capacity.</summary>
    public static void Amounts(Fields owner, string field)
    {
        foreach (var (name, value) in owner.Object.Obj(field) ?? [])
        {
            Amount(owner, field, name, value);
        }
    }

    private static void Requirements(Fields resources, Func<string, bool> known, string unknown)
    {
        var (limits, requests) = (resources.Object.Obj("limits") ?? [], resources.Object.Obj("requests") ?? []);
        foreach (var (name, value) in limits)
        {
            ResourceName(resources, "limits", name, known, unknown);
            Amount(resources, "limits", name, value);
        }

        foreach (var (name, value) in requests)
        {
            ResourceName(resources, "requests", name, known, unknown);
            Amount(resources, "requests", name, value);
            if (!Quantity.TryParse(value.Text(), out var request))
            {
                continue;
            }

            if (Quantity.TryParse(limits[name].Text(), out var limit))
            {
                if (request != limit && !Overcommitted(name))
                {
                    resources.Invalid("requests", value.Text(), $"must be equal to {name} limit of {limits[name].Text()}");
                }
                else if (request > limit)
                {
                    resources.Invalid("requests", value.Text(), $"must be less than or equal to {name} limit of {limits[name].Text()}");
                }
            }
            else if (!Overcommitted(name))
            {
                resources.Required("limits", "Limit must be set for non overcommitable resources");
            }
        }

        var all = limits.Concat(requests).Select(p => p.Key).ToArray();
        if (all.Any(n => n.StartsWith("hugepages-", StringComparison.Ordinal)) && !all.Any(n => n is "cpu" or "memory"))
        {
            resources.Errors.Forbidden(resources.Path, "HugePages require cpu or memory");
        }
    }

    private static void ResourceName(Fields resources, string list, string name, Func<string, bool> known, string unknown)
    {
        // Kubernetes names the key here, where the cause is the key itself.
        if (Names.QualifiedNameErrors(name) is { Count: > 0 } problems)
        {
            foreach (var problem in problems)
            {
                resources.Errors.Invalid($"{resources.At(list)}[{name}]", name, problem);
            }
        }
        else if (!known(name))
        {
            resources.Errors.Invalid($"{resources.At(list)}[{name}]", name, unknown);
        }
    }

    private static void Amount(Fields owner, string list, string name, JsonNode? value)
    {
        if (!Quantity.TryParse(value.Text(), out var amount))
        {
            return;
        }

        if (amount.Sign < 0)
        {
            owner.Errors.Invalid($"{owner.At(list)}[{name}]", value.Text(), Fields.NotNegative);
        }

        if (IsExtended(name) && amount != Quantity.FromValue(amount.Value))
        {
            owner.Errors.Invalid($"{owner.At(list)}[{name}]", value.Text(), "must be an integer");
        }
    }

    private static bool IsContainerResource(string name) =>
        name is "cpu" or "memory" or "ephemeral-storage" || name.StartsWith("hugepages-", StringComparison.Ordinal) || name.Contains('/', StringComparison.Ordinal);

    /// <summary>Of a vendor's domain: can't be divided, nor promised twice.</summary>
    private static bool IsExtended(string name) =>
        name.IndexOf('/', StringComparison.Ordinal) is > 0 and var at && !name.AsSpan(0, at).EndsWith("kubernetes.io", StringComparison.Ordinal);

    private static bool Overcommitted(string name) => !IsExtended(name) && !name.StartsWith("hugepages-", StringComparison.Ordinal);
}
