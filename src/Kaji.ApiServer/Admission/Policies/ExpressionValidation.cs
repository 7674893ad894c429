using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Admission.Expressions;
using Kaji.Cel;

namespace Kaji.ApiServer.Admission.Policies;

/// <summary>Webhooks and policies whose expressions don't compile are refused when they are written. (Their kinds' other rules need no expressions and are the kinds'.)</summary>
internal sealed class ExpressionValidation : IAdmissionPlugin
{
    public string Name => "AdmissionExpressions";

    public ValueTask<ApiError?> ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        if (request is not { Resource.Group: "admissionregistration.k8s.io", Subresource: "", Operation: "CREATE" or "UPDATE", Object: { } obj } || JsonNode.DeepEquals(obj["spec"] ?? obj["webhooks"], request.OldObject?["spec"] ?? request.OldObject?["webhooks"]))
        {
            return ValueTask.FromResult<ApiError?>(null);
        }

        var errors = new List<FieldError>();
        switch (request.Resource.Plural)
        {
            case "mutatingwebhookconfigurations" or "validatingwebhookconfigurations":
                foreach (var (webhook, at) in Indexed(obj, "webhooks", ""))
                {
                    Conditions(webhook, $"{at}.", AdmissionEnvironment.OfWebhooks, errors);
                }

                break;
            case "mutatingadmissionpolicies" or "validatingadmissionpolicies":
                OfPolicy(obj.Obj("spec") ?? [], request.Resource.Plural == "mutatingadmissionpolicies", errors);
                break;
        }

        return ValueTask.FromResult(errors.Count == 0 ? null : ApiErrors.Invalid(request.Resource.Group, request.Resource.Kind, request.Name, errors));
    }

    private static void OfPolicy(JsonObject spec, bool mutating, List<FieldError> errors)
    {
        var environment = Policy.AdmissionEnvironmentOf(spec);
        Conditions(spec, "spec.", environment, errors);
        var compiler = new PolicyCompiler(spec, mutating, environment);
        for (var i = 0; i < compiler.Variables.Count; i++)
        {
            Check(compiler.Variables[i].Expression, $"spec.variables[{i}].expression", errors);
        }

        foreach (var (validation, at) in Indexed(spec, "validations", "spec."))
        {
            Check(compiler.Compile(validation.Str("expression"), CelType.Bool), $"{at}.expression", errors);
            if (validation.Str("messageExpression") is { Length: > 0 } message)
            {
                Check(compiler.Compile(message, CelType.String), $"{at}.messageExpression", errors);
            }
        }

        foreach (var (annotation, at) in Indexed(spec, "auditAnnotations", "spec."))
        {
            Check(compiler.Compile(annotation.Str("valueExpression")), $"{at}.valueExpression", errors);
        }

        foreach (var (mutation, at) in Indexed(spec, "mutations", "spec."))
        {
            if (mutation.Obj("jsonPatch") is { } patch)
            {
                Check(compiler.Compile(patch.Str("expression"), CelMutation.PatchListType), $"{at}.jsonPatch.expression", errors);
            }

            if (mutation.Obj("applyConfiguration") is { } apply)
            {
                Check(compiler.Compile(apply.Str("expression"), CelMutation.ObjectType), $"{at}.applyConfiguration.expression", errors);
            }
        }
    }

    private static void Conditions(JsonObject owner, string prefix, CelEnvironment environment, List<FieldError> errors)
    {
        foreach (var (condition, at) in Indexed(owner, "matchConditions", prefix))
        {
            Check(environment.Compile(condition.Str("expression"), CelType.Bool), $"{at}.expression", errors);
        }
    }

    private static void Check(CelCompilation compilation, string at, List<FieldError> errors)
    {
        if (compilation.Expression.Trim().Length > 0 && compilation.Program is null)
        {
            errors.Invalid(at, compilation.Expression, compilation.Issues.Count > 0 ? $"compilation failed: {compilation}" : compilation.ResultIssue ?? "compilation failed");
        }
    }

    private static IEnumerable<(JsonObject Item, string At)> Indexed(JsonObject owner, string field, string prefix) => owner.Items(field).Select((item, i) => (item, $"{prefix}{field}[{i}]"));
}
