using System.Text.Json.Nodes;
using Kaji.Api.Errors;
using Kaji.Api.Metadata;

namespace Kaji.Api.Kinds.Admission;

/// <summary>MutatingWebhookConfiguration and ValidatingWebhookConfiguration. https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/</summary>
internal sealed class WebhookConfigurationKind : KindBehavior
{
    private static readonly string[] SideEffects = ["None", "NoneOnDryRun"];
    private static readonly string[] FailurePolicies = ["Fail", "Ignore"];
    private static readonly string[] ReinvocationPolicies = ["IfNeeded", "Never"];

    public override bool HasGeneration => true;

    public override void Default(JsonObject obj)
    {
        foreach (var webhook in obj.Items("webhooks"))
        {
            webhook.Default("failurePolicy", "Fail");
            webhook.Default("timeoutSeconds", 10);
            if (obj.Str("kind") == "MutatingWebhookConfiguration")
            {
                webhook.Default("reinvocationPolicy", "Never");
            }

            webhook.Obj("clientConfig").Obj("service")?.Default("port", 443);
            AdmissionRules.DefaultMatch(webhook, "rules");
        }
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var index = 0;
        foreach (var webhook in obj.Items("webhooks"))
        {
            var at = $"webhooks[{index++}].";
            var name = webhook.Str("name");
            if (name.Length == 0)
            {
                errors.Required($"{at}name");
            }
            else if (Names.Dns1123SubdomainErrors(name) is [var problem, ..])
            {
                errors.Invalid($"{at}name", name, problem);
            }
            else if (name.Count(c => c == '.') < 2)
            {
                errors.Invalid($"{at}name", name, "should be a domain with at least three segments separated by dots");
            }
            else if (!names.Add(name))
            {
                errors.Duplicate($"{at}name", name);
            }

            Versions(webhook, at, errors);
            if (webhook.Str("sideEffects").Length == 0)
            {
                errors.Required($"{at}sideEffects", "must specify one of None, NoneOnDryRun");
            }

            AdmissionRules.OneOf(webhook, "sideEffects", at, SideEffects, errors);
            AdmissionRules.OneOf(webhook, "failurePolicy", at, FailurePolicies, errors);
            AdmissionRules.OneOf(webhook, "reinvocationPolicy", at, ReinvocationPolicies, errors);
            AdmissionRules.ValidateMatch(webhook, "rules", at, errors);
            AdmissionRules.Conditions(webhook, at, errors);
            if (webhook.Int("timeoutSeconds") is < 1 or > 30)
            {
                errors.Invalid($"{at}timeoutSeconds", webhook.Int("timeoutSeconds"), "the timeout value must be between 1 and 30 seconds");
            }

            Client(webhook.Obj("clientConfig"), $"{at}clientConfig", errors);
        }
    }

    private static void Versions(JsonObject webhook, string at, ICollection<FieldError> errors)
    {
        var versions = (webhook["admissionReviewVersions"] as JsonArray ?? []).Select(v => v.Text()).ToArray();
        if (versions.Length == 0)
        {
            errors.Required($"{at}admissionReviewVersions", "must specify one of v1, v1beta1");
        }
        else if (!versions.Any(v => v is "v1" or "v1beta1"))
        {
            errors.Invalid($"{at}admissionReviewVersions", versions, "must include at least one of v1, v1beta1");
        }
    }

    private static void Client(JsonObject? config, string at, ICollection<FieldError> errors)
    {
        var (url, service) = (config.Str("url"), config.Obj("service"));
        if ((config?["url"] is not null) == (service is not null))
        {
            errors.Required(at, "exactly one of url or service is required");
            return;
        }

        if (service is not null)
        {
            foreach (var field in (ReadOnlySpan<string>)["name", "namespace"])
            {
                if (service.Str(field).Length == 0)
                {
                    errors.Required($"{at}.service.{field}", $"service {field} is required");
                }
            }

            if (service.Int("port") is < 1 or > 65535)
            {
                errors.Invalid($"{at}.service.port", service.Int("port"), "port is not valid: must be between 1 and 65535, inclusive");
            }

            return;
        }

        const string Form = "; desired format: https://host[/path]";
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri))
        {
            errors.Required($"{at}.url", "url must be a valid URL" + Form);
            return;
        }

        void Wrong(object value, string why) => errors.Invalid($"{at}.url", value, why + Form);
        if (uri.Scheme != Uri.UriSchemeHttps)
        {
            Wrong(uri.Scheme, "'https' is the only allowed URL scheme");
        }

        if (uri.Host.Length == 0)
        {
            Wrong("", "host must be specified");
        }

        if (uri.UserInfo.Length > 0)
        {
            Wrong(uri.UserInfo, "user information is not permitted in the URL");
        }

        if (uri.Fragment.Length > 0)
        {
            Wrong(uri.Fragment, "fragments are not permitted in the URL");
        }

        if (uri.Query.Length > 0)
        {
            Wrong(uri.Query.TrimStart('?'), "query parameters are not permitted in the URL");
        }
    }
}

