using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Apply;
using Kaji.Api.Errors;
using Kaji.Api.Kinds;
using Kaji.Api.Patches;
using Kaji.ApiServer.Admission.Expressions;
using Kaji.ApiServer.Admission.Matching;
using Kaji.ApiServer.Authorization;
using Kaji.ApiServer.Registry;
using Kaji.Cel;

namespace Kaji.ApiServer.Admission.Policies;

/// <summary>MutatingAdmissionPolicy: https://kubernetes.io/docs/reference/access-authn-authz/mutating-admission-policy/</summary>
internal sealed class MutatingPolicies(Func<IReadOnlyList<BoundPolicy>> policies, Func<(IObjectRegistry Objects, IAuthorizer Authorizer)> context) : IAdmissionPlugin
{
    public string Name => "MutatingAdmissionPolicy";

    public bool Reinvocable => true;

    public ValueTask<ApiError?> MutateAsync(AdmissionRequest request, CancellationToken cancellationToken)
    {
        var all = policies();
        return ValueTask.FromResult(
            all.Count == 0 || request.Object is null || request.Operation is not ("CREATE" or "UPDATE") || request.Resource.Group == "admissionregistration.k8s.io" ? null : Run(all, request, cancellationToken));
    }

    private ApiError? Run(IReadOnlyList<BoundPolicy> all, AdmissionRequest request, CancellationToken cancellationToken)
    {
        var (objects, authorizer) = context();
        var operation = AdmissionView.OperationOf(request);
        foreach (var (policy, bindings) in all)
        {
            if (policy.Matcher.Match(request, operation, objects) is not { } matched)
            {
                continue;
            }

            foreach (var binding in bindings.Where(b => b.Matcher is null || b.Matcher.Match(request, operation, objects) is not null))
            {
                var key = $"policy {policy.Name}/{binding.Name}";
                if (!request.Reinvocation.IsDue(key, policy.Reinvoked, request.Object))
                {
                    continue;
                }

                var (parameters, error) = PolicyParameters.Of(policy, binding, request, objects);
                foreach (var parameter in parameters)
                {
                    var view = new AdmissionView(request, matched, objects);
                    error ??= Mutate(policy, request, view, new AdmissionBindings(request, view, parameter, authorizer, objects), cancellationToken);
                }

                if (error is not null && !policy.IgnoresFailure)
                {
                    return ApiErrors.Forbidden(request.Requested, request.Name, $"policy '{policy.Name}' with binding '{binding.Name}' denied request: {error}") with { Code = 422, Reason = "Invalid" };
                }

                if (policy.Reinvoked)
                {
                    request.Reinvocation.Left(key, request.Object);
                }
            }
        }

        return null;
    }

    private static string? Mutate(Policy policy, AdmissionRequest request, AdmissionView view, AdmissionBindings bindings, CancellationToken cancellationToken)
    {
        if (policy.Conditions is not null)
        {
            var (holds, error) = policy.Conditions.Evaluate(bindings, new CostBudget(CostBudget.OfConditions), cancellationToken);
            if (error is not null || !holds)
            {
                return error;
            }
        }

        var budget = new CostBudget(CostBudget.OfPolicy);
        foreach (var mutation in policy.Mutations)
        {
            // The variables see what the mutation before made of the object.
            bindings.Variables = new PolicyVariables(policy, bindings, budget, cancellationToken);
            if (mutation.Expression.Program is not { } program)
            {
                return $"compilation error: {mutation.Expression}";
            }

            var result = budget.Evaluate(program, bindings, cancellationToken);
            if (result.IsError)
            {
                return $"expression '{mutation.Expression.Expression}' resulted in error: {result.Error}";
            }

            if (!CelJson.TryToJson(result.Value, out var json))
            {
                return $"expression '{mutation.Expression.Expression}' evaluated to a value that has no JSON";
            }

            if ((mutation.IsPatch ? Patch(request, view, json) : Apply(request, view, result.Value, json)) is { } wrong)
            {
                return wrong;
            }
        }

        return null;
    }

    private static string? Apply(AdmissionRequest request, AdmissionView view, object? value, JsonNode? json)
    {
        if (CelMutation.CheckTypeNames(value) is { } wrongType)
        {
            return wrongType;
        }

        if (json is not JsonObject configuration)
        {
            return "ApplyConfiguration expression must evaluate to an Object";
        }

        foreach (var field in (ReadOnlySpan<string>)["apiVersion", "kind"])
        {
            if (configuration[field] is not null)
            {
                return $"{field} may not be set in an ApplyConfiguration";
            }
        }

        var (merged, error) = PolicyConfiguration.Merge(view.Object!, configuration, request.Subresource is "" or "status" ? ApplySchemas.Of(view.Resource) : Atom.Deduced);
        if (merged is null)
        {
            return error;
        }

        Take(request, view, merged);
        return null;
    }

    private static string? Patch(AdmissionRequest request, AdmissionView view, JsonNode? json)
    {
        if (json is not JsonArray patch)
        {
            return "JSONPatch expression must evaluate to a list";
        }

        try
        {
            Take(request, view, (JsonObject)JsonPatch.Apply(view.Object!.DeepClone(), patch));
            return null;
        }
        catch (ApiErrorException e)
        {
            return $"JSON Patch: {e.Message}";
        }
    }

    private static void Take(AdmissionRequest request, AdmissionView view, JsonObject changed)
    {
        if (!JsonNode.DeepEquals(changed, view.Object))
        {
            view.Take(changed);
            request.Reinvocation.Changed(request.Object);
        }
    }
}
