namespace Kaji.Cel.Tests;

public sealed class OperatorTests
{
    [Theory]
    [InlineData("1 + 2 * 3 == 7")]
    [InlineData("(1 + 2) * 3 == 9")]
    [InlineData("7 / 2 == 3 && -7 / 2 == -3 && 7 % 3 == 1 && -7 % 3 == -1")]
    [InlineData("7u / 2u == 3u")]
    [InlineData("1.5 + 1.5 == 3.0")]
    [InlineData("'a' + 'b' == 'ab' && b'a' + b'b' == b'ab'")]
    [InlineData("[1] + [2] == [1, 2]")]
    [InlineData("-9223372036854775808 < 9223372036854775807")]
    [InlineData("0x1F == 31 && 0xFu == 15u && 1e3 == 1000.0 && .5 == 0.5")]
    [InlineData("1 < 2.5 && 3u > 2 && 1u <= 1 && 2.0 >= 2u && !(1 < dyn(0.5))")]
    [InlineData("dyn(1) == 1.0 && dyn(1u) == 1 && dyn(1) != 1.5 && dyn(1) != '1'")]
    [InlineData("9223372036854775807 < 9223372036854775808.0")]
    [InlineData("'a' < 'b' && b'a' < b'b' && false < true && '\\uFFFF' < '\\U0001F600'")]
    [InlineData("[1, 2] == [1, 2] && [1] != [2] && {'a': 1} == {'a': 1} && {'a': 1} != {'a': 2}")]
    [InlineData("{1: 'a'}[1] == 'a' && {'a': {'b': 2}}.a.b == 2 && [1, 2, 3][2] == 3")]
    [InlineData("{1: 'x'}[dyn(1.0)] == 'x' && dyn(1u) in {1: 'x'}")]
    [InlineData("2 in [1, 2] && !(3 in [1, 2]) && 'a' in {'a': 1}")]
    [InlineData("true || 1/0 > 1")]
    [InlineData("1/0 > 1 || true")]
    [InlineData("!(false && 1/0 > 1) && !(1/0 > 1 && false)")]
    [InlineData("true ? true : 1/0 > 1")]
    [InlineData("!!true && - -1 == 1 && -(-1) == 1")]
    [InlineData("null == null && type(null) == null_type")]
    [InlineData("type(1) == int && type(1u) == uint && type('') == string && type([]) == list && type({}) == map && type(type(1)) == type && type(timestamp(0)) == google.protobuf.Timestamp")]
    [InlineData("size('héllo') == 5 && 'a😀b'.size() == 3 && size(b'héllo') == 6 && size([1, 2]) == 2 && {1: 2}.size() == 1")]
    [InlineData("r'\\d' == '\\\\d' && '''a\nb''' == 'a\\nb' && \"\\x41\\101\\u0041\" == 'AAA'")]
    [InlineData("has({'a': 1}.a) && !has({'a': 1}.b)")]
    [InlineData("cel.bind(x, 3, x * x) == 9 && cel.bind(x, 1, cel.bind(y, 2, x + y)) == 3")]
    public void Expression_IsTrue(string expression) => Cel.IsTrue(expression);

    [Theory]
    [InlineData("9223372036854775807 + 1 == 0", "integer overflow")]
    [InlineData("-(-9223372036854775808) == 0", "integer overflow")]
    [InlineData("-9223372036854775808 / -1 == 0", "integer overflow")]
    [InlineData("0u - 1u == 0u", "unsigned integer overflow")]
    [InlineData("1 / 0 == 1", "division by zero")]
    [InlineData("1 % 0 == 1", "modulus by zero")]
    [InlineData("[1][1] == 1", "index out of bounds: 1")]
    [InlineData("{'a': 1}['b'] == 1", "no such key: b")]
    [InlineData("{'a': 1}.b == 1", "no such key: b")]
    [InlineData("dyn('a') + 1 == 1", "no such overload")]
    [InlineData("dyn('a') && true", "no such overload")]
    [InlineData("[1, 1/0].size() == 2", "division by zero")]
    [InlineData("{'a': 1, 'a': 2}.a == 1", "Failed with repeated key: a")]
    public void Expression_Fails(string expression, string error) => Cel.Fails(expression, error);

    [Theory]
    [InlineData("int('42') == 42 && int(3.9) == 3 && int(-3.9) == -3 && int(7u) == 7 && int(timestamp('1970-01-01T00:01:00Z')) == 60")]
    [InlineData("uint(3) == 3u && uint('7') == 7u && double('1.5') == 1.5 && double(2) == 2.0")]
    [InlineData("string(1) == '1' && string(1u) == '1' && string(1.5) == '1.5' && string(true) == 'true' && string(b'abc') == 'abc' && string(1e22) == '1e+22'")]
    [InlineData("bytes('é') == b'\\xc3\\xa9' && bool('true') && !bool('0')")]
    [InlineData("string(duration('1h30m')) == '5400s' && string(duration('500ms')) == '0.5s' && string(timestamp('2023-01-02T03:04:05.5+01:00')) == '2023-01-02T02:04:05.5Z'")]
    public void Conversion_IsTrue(string expression) => Cel.IsTrue(expression);

    [Theory]
    [InlineData("int('x') == 1", "strconv.ParseInt: parsing \"x\": invalid syntax")]
    [InlineData("int(1e30) == 1", "integer overflow")]
    [InlineData("uint(-1) == 1u", "unsigned integer overflow")]
    [InlineData("string(b'\\xff') == ''", "invalid UTF-8 in bytes, cannot convert to string")]
    [InlineData("duration('x' + 'y') == duration('1s')", "time: invalid duration \"xy\"")]
    public void Conversion_Fails(string expression, string error) => Cel.Fails(expression, error);

    [Theory]
    [InlineData("timestamp('2023-06-14T02:00:14Z').getFullYear() == 2023 && timestamp('2023-06-14T02:00:14Z').getMonth() == 5 && timestamp('2023-06-14T02:00:14Z').getDate() == 14")]
    [InlineData("timestamp('2023-06-14T02:00:14Z').getDayOfMonth() == 13 && timestamp('2023-06-14T02:00:14Z').getDayOfWeek() == 3 && timestamp('2023-06-14T02:00:14Z').getDayOfYear() == 164")]
    [InlineData("timestamp('2023-06-14T02:00:14.250Z').getMilliseconds() == 250 && timestamp('2023-06-14T23:00:14Z').getHours('+02:00') == 1 && timestamp('2023-06-14T23:00:14Z').getHours('UTC') == 23")]
    [InlineData("timestamp('2023-06-14T02:00:14Z') + duration('24h') == timestamp('2023-06-15T02:00:14Z')")]
    [InlineData("timestamp('2023-06-15T00:00:00Z') - timestamp('2023-06-14T00:00:00Z') == duration('24h')")]
    [InlineData("duration('90m').getHours() == 1 && duration('90m').getMinutes() == 90 && duration('-1.5s').getMilliseconds() == -1500")]
    [InlineData("duration('1h') > duration('59m') && timestamp('2024-01-01T00:00:00Z') > timestamp('2023-12-31T23:59:59Z')")]
    [InlineData("duration('1h1m1s1ms1us1ns') == duration('3661.001001001s')")]
    public void Time_IsTrue(string expression) => Cel.IsTrue(expression);

    [Fact]
    public void Time_Overflows() => Cel.Fails("timestamp('9999-12-31T23:59:59Z') + duration('1s') == timestamp(0)", "timestamp overflow");
}
