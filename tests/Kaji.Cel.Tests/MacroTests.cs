namespace Kaji.Cel.Tests;

public sealed class MacroTests
{
    [Theory]
    [InlineData("[1, 2].all(x, x > 0) && ![1, 2].all(x, x > 1) && [].all(x, x)")]
    [InlineData("[1, 2].exists(x, x == 2) && ![].exists(x, x)")]
    [InlineData("[1, 2, 2].exists_one(x, x == 1) && ![1, 2, 2].exists_one(x, x == 2) && [1].existsOne(x, x == 1)")]
    [InlineData("[1, 2].map(x, x * 2) == [2, 4] && [1, 2, 3].map(x, x > 1, x * 2) == [4, 6]")]
    [InlineData("[1, 2, 3].filter(x, x != 2) == [1, 3]")]
    [InlineData("{'a': 1, 'b': 2}.all(k, k in ['a', 'b']) && {'a': 1}.map(k, k) == ['a'] && {'a': 1, 'b': 2}.filter(k, k == 'b') == ['b']")]
    [InlineData("{'a': 1, 'b': 2}.all(k, v, v > 0 && k != 'c') && [5, 6].exists(i, v, i == 1 && v == 6)")]
    [InlineData("[10, 20].transformList(i, v, i * v) == [0, 20] && [10, 20].transformList(i, v, i > 0, v) == [20]")]
    [InlineData("{'a': 1}.transformMap(k, v, v + 1) == {'a': 2} && ['x'].transformMap(i, v, v) == {0: 'x'}")]
    [InlineData("{'a': 1, 'b': 2}.transformMapEntry(k, v, {v: k}) == {1: 'a', 2: 'b'}")]
    [InlineData("[[1, 2], [3]].all(l, l.exists(x, x > 1))")]
    [InlineData("[1, 0].exists(x, 1 / x == 1) && ![0, 1].all(x, 1 / x == 5)")]
    [InlineData("[1, 2].map(x, [3, 4].map(y, x * y)) == [[3, 4], [6, 8]]")]
    public void Macro_IsTrue(string expression) => Cel.IsTrue(expression);

    [Theory]
    [InlineData("[1, 0].all(x, 1 / x > 0)", "division by zero")]
    [InlineData("[0].map(x, 1 / x) == []", "division by zero")]
    [InlineData("['a', 'b'].transformMapEntry(i, v, {'k': v}) == {}", "insert failed: key k already exists")]
    public void Macro_Fails(string expression, string error) => Cel.Fails(expression, error);

    [Theory]
    [InlineData("optional.of(1).hasValue() && !optional.none().hasValue() && optional.of(1).value() == 1 && optional.none().orValue(2) == 2")]
    [InlineData("optional.none().or(optional.of(3)) == optional.of(3) && !optional.ofNonZeroValue(0).hasValue()")]
    [InlineData("{'a': {'b': 1}}.?a.?b.orValue(0) == 1 && {'a': {'b': 1}}.?x.b.orValue(0) == 0")]
    [InlineData("[1, 2][?1].value() == 2 && ![1][?5].hasValue() && {'a': 1}[?'a'].value() == 1")]
    [InlineData("[?optional.of(1), ?optional.none(), 2] == [1, 2] && {?'a': optional.none(), 'b': 2} == {'b': 2}")]
    [InlineData("optional.of(2).optMap(x, x * 2) == optional.of(4) && optional.none().optMap(x, x + 1) == optional.none()")]
    [InlineData("optional.of({'a': 1}).optFlatMap(m, m.?a).value() == 1")]
    [InlineData("has({'a': {'b': 1}}.?a.b) && optional.unwrap([optional.of(1), optional.none()]) == [1]")]
    public void Optional_IsTrue(string expression) => Cel.IsTrue(expression);

    [Fact]
    public void Optional_ValueOfNone_Fails() => Cel.Fails("optional.none().value() == 1", "optional.none() dereference");
}
