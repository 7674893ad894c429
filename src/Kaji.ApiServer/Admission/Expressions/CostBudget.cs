using Kaji.Cel;

namespace Kaji.ApiServer.Admission.Expressions;

/// <summary>What the expressions of one webhook's conditions, or of one policy for one request, may cost together.</summary>
internal sealed class CostBudget(long limit)
{
    /// <summary>Kubernetes' RuntimeCELCostBudget.</summary>
    public const long OfPolicy = 10_000_000;

    /// <summary>Kubernetes' RuntimeCELCostBudgetMatchConditions.</summary>
    public const long OfConditions = 2_500_000;
    private long _left = limit;

    public CelResult Evaluate(CelProgram program, ICelBindings bindings, CancellationToken cancellationToken)
    {
        var result = program.Evaluate(bindings, Math.Min(_left, CelProgram.PerCallLimit), cancellationToken);
        _left = Math.Max(0, _left - (long)Math.Min(result.Cost, long.MaxValue));
        return result.IsCostLimitExceeded && _left == 0 ? result with { Error = "validation failed due to running out of cost budget, no further validation rules will be run" } : result;
    }
}
