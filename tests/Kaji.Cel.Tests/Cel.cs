using Kaji.Cel.Values;

namespace Kaji.Cel.Tests;

/// <summary>Short ways to compile and evaluate, shared by the tables.</summary>
internal static class Cel
{
    public static CelResult Run(string expression, CelEnvironment? environment = null, IReadOnlyDictionary<string, object?>? values = null, long limit = CelProgram.PerCallLimit)
    {
        var compilation = (environment ?? CelEnvironment.Kubernetes).Compile(expression);
        Assert.True(compilation.Program is not null, $"{expression}\n{compilation}");
        return compilation.Program.Evaluate(values is null ? CelBindings.Empty : new CelBindings(values), limit, TestContext.Current.CancellationToken);
    }

    /// <summary>The expression is a claim that has to be true.</summary>
    public static void IsTrue(string expression)
    {
        var result = Run(expression);
        Assert.True(result.Error is null, $"{expression}: {result.Error}");
        Assert.True(result.Value is true, $"{expression} is {CelText.Show(result.Value)}");
    }

    /// <summary>Evaluation fails with this text.</summary>
    public static void Fails(string expression, string error)
    {
        var result = Run(expression);
        Assert.True(result.IsError, $"{expression} is {CelText.Show(result.Value)}");
        Assert.Equal(error, result.Error);
    }

    /// <summary>The expression does not compile, for this reason at this column.</summary>
    public static void Refused(string expression, int column, string message, CelEnvironment? environment = null)
    {
        var compilation = (environment ?? CelEnvironment.Kubernetes).Compile(expression);
        Assert.True(compilation.Issues.Count > 0, $"{expression} compiles");
        Assert.Equal((message, column), (compilation.Issues[0].Message, compilation.Issues[0].Column));
    }
}
