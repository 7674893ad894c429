using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;

namespace Kaji.ApiServer.Authorization;

/// <summary>
/// What an access review says of the selectors of a request (fieldSelector, labelSelector). RBAC does not look at them; what is malformed is refused.
/// https://kubernetes.io/docs/reference/access-authn-authz/authorization/
/// </summary>
internal static class AttributeSelectors
{
    public static void Validate(JsonObject attributes, ICollection<FieldError> errors)
    {
        Selector(attributes.Obj("fieldSelector"), "spec.resourceAttributes.fieldSelector", errors);
        Selector(attributes.Obj("labelSelector"), "spec.resourceAttributes.labelSelector", errors);
    }

    private static void Selector(JsonObject? selector, string path, ICollection<FieldError> errors)
    {
        if (selector is null)
        {
            return;
        }

        var (raw, requirements) = (selector.Str("rawSelector"), selector["requirements"] as JsonArray);
        if (raw.Length > 0 && requirements is { Count: > 0 })
        {
            errors.Invalid($"{path}.rawSelector", raw, "may not specify both rawSelector and requirements");
        }
        else if (raw.Length == 0 && requirements is not { Count: > 0 })
        {
            errors.Required($"{path}.requirements", $"when {path} is specified, requirements or rawSelector is required");
        }

        var i = 0;
        foreach (var requirement in selector.Items("requirements"))
        {
            Requirement(requirement, $"{path}.requirements[{i++}]", errors);
        }
    }

    private static void Requirement(JsonObject requirement, string at, ICollection<FieldError> errors)
    {
        if (requirement.Str("key").Length == 0)
        {
            errors.Required($"{at}.key", "must be specified");
        }

        var values = (requirement["values"] as JsonArray)?.Count ?? 0;
        switch (requirement.Str("operator"))
        {
            case "In" or "NotIn" when values == 0:
                errors.Required($"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'");
                break;
            case "Exists" or "DoesNotExist" when values > 0:
                errors.Forbidden($"{at}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
                break;
            case "In" or "NotIn" or "Exists" or "DoesNotExist":
                break;
            default:
                errors.Invalid($"{at}.operator", requirement.Str("operator"), "not a valid selector operator");
                break;
        }
    }
}
