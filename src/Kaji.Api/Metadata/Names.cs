using System.Text.RegularExpressions;

namespace Kaji.Api.Metadata;

/// <summary>The rules for names, label keys and values, with apimachinery's messages (k8s.io/apimachinery/pkg/util/validation).</summary>
public static partial class Names
{
    private const string LabelMessage = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    private const string SubdomainMessage = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    private const string Dns1035Message = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
    private const string QualifiedMessage = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
    private const string ValueMessage = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

    /// <summary>Empty when it is a DNS label.</summary>
    public static IReadOnlyList<string> Dns1123LabelErrors(string name) => Errors(name, 63, Label().IsMatch(name), LabelMessage);

    /// <summary>Empty when it is a DNS subdomain.</summary>
    public static IReadOnlyList<string> Dns1123SubdomainErrors(string name) => Errors(name, 253, Subdomain().IsMatch(name), SubdomainMessage);

    /// <summary>Empty when it is a name that a Service may have.</summary>
    public static IReadOnlyList<string> Dns1035LabelErrors(string name) => Errors(name, 63, Dns1035().IsMatch(name), Dns1035Message);

    /// <summary>Empty when it can be a segment of a URL path (RBAC names).</summary>
    public static IReadOnlyList<string> PathSegmentErrors(string name) => name switch
    {
        "." or ".." => [$"may not be '{name}'"],
        _ when name.Contains('/') => ["may not contain '/'"],
        _ when name.Contains('%') => ["may not contain '%'"],
        _ => [],
    };

    /// <summary>Empty when it is a label key: <c>[prefix/]name</c>.</summary>
    public static IReadOnlyList<string> QualifiedNameErrors(string key)
    {
        var errors = new List<string>();
        var parts = key.Split('/');
        var name = parts[^1];
        if (parts.Length > 2)
        {
            return ["a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"];
        }

        if (parts.Length == 2)
        {
            errors.AddRange(parts[0].Length == 0 ? ["prefix part must be non-empty"] : Dns1123SubdomainErrors(parts[0]).Select(e => "prefix part " + e));
        }

        if (name.Length == 0)
        {
            errors.Add("name part must be non-empty");
        }
        else if (name.Length > 63)
        {
            errors.Add("name part must be no more than 63 bytes");
        }

        if (!Qualified().IsMatch(name))
        {
            errors.Add(QualifiedMessage);
        }

        return errors;
    }

    /// <summary>Empty when it can be a label's value.</summary>
    public static IReadOnlyList<string> LabelValueErrors(string value) =>
        value.Length > 63 ? ["must be no more than 63 bytes"] : LabelValue().IsMatch(value) ? [] : [ValueMessage];