/// <summary>ValidatingAdmissionPolicy and MutatingAdmissionPolicy; their expressions are compiled by admission.</summary>
internal sealed class AdmissionPolicyKind : StatusKind
{
    private static readonly string[] FailurePolicies = ["Fail", "Ignore"];
    private static readonly string[] ReinvocationPolicies = ["IfNeeded", "Never"];
    private static readonly string[] Reasons = ["Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"];
    private static readonly string[] PatchTypes = ["ApplyConfiguration", "JSONPatch"];

    public override void PrepareForCreate(JsonObject obj)
    {
        // Of the two only the validating one has a status.
        obj.Remove("status");
    }

    public override void Default(JsonObject obj)
    {
        var spec = obj.Ensure("spec");
        spec.Default("failurePolicy", "Fail");
        if (spec.Obj("matchConstraints") is { } match)
        {
            AdmissionRules.DefaultMatch(match, "resourceRules");
        }
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = obj.Obj("spec") ?? [];
        AdmissionRules.OneOf(spec, "failurePolicy", "spec.", FailurePolicies, errors);
        if (spec.Obj("paramKind") is { } kind)
        {
            foreach (var field in (ReadOnlySpan<string>)["apiVersion", "kind"])
            {
                if (kind.Str(field).Length == 0)
                {
                    errors.Required($"spec.paramKind.{field}");
                }
            }
        }

        if (spec.Obj("matchConstraints") is not { } match)
        {
            errors.Required("spec.matchConstraints");
        }
        else
        {
            if (match["resourceRules"] is not JsonArray { Count: > 0 })
            {
                errors.Required("spec.matchConstraints.resourceRules");
            }

            AdmissionRules.ValidateMatch(match, "resourceRules", "spec.matchConstraints.", errors);
        }

        AdmissionRules.Conditions(spec, "spec.", errors);
        Variables(spec, errors);
        if (obj.Str("kind") == "MutatingAdmissionPolicy")
        {
            Mutations(spec, errors);
        }
        else
        {
            Validations(spec, errors);
        }
    }

