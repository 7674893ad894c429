using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Admission.Expressions;
using Kaji.ApiServer.Admission.Matching;
using Kaji.ApiServer.Authorization;
using Kaji.ApiServer.Registry;
using Kaji.Cel;

namespace Kaji.ApiServer.Admission.Policies;

/// <summary>ValidatingAdmissionPolicy: https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/</summary>
internal sealed class ValidatingPolicies(Func<IReadOnlyList<BoundPolicy>> policies, Func<(IObjectRegistry Objects, IAuthorizer Authorizer)> context) : IAdmissionPlugin
{
    private const int MaxMessage = 5 * 1024;
    private const string FailureAnnotation = "validation.policy.admission.k8s.io/validation_failure";

    public string Name => "ValidatingAdmissionPolicy";

    public ValueTask<ApiError?> ValidateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        var all = policies();
        return ValueTask.FromResult(all.Count == 0 || request.Resource.Group == "admissionregistration.k8s.io" ? null : Decide(all, request, cancellationToken));
    }

    private ApiError? Decide(IReadOnlyList<BoundPolicy> all, AdmissionRequest request, CancellationToken cancellationToken)
    {
        var (objects, authorizer) = context();
        var denied = new List<(string Message, string Reason)>();
        foreach (var (policy, bindings) in all)
        {
            var operation = AdmissionView.OperationOf(request);
            if (policy.Matcher.Match(request, operation, objects) is not { } matched)
            {
                continue;
            }

            var view = new AdmissionView(request, matched, objects);
            foreach (var binding in bindings.Where(b => b.Matcher is null || b.Matcher.Match(request, operation, objects) is not null))
            {
                var (parameters, error) = PolicyParameters.Of(policy, binding, request, objects);
                if (error is not null && !policy.IgnoresFailure)
                {
                    denied.Add(($"ValidatingAdmissionPolicy '{policy.Name}' with binding '{binding.Name}' denied request: {error}", ""));
                }

                foreach (var parameter in parameters)
                {
                    foreach (var failure in Evaluate(policy, binding, request, new AdmissionBindings(request, view, parameter, authorizer, objects), cancellationToken))
                    {
                        Act(failure, policy, binding, request, denied);
                    }
                }
            }
        }

        if (denied.Count == 0)
        {
            return null;
        }

        var (message, reason) = denied[0];
        reason = reason.Length == 0 ? "Invalid" : reason;
        var refusal = ApiErrors.Forbidden(request.Requested, request.Name, message);
        return refusal with
        {
            Reason = reason, Causes = [new FieldError("", "", message)],
            Code = reason switch { "Forbidden" => 403, "Unauthorized" => 401, "RequestEntityTooLarge" => 413, _ => 422 },
        };
    }

    private static IEnumerable<PolicyFailure> Evaluate(Policy policy, PolicyBinding binding, AdmissionRequest request, AdmissionBindings bindings, CancellationToken cancellationToken)
    {
        if (policy.Conditions is not null)
        {
            var (holds, error) = policy.Conditions.Evaluate(bindings, new CostBudget(CostBudget.OfConditions), cancellationToken);
            if (error is not null)
            {
                yield return new(error, "", true, 0);
            }

            if (!holds)
            {
                yield break;
            }
        }

        var budget = new CostBudget(CostBudget.OfPolicy);
        bindings.Variables = new PolicyVariables(policy, bindings, budget, cancellationToken);
        for (var i = 0; i < policy.Validations.Count; i++)
        {
            var validation = policy.Validations[i];
            if (validation.Expression.Program is not { } program)
            {
                yield return new($"compilation error: {validation.Expression}", "", true, i);
                continue;
            }

            var result = budget.Evaluate(program, bindings, cancellationToken);
            if (result.IsError)
            {
                yield return new($"expression '{validation.Expression.Expression}' resulted in error: {result.Error}", "", true, i);
            }
            else if (result.Value is not true)
            {
                yield return new(MessageOf(validation, bindings, budget, cancellationToken), validation.Reason, false, i);
            }
        }

        foreach (var (key, value) in policy.AuditAnnotations)
        {
            var result = value.Program is { } program ? budget.Evaluate(program, bindings, cancellationToken) : new CelResult(null, $"compilation error: {value}", 0);
            if (result.IsError)
            {
                yield return new($"expression '{value.Expression}' resulted in error: {result.Error}", "", true, 0);
            }
            else if (result.Value is string { Length: > 0 } text)
            {
                request.AuditAnnotations[$"{policy.Name}/{key}"] = text;
            }
        }
    }

    private static string MessageOf(PolicyValidation validation, AdmissionBindings bindings, CostBudget budget, CancellationToken cancellationToken)
    {
        if (validation.MessageExpression?.Program is { } program && budget.Evaluate(program, bindings, cancellationToken) is { Value: string text } && text.Trim() is { Length: > 0 and <= MaxMessage } said && !said.Contains('\n', StringComparison.Ordinal))
        {
            return said;
        }

        return validation.Message.Trim() is { Length: > 0 } message ? message : $"failed expression: {validation.Expression.Expression.Trim()}";
    }

    private static void Act(PolicyFailure failure, Policy policy, PolicyBinding binding, AdmissionRequest request, List<(string Message, string Reason)> denied)
    {
        if (failure.IsError && policy.IgnoresFailure)
        {
            return;
        }

        if (binding.Actions.Contains("Warn"))
        {
            request.Warn?.Invoke($"Validation failed for ValidatingAdmissionPolicy '{policy.Name}' with binding '{binding.Name}': {failure.Message}");
        }

        if (binding.Actions.Contains("Audit"))
        {
            var entries = request.AuditAnnotations.TryGetValue(FailureAnnotation, out var before) ? JsonNode.Parse(before)!.AsArray() : [];
            entries.Add((JsonNode)new JsonObject
            {
                ["message"] = failure.Message, ["policy"] = policy.Name, ["binding"] = binding.Name, ["expressionIndex"] = failure.Index, ["validationActions"] = new JsonArray([.. binding.Actions.Select(a => (JsonNode)a)]),
            });
            request.AuditAnnotations[FailureAnnotation] = entries.ToJsonString();
        }

        if (binding.Actions.Contains("Deny"))
        {
            denied.Add(($"ValidatingAdmissionPolicy '{policy.Name}' with binding '{binding.Name}' denied request: {failure.Message}", failure.Reason));
        }
    }

    /// <summary>A validation that does not hold, or an expression that failed, by its place among the validations.</summary>
    private sealed record PolicyFailure(string Message, string Reason, bool IsError, int Index);
}