    /// <summary>Empty when it can be an environment variable's name.</summary>
    public static IReadOnlyList<string> EnvVarNameErrors(string name) =>
        EnvVar().IsMatch(name) ? [] : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];

    /// <summary>Empty when it can be a key of a ConfigMap or Secret.</summary>
    public static IReadOnlyList<string> ConfigKeyErrors(string key) => key switch
    {
        { Length: > 253 } => ["must be no more than 253 bytes"],
        "." => ["must not be '.'"],
        ".." => ["must not be '..'"],
        _ when key.StartsWith("..", StringComparison.Ordinal) => ["must not start with '..'"],
        _ => ConfigKey().IsMatch(key) ? [] : ["a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"],
    };

    /// <summary>What a port number out of range is told.</summary>
    public const string PortRange = "must be between 1 and 65535, inclusive";

    /// <summary>Empty when it can be the name of a port.</summary>
    public static IReadOnlyList<string> PortNameErrors(string name)
    {
        var errors = new List<string>();
        if (name.Length > 15)
        {
            errors.Add("must be no more than 15 characters");
        }

        if (!name.All(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-') || name.Length == 0)
        {
            errors.Add("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
        }

        if (!name.Any(c => c is >= 'a' and <= 'z'))
        {
            errors.Add("must contain at least one letter (a-z)");
        }

        if (name.Contains("--", StringComparison.Ordinal))
        {
            errors.Add("must not contain consecutive hyphens");
        }

        if (name.StartsWith('-') || name.EndsWith('-'))
        {
            errors.Add("must not begin or end with a hyphen");
        }

        return errors;
    }

    /// <summary>Empty when it is a subdomain whose first label is <c>*</c>.</summary>
    public static IReadOnlyList<string> WildcardSubdomainErrors(string name) => Errors(
        name, 253, name.StartsWith("*.", StringComparison.Ordinal) && Subdomain().IsMatch(name[2..]),
        @"a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')");

    /// <summary>Empty when it is the name of a CSI or resource driver.</summary>
    public static IReadOnlyList<string> DriverNameErrors(string name) =>
        name.Length > 63 ? ["must be no more than 63 characters"] : Dns1123SubdomainErrors(name.ToLowerInvariant());

    /// <summary>Empty when it is <c>domain/path</c>.</summary>
    public static IReadOnlyList<string> DomainPathErrors(string name)
    {
        var at = name.IndexOf('/', StringComparison.Ordinal);
        if (at <= 0 || at == name.Length - 1)
        {
            return ["must be a domain-prefixed path (such as \"acme.io/foo\")"];
        }

        return Dns1123SubdomainErrors(name[..at]) is { Count: > 0 } problems ? [.. problems.Select(p => "prefix part " + p)]
            : name[(at + 1)..].All(c => char.IsAsciiLetterOrDigit(c) || "/:._~!$&'()*+,;=@%-".Contains(c, StringComparison.Ordinal)) ? [] : ["Invalid path"];
    }

    /// <summary>Empty when it is the name of an HTTP header.</summary>
    public static IReadOnlyList<string> HeaderNameErrors(string name) =>
        name.Length > 0 && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '-') ? [] : ["a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')"];

    /// <summary>Empty when it is an address.</summary>
    public static IReadOnlyList<string> AddressErrors(string text) =>
        IsAddress(text) ? [] : ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"];

    /// <summary>Empty when it is a network.</summary>
    public static IReadOnlyList<string> NetworkErrors(string text) =>
        TryNetwork(text, out _, out _) ? [] : ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"];

    /// <summary>An address and the length of its prefix; the address may have bits beyond it.</summary>
    public static bool TryNetwork(string text, out System.Net.IPAddress address, out int length)
    {
        var at = text.IndexOf('/', StringComparison.Ordinal);
        length = 0;
        address = System.Net.IPAddress.None;
        return at > 0 && IsAddress(text[..at]) && System.Net.IPAddress.TryParse(text.AsSpan(0, at), out address!)
            && int.TryParse(text.AsSpan(at + 1), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out length)
            && length <= (address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? 32 : 128);
    }

    // .NET takes "1" and "1.2" for IPv4 addresses, and zones in IPv6 ones.
    private static bool IsAddress(string text) =>
        System.Net.IPAddress.TryParse(text, out _) && !text.Contains('%') && !text.Contains('[') && (text.Contains(':', StringComparison.Ordinal) || (text.Count(c => c == '.') == 3 && text.All(c => c == '.' || char.IsAsciiDigit(c))));

    internal static bool ContainsOnlyDigits(this ReadOnlySpan<char> text) => text.Length > 0 && !text.ContainsAnyExceptInRange('0', '9');

    private static string[] Errors(string name, int longest, bool matches, string message) =>
        [.. name.Length > longest ? [$"must be no more than {longest} bytes"] : Array.Empty<string>(), .. matches ? Array.Empty<string>() : [message]];

    [GeneratedRegex("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    private static partial Regex Label();

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")]
    private static partial Regex Subdomain();

    [GeneratedRegex("^[a-z]([-a-z0-9]*[a-z0-9])?$")]
    private static partial Regex Dns1035();

    [GeneratedRegex("^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$")]
    private static partial Regex Qualified();

    [GeneratedRegex("^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$")]
    private static partial Regex LabelValue();

    [GeneratedRegex("^[\\x20-\\x3c\\x3e-\\x7e]+$")]
    private static partial Regex EnvVar();

    [GeneratedRegex("^[-._a-zA-Z0-9]+$")]
    private static partial Regex ConfigKey();
}
