using Kaji.Cel.Costs;

namespace Kaji.Cel.Tests;

public sealed class CostTests
{
    private static readonly CelEnvironment Environment = CelEnvironment.Kubernetes
        .WithVariable("list", CelType.List(CelType.Int).WithMaxSize(100))
        .WithVariable("lists", CelType.List(CelType.List(CelType.Int).WithMaxSize(10)).WithMaxSize(50))
        .WithVariable("text", CelType.String.WithMaxSize(500))
        .WithVariable("other", CelType.String.WithMaxSize(500))
        .WithVariable("open", CelType.List(CelType.String));

    [Theory]
    [InlineData("true", 0, 0)]
    [InlineData("list", 1, 1)]
    [InlineData("list[0]", 2, 2)]
    [InlineData("[1, 2]", 10, 10)]
    [InlineData("{1: 2}", 30, 30)]
    [InlineData("1 + 2", 1, 1)]
    [InlineData("list.all(x, true)", 2, 302)]
    [InlineData("lists.all(x, x.all(y, true))", 2, 1752)]
    [InlineData("list.exists(x, true)", 2, 402)]
    [InlineData("text.contains(other)", 2, 2502)]
    [InlineData("text.matches('\\\\d+a\\\\d+b')", 3, 103)]
    [InlineData("text.startsWith(other)", 2, 52)]
    [InlineData("text == other", 3, 52)]
    [InlineData("text + other == text", 4, 153)]
    [InlineData("1 in list", 1, 101)]
    [InlineData("true || list.all(x, true)", 0, 302)]
    [InlineData("text.lowerAscii() == ''", 1, 51)]
    [InlineData("[1, 2, 3, 4].isSorted()", 14, 14)]
    public void Estimate_IsAsCelGos(string expression, long min, long max) =>
        Assert.Equal(new CelRange((ulong)min, (ulong)max), Environment.Compile(expression).EstimatedCost);

    [Fact]
    public void Estimate_WithoutBounds_IsEndless() => Assert.Equal(ulong.MaxValue, Environment.Compile("open.all(x, x.matches('a+'))").EstimatedCost.Max);

    [Fact]
    public void Estimate_WithRequestBounds_IsNot()
    {
        var environment = CelEnvironment.Kubernetes.WithVariable("self", CelType.Object("Self", new Dictionary<string, CelType>(StringComparer.Ordinal) { ["names"] = CelType.List(CelType.String) }).WithRequestBounds());
        var cost = environment.Compile("self.names.all(n, n == 'x')").EstimatedCost.Max;
        Assert.InRange(cost, 1_048_575UL * 4, 1_048_575UL * 6);
    }

    [Theory]
    [InlineData("1 + 2", 1)]
    [InlineData("[1, 2, 3].all(x, true)", 20)]
    [InlineData("[1, 2, 3].exists(x, x == 1)", 20)]
    [InlineData("'ABCDEFGHIJ abcdefghij'.lowerAscii()", 3)]
    [InlineData("[1, 2, 3, 4].isSorted()", 14)]
    [InlineData("['a', 'b'].map(x, x)", 47)]
    [InlineData("{'a': 1}.a", 31)]
    public void Actual_IsCounted(string expression, long cost) => Assert.Equal((ulong)cost, Cel.Run(expression).Cost);

    [Theory]
    [InlineData("[1, 2, 3].all(x, x > 0)")]
    [InlineData("[1, 2, 3].filter(x, x > 1).map(y, y * 2).size() == 2")]
    [InlineData("'abc'.matches('^a.c$') && 'abc' == 'ab' + 'c'")]
    [InlineData("{'a': [1, 2]}.a.exists_one(x, x == 1)")]
    [InlineData("['b', 'a'].sort().join(',') == 'a,b'")]
    [InlineData("quantity('1Gi').isLessThan(quantity('2Gi')) && cidr('10.0.0.0/8').containsIP('10.1.1.1')")]
    [InlineData("{'a': 1}.transformMap(k, v, v + 1).a == 2 && optional.of(1).optMap(x, x + 1).value() == 2")]
    [InlineData("cel.bind(x, [1, 2], x.sum()) == 3")]
    public void Actual_StaysWithinTheEstimate(string expression)
    {
        var estimate = CelEnvironment.Kubernetes.Compile(expression).EstimatedCost;
        Assert.InRange(Cel.Run(expression).Cost, estimate.Min, estimate.Max);
    }

    [Fact]
    public void Limit_StopsEvaluation()
    {
        var result = Cel.Run("lists.range(1000).all(x, lists.range(1000).all(y, x + y >= 0))", limit: 10_000);
        Assert.True(result.IsCostLimitExceeded);
        Assert.Equal("operation cancelled: actual cost limit exceeded", result.Error);
        Assert.InRange(result.Cost, 10_000UL, 12_000UL);
    }

    [Theory]
    [InlineData("cel.bind(a, lists.range(900).map(i, 'xxxxxxxxxx').join(), cel.bind(b, a.replace('', a), b.size() > 0))")]
    [InlineData("cel.bind(a, lists.range(900).map(i, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx').join(), lists.range(900).map(i, a).join().size() > 0)")]
    [InlineData("cel.bind(a, lists.range(900).map(i, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx').join(), '%s'.format([lists.range(900).map(i, a)]).size() > 0)")]
    public void Results_StaySmall_WhateverTheyCost(string expression) => Assert.Equal("result of more than 16777216 characters", Cel.Run(expression, limit: 10_000_000).Error);

    [Fact]
    public void Cancellation_StopsEvaluation()
    {
        var program = CelEnvironment.Kubernetes.Compile("lists.range(100).all(x, x >= 0)").Program!;
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => program.Evaluate(CelBindings.Empty, cancellation: cancelled.Token));
    }
}
