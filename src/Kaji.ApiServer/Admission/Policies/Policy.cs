using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Admission.Expressions;
using Kaji.ApiServer.Admission.Matching;
using Kaji.Cel;

namespace Kaji.ApiServer.Admission.Policies;

/// <summary>A validation: what must hold, and what is said when it doesn't.</summary>
internal sealed record PolicyValidation(CelCompilation Expression, string Message, CelCompilation? MessageExpression, string Reason);

/// <summary>A mutation: an apply configuration, or JSON patches.</summary>
internal sealed record PolicyMutation(CelCompilation Expression, bool IsPatch);

/// <summary>A value that expressions of a policy share.</summary>
internal sealed record PolicyVariable(string Name, CelCompilation Expression);

/// <summary>A ValidatingAdmissionPolicy or MutatingAdmissionPolicy with its expressions compiled.</summary>
internal sealed class Policy
{
    private Policy(JsonObject obj, bool mutating)
    {
        var spec = obj.Obj("spec") ?? [];
        Name = obj.Obj("metadata").Str("name");
        Matcher = RequestMatcher.OfResources(spec.Obj("matchConstraints"));
        ParamKind = spec.Obj("paramKind") is { } kind ? (kind.Str("apiVersion"), kind.Str("kind")) : null;
        IgnoresFailure = spec.Str("failurePolicy") == "Ignore";
        Reinvoked = spec.Str("reinvocationPolicy") == "IfNeeded";
        var compiler = new PolicyCompiler(spec, mutating, AdmissionEnvironmentOf(spec));
        Variables = compiler.Variables;
        if (spec["matchConditions"] is JsonArray { Count: > 0 })
        {
            // Conditions come before the variables, which they can't use.
            Conditions = new MatchConditions(spec.Items("matchConditions"), AdmissionEnvironmentOf(spec));
        }

        Validations = [.. spec.Items("validations").Select(v => new PolicyValidation(
            compiler.Compile(v.Str("expression"), CelType.Bool), v.Str("message"), v.Str("messageExpression") is { Length: > 0 } text ? compiler.Compile(text, CelType.String) : null, v.Str("reason")))];
        AuditAnnotations = [.. spec.Items("auditAnnotations").Select(a => (a.Str("key"), compiler.Compile(a.Str("valueExpression"))))];
        Mutations = [.. spec.Items("mutations").Select(m => m.Str("patchType") == "JSONPatch"
            ? new PolicyMutation(compiler.Compile(m.Obj("jsonPatch").Str("expression"), CelMutation.PatchListType), IsPatch: true)
            : new PolicyMutation(compiler.Compile(m.Obj("applyConfiguration").Str("expression"), CelMutation.ObjectType), IsPatch: false))];
    }

    public string Name { get; }

    public RequestMatcher Matcher { get; }

    public (string ApiVersion, string Kind)? ParamKind { get; }

    public bool IgnoresFailure { get; }

    public bool Reinvoked { get; }

    public MatchConditions? Conditions { get; }

    public IReadOnlyList<PolicyVariable> Variables { get; }

    public IReadOnlyList<PolicyValidation> Validations { get; }

    public IReadOnlyList<(string Key, CelCompilation Value)> AuditAnnotations { get; }

    public IReadOnlyList<PolicyMutation> Mutations { get; }

    public static Policy OfValidating(JsonObject obj) => new(obj, mutating: false);

    public static Policy OfMutating(JsonObject obj) => new(obj, mutating: true);

    internal static CelEnvironment AdmissionEnvironmentOf(JsonObject spec) => spec["paramKind"] is null ? AdmissionEnvironment.OfPolicies : AdmissionEnvironment.WithParams;
}

/// <summary>A policy's environment: each variable may use those before it.</summary>
internal sealed class PolicyCompiler
{
    private readonly CelEnvironment _environment;

    public PolicyCompiler(JsonObject spec, bool mutating, CelEnvironment environment)
    {
        environment = mutating ? environment.WithMutation() : environment;
        var (types, variables) = (new Dictionary<string, CelType>(StringComparer.Ordinal), new List<PolicyVariable>());
        _environment = environment.WithSharedVariables(types);
        foreach (var variable in spec.Items("variables"))
        {
            var compiled = _environment.Compile(variable.Str("expression"));
            variables.Add(new PolicyVariable(variable.Str("name"), compiled));
            types = new Dictionary<string, CelType>(types, StringComparer.Ordinal) { [variable.Str("name")] = compiled.Program is null ? CelType.Dyn : compiled.ResultType };
            _environment = environment.WithSharedVariables(types);
        }

        Variables = variables;
    }

    public IReadOnlyList<PolicyVariable> Variables { get; }

    public CelCompilation Compile(string expression, CelType? result = null) => _environment.Compile(expression, result);
}

/// <summary>Where, with which parameters and with what effect a policy is put in force.</summary>
internal sealed class PolicyBinding(JsonObject obj)
{
    public string Name { get; } = obj.Obj("metadata").Str("name");

    public string PolicyName { get; } = obj.Obj("spec").Str("policyName");

    public RequestMatcher? Matcher { get; } = obj.Obj("spec").Obj("matchResources") is { } match ? RequestMatcher.OfResources(match) : null;

    public JsonObject? ParamRef { get; } = obj.Obj("spec").Obj("paramRef");

    public IReadOnlySet<string> Actions { get; } = (obj.Obj("spec")?["validationActions"] as JsonArray ?? []).Select(a => a.Text()).ToHashSet(StringComparer.Ordinal);
}

/// <summary>A policy with its bindings.</summary>
internal sealed record BoundPolicy(Policy Policy, IReadOnlyList<PolicyBinding> Bindings);
