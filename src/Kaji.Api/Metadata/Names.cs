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
