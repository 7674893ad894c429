namespace Kaji.Cel.Tests;

public sealed class IssueTests
{
    private static readonly CelEnvironment Environment = CelEnvironment.Kubernetes
        .WithVariable("self", CelType.Object("Self", new Dictionary<string, CelType>(StringComparer.Ordinal) { ["replicas"] = CelType.Int, ["name"] = CelType.String, ["items"] = CelType.List(CelType.String) }))
        .WithTypes(CelType.Object("Object", new Dictionary<string, CelType>(StringComparer.Ordinal) { ["replicas"] = CelType.Int }));

    [Theory]
    [InlineData("1 + x", 5, "undeclared reference to 'x' (in container '')")]
    [InlineData("1 + 'a'", 3, "found no matching overload for '_+_' applied to '(int, string)'")]
    [InlineData("'a'.startsWith(1)", 15, "found no matching overload for 'startsWith' applied to 'string.(int)'")]
    [InlineData("foo(1)", 4, "undeclared reference to 'foo' (in container '')")]
    [InlineData("'a'.foo()", 8, "undeclared reference to 'foo' (in container '')")]
    [InlineData("self.replica > 1", 5, "undefined field 'replica'")]
    [InlineData("self.replicas.x", 14, "type 'int' does not support field selection")]
    [InlineData("self.name == 1", 11, "found no matching overload for '_==_' applied to '(string, int)'")]
    [InlineData("self.name == null", 11, "found no matching overload for '_==_' applied to '(string, null)'")]
    [InlineData("self.items.all(x, x)", 15, "found no matching overload for '_&&_' applied to '(bool, string)'")]
    [InlineData("self.replicas.all(x, true)", 5, "expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)")]
    [InlineData("[1, 'a'].size() == 2", 5, "expected type 'int' but found 'string'")]
    [InlineData("true ? 1 : 'a'", 6, "found no matching overload for '_?_:_' applied to '(bool, int, string)'")]
    [InlineData("self.items[0] + 1 > 1", 15, "found no matching overload for '_+_' applied to '(string, int)'")]
    [InlineData("Object{replica: 1}", 15, "undefined field 'replica'")]
    [InlineData("Object{replicas: 'a'}", 16, "expected type of field 'replicas' is 'int' but provided type is 'string'")]
    [InlineData("Nothing{a: 1}", 8, "undeclared reference to 'Nothing' (in container '')")]
    [InlineData("duration('1x')", 10, "invalid duration argument")]
    [InlineData("duration('9223372036854775807h')", 10, "invalid duration argument")]
    [InlineData("timestamp('x')", 11, "invalid timestamp argument")]
    [InlineData("'a'.matches('(')", 13, "invalid matches argument")]
    [InlineData("[1].all(1, true)", 9, "argument must be a simple name")]
    [InlineData("has(1)", 5, "invalid argument to has() macro")]
    [InlineData("for", 1, "reserved identifier: for")]
    [InlineData("99999999999999999999", 1, "invalid int literal")]
    [InlineData("1 +", 4, "Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}")]
    [InlineData("1 2", 3, "Syntax error: extraneous input '2' expecting <EOF>")]
    [InlineData("'abc", 1, "Syntax error: token recognition error at: ''abc'")]
    [InlineData("a @ b", 3, "Syntax error: token recognition error at: '@'")]
    public void Expression_IsRefused(string expression, int column, string message) => Cel.Refused(expression, column, message, Environment);

    [Fact]
    public void Issues_PrintAsCelGoPrintsThem() =>
        Assert.Equal("ERROR: <input>:1:5: undeclared reference to 'x' (in container '')\n | 1 + x\n | ....^", CelEnvironment.Kubernetes.Compile("1 + x").ToString());

    [Fact]
    public void Issues_NameLineAndColumn()
    {
        var text = CelEnvironment.Kubernetes.Compile("true &&\n  y || z").ToString();
        Assert.Equal("ERROR: <input>:2:3: undeclared reference to 'y' (in container '')\n |   y || z\n | ..^\nERROR: <input>:2:8: undeclared reference to 'z' (in container '')\n |   y || z\n | .......^", text);
    }

    [Fact]
    public void WrongResult_IsTold()
    {
        var compilation = CelEnvironment.Kubernetes.Compile("1 + 1", CelType.Bool);
        Assert.Null(compilation.Program);
        Assert.Equal("must evaluate to bool", compilation.ToString());
        Assert.NotNull(CelEnvironment.Kubernetes.WithVariable("x", CelType.Dyn).Compile("x", CelType.Bool).Program);
    }

    [Fact]
    public void ResultTypes_AreFound()
    {
        Assert.Equal("map(string, list(int))", CelEnvironment.Kubernetes.Compile("{'a': [1]}").ResultType.ToString());
        Assert.Equal("list(dyn)", CelEnvironment.Kubernetes.Compile("[]").ResultType.ToString());
        Assert.Equal("optional_type(int)", CelEnvironment.Kubernetes.Compile("{'a': 1}.?a").ResultType.ToString());
        Assert.Equal("list(string)", Environment.Compile("self.items.filter(i, i != 'a')").ResultType.ToString());
    }

    [Fact]
    public void DeepNesting_IsRefused_NotOverflowed()
    {
        foreach (var deep in new[] { new string('(', 5000), new string('[', 5000), string.Concat(Enumerable.Repeat("{1:", 5000)), string.Concat(Enumerable.Repeat("a?b:", 5000)), string.Concat(Enumerable.Repeat("!(", 5000)) })
        {
            Assert.Equal("expression recursion limit exceeded: 250", CelEnvironment.Kubernetes.Compile(deep).Issues[0].Message);
        }

        foreach (var chain in new[] { string.Concat(Enumerable.Repeat("1+", 20000)) + "1", "a" + string.Concat(Enumerable.Repeat(".b", 20000)), "[1]" + string.Concat(Enumerable.Repeat("[0]", 20000)) })
        {
            Assert.Equal("expression recursion limit exceeded: 250", CelEnvironment.Kubernetes.Compile(chain).Issues[0].Message);
        }
    }

    [Fact]
    public void LongChainsOfConditions_Evaluate() =>
        Assert.Equal(true, Cel.Run(string.Join(" && ", Enumerable.Repeat("true", 5000))).Value);

    [Fact]
    public void LongExpressions_AreRefused() =>
        Assert.Equal("expression code point size exceeds limit: size: 100002, limit 100000", CelEnvironment.Kubernetes.Compile("'" + new string('a', 100_000) + "'").Issues[0].Message);
}