    private static void Variables(JsonObject spec, ICollection<FieldError> errors)
    {
        var (index, names) = (0, new HashSet<string>(StringComparer.Ordinal));
        foreach (var variable in spec.Items("variables"))
        {
            var at = $"spec.variables[{index++}]";
            var name = variable.Str("name");
            if (name.Length == 0 || variable.Str("expression").Trim().Length == 0)
            {
                errors.Required(name.Length == 0 ? $"{at}.name" : $"{at}.expression", name.Length == 0 ? "name is not specified" : "expression is not specified");
            }
            else if (!(char.IsAsciiLetter(name[0]) || name[0] == '_') || !name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
            {
                errors.Invalid($"{at}.name", name, "name is not a valid CEL identifier");
            }
            else if (!names.Add(name))
            {
                errors.Duplicate($"{at}.name", name);
            }
        }
    }

    private static void Validations(JsonObject spec, ICollection<FieldError> errors)
    {
        if (!spec.Items("validations").Any() && !spec.Items("auditAnnotations").Any())
        {
            errors.Required("spec.validations", "validations or auditAnnotations must contain at least one item");
            errors.Required("spec.auditAnnotations", "validations or auditAnnotations must contain at least one item");
        }

        var index = 0;
        foreach (var validation in spec.Items("validations"))
        {
            var at = $"spec.validations[{index++}].";
            if (validation.Str("expression").Trim().Length == 0)
            {
                errors.Required($"{at}expression", "expression is not specified");
            }

            if (validation.Str("message").Contains('\n', StringComparison.Ordinal))
            {
                errors.Invalid($"{at}message", validation.Str("message"), "message must not contain line breaks");
            }

            AdmissionRules.OneOf(validation, "reason", at, Reasons, errors);
        }

        index = 0;
        foreach (var annotation in spec.Items("auditAnnotations"))
        {
            var at = $"spec.auditAnnotations[{index++}].";
            if (annotation.Str("key").Length == 0)
            {
                errors.Required($"{at}key");
            }

            if (annotation.Str("valueExpression").Trim().Length == 0)
            {
                errors.Required($"{at}valueExpression", "valueExpression is not specified");
            }
        }
    }

    private static void Mutations(JsonObject spec, ICollection<FieldError> errors)
    {
        if (spec.Str("reinvocationPolicy").Length == 0)
        {
            errors.Required("spec.reinvocationPolicy");
        }

        AdmissionRules.OneOf(spec, "reinvocationPolicy", "spec.", ReinvocationPolicies, errors);
        if (!spec.Items("mutations").Any())
        {
            errors.Required("spec.mutations", "mutations must contain at least one item");
        }

        var index = 0;
        foreach (var mutation in spec.Items("mutations"))
        {
            var at = $"spec.mutations[{index++}].";
            var type = mutation.Str("patchType");
            if (type.Length == 0)
            {
                errors.Required($"{at}patchType");
                continue;
            }

            AdmissionRules.OneOf(mutation, "patchType", at, PatchTypes, errors);
            var (field, other) = type == "JSONPatch" ? ("jsonPatch", "applyConfiguration") : ("applyConfiguration", "jsonPatch");
            if (mutation.Obj(field) is not { } patch)
            {
                errors.Required(at + field, $"must be specified when patchType is {type}");
            }
            else if (patch.Str("expression").Trim().Length == 0)
            {
                errors.Required($"{at}{field}.expression", "expression is not specified");
            }

            if (mutation[other] is not null)
            {
                errors.Forbidden(at + other, $"must not be specified when patchType is {type}");
            }
        }
    }
}

/// <summary>ValidatingAdmissionPolicyBinding and MutatingAdmissionPolicyBinding.</summary>
internal sealed class AdmissionPolicyBindingKind : KindBehavior
{
    private static readonly string[] Actions = ["Audit", "Deny", "Warn"];
    private static readonly string[] NotFoundActions = ["Allow", "Deny"];

    public override bool HasGeneration => true;

    public override void Default(JsonObject obj)
    {
        if (obj.Obj("spec").Obj("matchResources") is { } match)
        {
            AdmissionRules.DefaultMatch(match, "resourceRules");
        }
    }

    public override void Validate(JsonObject obj, ICollection<FieldError> errors)
    {
        var spec = obj.Obj("spec") ?? [];
        if (spec.Str("policyName").Length == 0)
        {
            errors.Required("spec.policyName");
        }

        if (spec.Obj("paramRef") is { } reference)
        {
            if ((reference.Str("name").Length > 0) == (reference["selector"] is not null))
            {
                errors.Required("spec.paramRef", "one of name or selector must be specified");
            }

            if (reference.Str("parameterNotFoundAction").Length == 0)
            {
                errors.Required("spec.paramRef.parameterNotFoundAction");
            }

            AdmissionRules.OneOf(reference, "parameterNotFoundAction", "spec.paramRef.", NotFoundActions, errors);
        }

        if (spec.Obj("matchResources") is { } match)
        {
            AdmissionRules.ValidateMatch(match, "resourceRules", "spec.matchResources.", errors);
        }

        if (obj.Str("kind") != "ValidatingAdmissionPolicyBinding")
        {
            return;
        }

        var actions = (spec["validationActions"] as JsonArray ?? []).Select(a => a.Text()).ToArray();
        if (actions.Length == 0)
        {
            errors.Required("spec.validationActions");
        }

        for (var i = 0; i < actions.Length; i++)
        {
            if (!Actions.Contains(actions[i], StringComparer.Ordinal))
            {
                errors.NotSupported($"spec.validationActions[{i}]", actions[i], Actions);
            }
            else if (Array.IndexOf(actions, actions[i]) < i)
            {
                errors.Duplicate($"spec.validationActions[{i}]", actions[i]);
            }
        }

        if (actions.Contains("Deny", StringComparer.Ordinal) && actions.Contains("Warn", StringComparer.Ordinal))
        {
            errors.Invalid("spec.validationActions", actions, "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)");
        }
    }
}
