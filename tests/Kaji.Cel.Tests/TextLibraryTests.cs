namespace Kaji.Cel.Tests;

public sealed class TextLibraryTests
{
    [Theory]
    [InlineData("'hello'.startsWith('he') && 'hello'.endsWith('lo') && 'hello'.contains('ell') && !'hello'.contains('x')")]
    [InlineData("'hello'.charAt(1) == 'e' && 'hello'.charAt(5) == '' && 'a😀b'.charAt(1) == '😀'")]
    [InlineData("'hello'.indexOf('l') == 2 && 'hello'.indexOf('l', 3) == 3 && 'hello'.indexOf('x') == -1 && 'a😀b'.indexOf('b') == 2")]
    [InlineData("'hello'.lastIndexOf('l') == 3 && 'hello'.lastIndexOf('l', 2) == 2 && 'hello'.lastIndexOf('x') == -1 && 'a😀b😀'.lastIndexOf('😀') == 3")]
    [InlineData("['a', 'b'].join() == 'ab' && ['a', 'b'].join('-') == 'a-b' && [].join(',') == ''")]
    [InlineData("'TacoÉ'.lowerAscii() == 'tacoÉ' && 'tacoé'.upperAscii() == 'TACOé'")]
    [InlineData("'hello hello'.replace('he', 'we') == 'wello wello' && 'hello hello'.replace('he', 'we', 1) == 'wello hello' && 'ab'.replace('', '_') == '_a_b_' && 'aa'.replace('a', 'b', 0) == 'aa'")]
    [InlineData("'a,b,c'.split(',') == ['a', 'b', 'c'] && 'a,b,c'.split(',', 2) == ['a', 'b,c'] && 'abc'.split('') == ['a', 'b', 'c'] && 'a,b'.split(',', 0) == [] && 'a'.split(',', -1) == ['a']")]
    [InlineData("'tacocat'.substring(4) == 'cat' && 'tacocat'.substring(0, 4) == 'taco' && 'a😀b'.substring(1, 2) == '😀' && ''.substring(0) == ''")]
    [InlineData("'  \\ttrim\\n '.trim() == 'trim' && 'abc'.reverse() == 'cba' && 'a😀'.reverse() == '😀a'")]
    [InlineData("strings.quote('a\\n\"b\\\\') == '\"a\\\\n\\\\\"b\\\\\\\\\"'")]
    [InlineData("'%s has %d'.format(['x', 3]) == 'x has 3' && '%.2f|%f'.format([3.14159, 2]) == '3.14|2.000000' && '100%%'.format([]) == '100%'")]
    [InlineData("'%x %X %o %b %b'.format([255, 'ab', 8, 5, true]) == 'ff 6162 10 101 1' && '%e'.format([1234.5]) == '1.234500e+03'")]
    [InlineData("'%s %s'.format([[1, 'a', null], {'b': true, 'a': 1.5}]) == '[1, a, null] {a: 1.5, b: true}' && '%s %s'.format([duration('1h'), int]) == '3600s int'")]
    [InlineData("jsonpatch.escapeKey('a/b~c') == 'a~1b~0c'")]
    public void Text_IsTrue(string expression) => Cel.IsTrue(expression);

    [Theory]
    [InlineData("'abc'.charAt(4) == ''", "index out of range: 4")]
    [InlineData("'abc'.substring(2, 1) == ''", "invalid substring range. start: 2, end: 1")]
    [InlineData("'abc'.substring(-1) == ''", "index out of range: -1")]
    [InlineData("'%d'.format(['x']) == ''", "error during formatting: decimal clause can only be used on integers, was given string")]
    [InlineData("'%s %s'.format(['x']) == ''", "index 1 out of range")]
    [InlineData("'%y'.format([1]) == ''", "could not parse formatting clause: unrecognized formatting clause \"y\"")]
    public void Text_Fails(string expression, string error) => Cel.Fails(expression, error);

    [Theory]
    [InlineData("'abc123'.matches('^[a-z]+[0-9]+$') && matches('abc', 'b') && !'abc'.matches('^b')")]
    [InlineData("!'a\\n'.matches('^a$') && 'b\\na'.matches('(?m)^a$') && 'ABC'.matches('(?i)abc')")]
    [InlineData("'x1'.matches('^\\\\w\\\\d$') && !'٣'.matches('^\\\\d$') && 'é'.matches('^\\\\pL$') && 'a_b'.matches('^[[:word:]]+$') && 'ab'.matches('^[[:alpha:][:digit:]]+$')")]
    [InlineData("'a.b'.matches('^\\\\Qa.b\\\\E$') && 'a{b'.matches('a{b') && 'a]'.matches('[]]') && 'A'.matches('\\\\x41') && 'A'.matches('\\\\x{41}')")]
    [InlineData("'abc123def45'.find('[0-9]+') == '123' && 'abc'.find('[0-9]+') == '' && '1 2 3'.findAll('[0-9]') == ['1', '2', '3'] && '1 2 3'.findAll('[0-9]', 2) == ['1', '2'] && 'x'.findAll('y') == []")]
    public void Regex_IsTrue(string expression) => Cel.IsTrue(expression);

    [Theory]
    [InlineData("(?=a)")]
    [InlineData("(?!a)")]
    [InlineData("(?<=a)")]
    [InlineData("(a)\\\\1")]
    [InlineData("a**")]
    [InlineData("a++")]
    [InlineData("*a")]
    [InlineData("a{1001}")]
    [InlineData("(a{100}){100}")]
    [InlineData("(a")]
    [InlineData("a)")]
    [InlineData("[a")]
    [InlineData("(?>a)")]
    public void Regex_OfOtherDialects_IsRefused(string pattern) =>
        Assert.Equal("invalid matches argument", CelEnvironment.Kubernetes.Compile($"'a'.matches('{pattern}')").Issues[0].Message);

    [Fact]
    public void Regex_ThatIsWrongAtRunTime_Fails() => Cel.Fails("'a'.matches('(' + '') == true", "error parsing regexp: missing closing ): `(`");

    [Fact]
    public void Regex_ThatIsTooLarge_IsRefused()
    {
        foreach (var pattern in new[] { string.Concat(Enumerable.Repeat("a{1000}", 100)), new string('a', 20_000) })
        {
            Assert.Equal("invalid matches argument", CelEnvironment.Kubernetes.Compile($"'a'.matches('{pattern}')").Issues[0].Message);
        }
    }

    [Fact]
    public void Regex_RunsInLinearTime()
    {
        var result = Cel.Run("('" + new string('a', 20000) + "' + '!').matches('^(a+)+$')", limit: long.MaxValue);
        Assert.Equal(false, result.Value);
    }
}
