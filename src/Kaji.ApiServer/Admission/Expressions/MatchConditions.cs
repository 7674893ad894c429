using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.Cel;

namespace Kaji.ApiServer.Admission.Expressions;

/// <summary>
/// Conditions that must all hold for a request to concern a webhook or policy. One that is false decides; an error only when none is false.
/// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-matchconditions
/// </summary>
internal sealed class MatchConditions
{
    private readonly (string Name, CelCompilation Expression)[] _conditions;

    public MatchConditions(IEnumerable<JsonObject> conditions, CelEnvironment environment) =>
        _conditions = [.. conditions.Select(c => (c.Str("name"), environment.Compile(c.Str("expression"), CelType.Bool)))];

    /// <summary>Whether all hold; or what went wrong.</summary>
    public (bool Holds, string? Error) Evaluate(ICelBindings bindings, CostBudget budget, CancellationToken cancellationToken)
    {
        string? error = null;
        foreach (var (name, expression) in _conditions)
        {
            if (expression.Program is not { } program)
            {
                error ??= $"compilation error: {expression}";
                continue;
            }

            var result = budget.Evaluate(program, bindings, cancellationToken);
            if (result.IsError)
            {
                error ??= $"expression '{expression.Expression}' resulted in error: {result.Error}";
            }
            else if (result.Value is false)
            {
                return (false, null);
            }
        }

        return (error is null, error);
    }
}
