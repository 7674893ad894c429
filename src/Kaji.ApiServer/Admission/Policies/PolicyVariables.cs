using Kaji.ApiServer.Admission.Expressions;
using Kaji.Cel;
using Kaji.Cel.Values;

namespace Kaji.ApiServer.Admission.Policies;

/// <summary><c>variables</c>: each is evaluated when first read, once a request.</summary>
internal sealed class PolicyVariables(Policy policy, ICelBindings bindings, CostBudget budget, CancellationToken cancellationToken) : CelObject
{
    private readonly Dictionary<string, object?> _values = new(StringComparer.Ordinal);

    public override CelType CelType { get; } = CelType.Object("kubernetes.variables", policy.Variables.ToDictionary(v => v.Name, v => v.Expression.ResultType, StringComparer.Ordinal));

    public override IEnumerable<string> FieldNames => policy.Variables.Select(v => v.Name);

    public override bool TryGetByName(string jsonName, out object? value)
    {
        if (_values.TryGetValue(jsonName, out value))
        {
            return true;
        }

        if (policy.Variables.FirstOrDefault(v => v.Name == jsonName) is not { } variable)
        {
            return false;
        }

        _values[jsonName] = value = Evaluate(variable);
        return true;
    }

    private object? Evaluate(PolicyVariable variable)
    {
        if (variable.Expression.Program is not { } program)
        {
            return new CelError($"composited variable \"{variable.Name}\" fails to compile: {variable.Expression}");
        }

        var result = budget.Evaluate(program, bindings, cancellationToken);
        return result.IsError ? new CelError($"composited variable \"{variable.Name}\" fails to evaluate: {result.Error}") : result.Value;
    }
}
