using Kaji.Cel.Costs;
using Kaji.Cel.Lexing;

namespace Kaji.Cel;

/// <summary>What became of an expression: a program, or issues.</summary>
public sealed class CelCompilation
{
    internal CelCompilation(string expression, IReadOnlyList<CelIssue> issues, CelProgram? program, CelType resultType, CelRange estimatedCost, string? resultIssue, IReadOnlySet<string>? references = null)
    {
        Expression = expression;
        Issues = issues;
        Program = program;
        ResultType = resultType;
        EstimatedCost = estimatedCost;
        ResultIssue = resultIssue;
        References = references ?? new HashSet<string>(StringComparer.Ordinal);
    }

    public string Expression { get; }

    public IReadOnlyList<CelIssue> Issues { get; }

    /// <summary>Set when the expression is right by itself but not of the expected type: <c>must evaluate to bool</c>.</summary>
    public string? ResultIssue { get; }

    /// <summary>Null when there are issues.</summary>
    public CelProgram? Program { get; }

    public CelType ResultType { get; }

    /// <summary>What one evaluation costs in the best and the worst case; only known without issues.</summary>
    public CelRange EstimatedCost { get; }

    /// <summary>Variables that the expression reads: a rule that reads oldSelf is a transition rule.</summary>
    public IReadOnlySet<string> References { get; }

    /// <summary>The issues as cel-go writes them, with the line and a caret under the place.</summary>
    public override string ToString() => Issues.Count > 0 ? Source.Print(Expression, Issues) : ResultIssue ?? string.Empty;
}
