namespace Kaji.Cel.Tests;

public sealed class ListLibraryTests
{
    [Theory]
    [InlineData("[1, 2, 2].isSorted() && !['b', 'a'].isSorted() && [].isSorted() && [duration('1s'), duration('2s')].isSorted()")]
    [InlineData("[1, 2].sum() == 3 && [1.5, 2.5].sum() == 4.0 && [1u].sum() == 1u && [duration('1m'), duration('1s')].sum() == duration('61s') && [1].filter(x, x > 1).sum() == 0")]
    [InlineData("dyn([1.5, 2.5]).sum() == 4.0 && dyn([1, 2]).sum() == 3 && dyn([2.5, 1.5]).sort() == [1.5, 2.5]")]
    [InlineData("[3, 1, 2].min() == 1 && [3, 1, 2].max() == 3 && ['b', 'a'].min() == 'a'")]
    [InlineData("[1, 2, 2].indexOf(2) == 1 && [1, 2, 2].lastIndexOf(2) == 2 && ['a'].indexOf('b') == -1")]
    [InlineData("sets.contains([1, 2], [1]) && !sets.contains([1], [2]) && sets.equivalent([1, 2, 1], [2, 1]) && sets.intersects([1, 2], [2, 3]) && !sets.intersects([1], [])")]
    [InlineData("[1, 2, 3].slice(1, 3) == [2, 3] && [[1], [2, 3]].flatten() == [1, 2, 3] && [[[1]]].flatten(2) == [1]")]
    [InlineData("[1, 2, 1].distinct() == [1, 2] && [3, 1, 2].sort() == [1, 2, 3] && [1, 2].reverse() == [2, 1] && lists.range(3) == [0, 1, 2]")]
    [InlineData("[{'n': 'b'}, {'n': 'a'}].sortBy(e, e.n) == [{'n': 'a'}, {'n': 'b'}] && [1, 2].first().value() == 1 && [1, 2].last() == optional.of(2) && ![].first().hasValue()")]
    [InlineData("math.greatest(1, 5, 3) == 5 && math.least(1.5, 2.5) == 1.5 && math.greatest([4, 9]) == 9 && math.greatest(1, 2.5) == 2.5 && math.greatest(7) == 7")]
    [InlineData("math.ceil(1.2) == 2.0 && math.floor(-1.2) == -2.0 && math.round(1.5) == 2.0 && math.trunc(-1.7) == -1.0 && math.abs(-3) == 3 && math.sign(-2.5) == -1.0 && math.isNaN(double('NaN'))")]
    [InlineData("math.bitAnd(6, 3) == 2 && math.bitOr(6, 3) == 7 && math.bitXor(6, 3) == 5 && math.bitShiftLeft(1, 4) == 16 && math.bitShiftRight(-1, 63) == 1 && math.sqrt(16) == 4.0")]
    public void List_IsTrue(string expression) => Cel.IsTrue(expression);

    [Theory]
    [InlineData("[1].filter(x, x > 1).min() == 1", "min called on empty list")]
    [InlineData("[9223372036854775807, 1].sum() == 0", "integer overflow")]
    [InlineData("[1].slice(0, 2) == []", "cannot slice(0, 2), list is length 1")]
    [InlineData("math.abs(-9223372036854775808) == 0", "integer overflow")]
    public void List_Fails(string expression, string error) => Cel.Fails(expression, error);
}
