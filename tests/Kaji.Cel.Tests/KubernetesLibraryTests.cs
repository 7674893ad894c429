namespace Kaji.Cel.Tests;

public sealed class KubernetesLibraryTests
{
    [Theory]
    [InlineData("isQuantity('1.3Gi') && !isQuantity('1,3Gi') && !isQuantity('200k200') && isQuantity('1e3') && !isQuantity('') && !isQuantity('Three')")]
    [InlineData("quantity('50k').asInteger() == 50000 && quantity('50k').isInteger() && !quantity('50m').isInteger() && quantity('1Ki').asInteger() == 1024 && quantity('1.5Gi').asInteger() == 1610612736")]
    [InlineData("quantity('-1').sign() == -1 && quantity('0').sign() == 0 && quantity('5').sign() == 1 && quantity('100m').asApproximateFloat() == 0.1")]
    [InlineData("quantity('50k').add(20) == quantity('50020') && quantity('50k').sub(quantity('20k')) == quantity('30000') && quantity('1').add(quantity('500m')) == quantity('1.5')")]
    [InlineData("quantity('200M').isGreaterThan(quantity('100M')) && quantity('50M').isLessThan(quantity('100M')) && quantity('1Mi').compareTo(quantity('1048576')) == 0 && quantity('1').compareTo(quantity('2')) == -1")]
    [InlineData("quantity('9999E').add(quantity('9999E')).isGreaterThan(quantity('9E')) && quantity('1n').add(1).isLessThan(quantity('1.1'))")]
    [InlineData("quantity('1000m') == quantity('1') && quantity('9999E').asInteger() == 9223372036854775807")]
    public void Quantity_IsTrue(string expression) => Cel.IsTrue(expression);

    [Theory]
    [InlineData("isURL('https://user:pass@example.com:80/path/x?k=1#f') && isURL('/absolute') && !isURL('../relative') && !isURL('http://a b/') && !isURL('http://[::1') && !isURL('')")]
    [InlineData("url('https://example.com:80/').getHost() == 'example.com:80' && url('https://example.com:80/').getHostname() == 'example.com' && url('https://[::1]:80/').getHostname() == '::1' && url('https://[::1]:80/').getPort() == '80'")]
    [InlineData("url('https://example.com/path with spaces/').getEscapedPath() == '/path%20with%20spaces/' && url('/p').getScheme() == '' && url('https://a/').getScheme() == 'https'")]
    [InlineData("url('https://e.com/p?k1=a&k2=b&k2=c').getQuery() == {'k1': ['a'], 'k2': ['b', 'c']} && url('https://a/') == url('https://a/')")]
    public void Url_IsTrue(string expression) => Cel.IsTrue(expression);

    [Theory]
    [InlineData("isIP('127.0.0.1') && isIP('::1') && !isIP('127.0.0.256') && !isIP('1') && !isIP('01.2.3.4') && !isIP('fe80::1%eth0') && !isIP('::ffff:1.2.3.4')")]
    [InlineData("ip('127.0.0.1').family() == 4 && ip('::1').family() == 6 && ip('::1').isLoopback() && ip('0.0.0.0').isUnspecified() && ip('224.0.0.1').isLinkLocalMulticast() && ip('169.254.1.1').isLinkLocalUnicast() && ip('8.8.8.8').isGlobalUnicast() && !ip('255.255.255.255').isGlobalUnicast()")]
    [InlineData("ip('2001:db8::abcd') == ip('2001:DB8::00:abcd') && ip.isCanonical('127.0.0.1') && !ip.isCanonical('2001:DB8::abcd') && string(ip('::1')) == '::1'")]
    [InlineData("isCIDR('192.168.0.0/24') && !isCIDR('192.168.0.0/33') && !isCIDR('192.168.0.0') && cidr('192.168.0.0/24').containsIP('192.168.0.1') && !cidr('192.168.0.0/24').containsIP(ip('192.168.1.1'))")]
    [InlineData("cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24') && !cidr('192.168.0.0/24').containsCIDR(cidr('192.168.0.0/16')) && cidr('192.168.1.7/24').masked() == cidr('192.168.1.0/24') && cidr('::1/128').prefixLength() == 128 && cidr('10.0.0.1/8').ip() == ip('10.0.0.1') && string(cidr('10.0.0.0/8')) == '10.0.0.0/8'")]
    public void Network_IsTrue(string expression) => Cel.IsTrue(expression);

    [Theory]
    [InlineData("isSemver('1.2.3') && isSemver('0.1.0-alpha.1') && !isSemver('v1.0') && !isSemver('01.0.0') && isSemver('v1.0', true) && isSemver('01.01.01', true) && !isSemver('1.0-rc', true)")]
    [InlineData("semver('1.2.3').major() == 1 && semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3 && semver('v1.2', true) == semver('1.2.0')")]
    [InlineData("semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0-rc.2').isLessThan(semver('1.0.0-rc.10')) && semver('1.0.0').isGreaterThan(semver('1.0.0-rc')) && semver('1.0.0+a').compareTo(semver('1.0.0+b')) == 0 && semver('1.0.0-1').isLessThan(semver('1.0.0-a'))")]
    public void Semver_IsTrue(string expression) => Cel.IsTrue(expression);

    [Theory]
    [InlineData("!format.dns1123Label().validate('my-label').hasValue() && format.dns1123Label().validate('My').value()[0].startsWith('a lowercase RFC 1123 label must consist of')")]
    [InlineData("!format.dns1123Subdomain().validate('a.b-c.d').hasValue() && format.dns1123Subdomain().validate('a..b').hasValue() && format.dns1035Label().validate('1a').hasValue() && !format.dns1123LabelPrefix().validate('my-').hasValue()")]
    [InlineData("!format.qualifiedName().validate('example.com/My_Name').hasValue() && format.qualifiedName().validate('/x').value() == ['prefix part must be non-empty'] && !format.labelValue().validate('').hasValue()")]
    [InlineData("!format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue() && format.uuid().validate('x').value() == ['does not match the UUID format'] && !format.byte().validate('aGVsbG8=').hasValue() && !format.date().validate('2021-01-01').hasValue() && format.date().validate('2021-13-01').hasValue() && !format.datetime().validate('2021-01-01T00:00:00Z').hasValue() && !format.uri().validate('http://example.com').hasValue()")]
    [InlineData("format.named('dns1123Label').value() == format.dns1123Label() && !format.named('nothing').hasValue()")]
    [InlineData("format.dns1123Label().validate('" + "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" + "').value() == ['must be no more than 63 bytes']")]
    public void Format_IsTrue(string expression) => Cel.IsTrue(expression);

    [Theory]
    [InlineData("quantity('x') == quantity('1')", "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    [InlineData("quantity('50m').asInteger() == 1", "cannot convert value to integer")]
    [InlineData("url('x y').getHost() == ''", "URL parse error during conversion from string: parse \"x y\": invalid URI for request")]
    public void Library_Fails(string expression, string error) => Cel.Fails(expression, error);
}
