using System.Text.Json.Nodes;
using Kaji.Api;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Admission.Expressions;
using Kaji.ApiServer.Authentication;
using Kaji.ApiServer.Registry;
using Kaji.Cel;

namespace Kaji.ApiServer.Admission.Policies;

/// <summary>
/// Checks the expressions of validating policies against the kinds that they are about, and says in their status what would never work. They stay in force.
/// https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#type-checking
/// </summary>
internal static class TypeChecking
{
    private const int MaxTypes = 10;
    private static readonly ResourceInfo Policies = BuiltInResources.Find("admissionregistration.k8s.io", "v1", "validatingadmissionpolicies")!;

    /// <summary>Brings the status of each policy that changed up to date.</summary>
    public static async Task RunAsync(IObjectRegistry objects, CancellationToken cancellationToken)
    {
        foreach (var policy in objects.List(Policies))
        {
            var generation = policy.Obj("metadata").Int("generation") ?? 0;
            if (policy.Obj("status").Int("observedGeneration") == generation)
            {
                continue;
            }

            var warnings = Check(policy.Obj("spec") ?? [], objects);
            try
            {
                await objects.UpdateAsync(
                    Policies, "", policy.Obj("metadata").Str("name"), "status",
                    now =>
                    {
                        if (now.Obj("metadata").Int("generation") != generation)
                        {
                            return false;
                        }

                        var status = now.Ensure("status");
                        status["observedGeneration"] = generation;
                        status["typeChecking"] = warnings.Count > 0 ? new JsonObject { ["expressionWarnings"] = warnings } : [];
                        return true;
                    },
                    UserInfo.ApiServer, cancellationToken);
            }
            catch (ApiErrorException e) when (e.Error.Code is 404 or 409)
            {
                // Deleted or written in between: a change that is looked at again.
                continue;
            }
        }
    }

    private static JsonArray Check(JsonObject spec, IObjectRegistry objects)
    {
        var kinds = Kinds(spec, objects);
        var warnings = new JsonArray();
        var index = 0;
        foreach (var validation in spec.Items("validations"))
        {
            Add(warnings, spec, $"spec.validations[{index}].expression", validation.Str("expression"), kinds);
            if (validation.Str("messageExpression") is { Length: > 0 } message)
            {
                Add(warnings, spec, $"spec.validations[{index}].messageExpression", message, kinds);
            }

            index++;
        }

        index = 0;
        foreach (var variable in spec.Items("variables"))
        {
            Add(warnings, spec, $"spec.variables[{index++}].expression", variable.Str("expression"), kinds);
        }

        return warnings;
    }

    private static void Add(JsonArray warnings, JsonObject spec, string field, string expression, IReadOnlyList<(ResourceInfo Resource, CelType Type)> kinds)
    {
        var found = new List<string>();
        foreach (var (resource, type) in kinds)
        {
            var environment = Policy.AdmissionEnvironmentOf(spec).WithVariables([new("object", type), new("oldObject", type)]);
            var compiled = new PolicyCompiler(spec, mutating: false, environment).Compile(expression);
            if (compiled.Issues.Count > 0)
            {
                found.Add($"{resource.ApiVersion}, Kind={resource.Kind}: {compiled}");
            }
        }

        if (found.Count > 0)
        {
            warnings.Add((JsonNode)new JsonObject { ["fieldRef"] = field, ["warning"] = string.Join('\n', found) + "\n" });
        }
    }

    /// <summary>The kinds that the rules name without wildcards.</summary>
    private static List<(ResourceInfo, CelType)> Kinds(JsonObject spec, IObjectRegistry objects)
    {
        var found = new List<(ResourceInfo, CelType)>();
        foreach (var rule in spec.Obj("matchConstraints").Items("resourceRules"))
        {
            static string[] Texts(JsonObject rule, string field) => [.. (rule[field] as JsonArray ?? []).Select(v => v.Text())];
            foreach (var group in Texts(rule, "apiGroups"))
            {
                foreach (var version in Texts(rule, "apiVersions"))
                {
                    foreach (var resource in Texts(rule, "resources").Where(r => r != "*"))
                    {
                        if (found.Count < MaxTypes && objects.Find(group, version, resource) is { } known && BuiltInTypes.Of(known) is { } type)
                        {
                            found.Add((known, type));
                        }
                    }
                }
            }
        }

        return found;
    }
}
