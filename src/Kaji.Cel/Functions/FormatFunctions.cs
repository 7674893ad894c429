using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Kaji.Cel.Costs;
using Kaji.Cel.Values;
using static Kaji.Cel.CelType;
using static Kaji.Cel.Functions.Declare;

namespace Kaji.Cel.Functions;

/// <summary>Kubernetes' named formats: <c>format.dns1123Label().validate(name)</c> is none when the name is right, else a list of what is wrong with it.</summary>
internal static partial class FormatFunctions
{
    private const string LabelText = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
    private const string SubdomainText = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    private const string Label1035Text = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
    private const string ValueText = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
    private const string QualifiedText = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

    public static CelType Format { get; } = Named("kubernetes.NamedFormat");

    private static readonly FormatValue[] Known =
    [
        new("dns1123Label", 30, text => Check(text, LabelPattern(), 63, LabelText)),
        new("dns1123Subdomain", 60, text => Check(text, SubdomainPattern(), 253, SubdomainText)),
        new("dns1035Label", 30, text => Check(text, Label1035Pattern(), 63, Label1035Text)),
        new("qualifiedName", 60, Qualified),
        new("dns1123LabelPrefix", 30, text => Check(Prefix(text), LabelPattern(), 63, LabelText)),
        new("dns1123SubdomainPrefix", 60, text => Check(Prefix(text), SubdomainPattern(), 253, SubdomainText)),
        new("dns1035LabelPrefix", 30, text => Check(Prefix(text), Label1035Pattern(), 63, Label1035Text)),
        new("labelValue", 40, text => Check(text, ValuePattern(), 63, ValueText)),
        new("uri", 1000, text => UrlFunctions.IsUrl(text) ? [] : [$"parse \"{text}\": invalid URI for request"]),
        new("uuid", 78, text => UuidPattern().IsMatch(text) ? [] : ["does not match the UUID format"]),
        new("byte", 88, text => IsBase64(text) ? [] : ["invalid base64"]),
        new("date", 220, text => DateTime.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _) ? [] : ["invalid date"]),
        new("datetime", 220, text => CelTimestamp.TryParse(text.ToUpperInvariant().Replace(' ', 'T'), out _) ? [] : ["invalid datetime"]),
    ];

    public static IReadOnlyList<CelOverload> All { get; } =
    [
        .. Known.Select(format => Global($"format.{format.Name}", $"format.{format.Name}", [], Format, _ => format)),
        Global("format.named", "format-named", [Text], Optional(Format), a => Array.Find(Known, format => format.Name == (string)a[0]!) is { } found ? CelOptional.Of(found) : CelOptional.None),
        Member("validate", "format-validate", [Format, Text], Optional(List(Text)), a => ((FormatValue)a[0]!).Validate((string)a[1]!) is { Length: > 0 } wrong ? CelOptional.Of(new CelArray(wrong)) : CelOptional.None, new CelCallCost(
            (a, _) => CallCosts.RegexRun((ulong)CelValues.Size(a[1]), (ulong)((FormatValue)a[0]!).PatternSize),
            s => new CelCallEstimate(s.Sizes[1].Add(1).Times(CallCosts.StringFactor).Multiply(CelRange.Fixed((ulong)Known.Max(f => f.PatternSize)).Times(CallCosts.RegexFactor))))),
    ];

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?\z")]
    private static partial Regex LabelPattern();

    [GeneratedRegex(@"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\z", RegexOptions.NonBacktracking)]
    private static partial Regex SubdomainPattern();

    [GeneratedRegex(@"^[a-z]([-a-z0-9]*[a-z0-9])?\z")]
    private static partial Regex Label1035Pattern();

    [GeneratedRegex(@"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?\z")]
    private static partial Regex ValuePattern();

    [GeneratedRegex(@"^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\z")]
    private static partial Regex QualifiedPattern();

    [GeneratedRegex(@"^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}\z")]
    private static partial Regex UuidPattern();

    private static string[] Check(string text, Regex pattern, int most, string wrong)
    {
        List<string> all = [];
        if (Encoding.UTF8.GetByteCount(text) > most)
        {
            all.Add($"must be no more than {most} bytes");
        }

        if (!pattern.IsMatch(text))
        {
            all.Add(wrong);
        }

        return [.. all];
    }

    private static string[] Qualified(string text)
    {
        var parts = text.Split('/');
        if (parts.Length > 2)
        {
            return [$"a qualified name {QualifiedText} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"];
        }

        List<string> all = [];
        if (parts.Length == 2)
        {
            all.AddRange(parts[0].Length == 0 ? ["prefix part must be non-empty"] : Check(parts[0], SubdomainPattern(), 253, SubdomainText).Select(wrong => "prefix part " + wrong));
        }

        var name = parts[^1];
        if (name.Length == 0)
        {
            all.Add("name part must be non-empty");
        }
        else if (name.Length > 63)
        {
            all.Add("name part must be no more than 63 bytes");
        }

        if (!QualifiedPattern().IsMatch(name))
        {
            all.Add("name part " + QualifiedText);
        }

        return [.. all];
    }

    // A name to which something will be appended may end in a dash.
    private static string Prefix(string text) => text.Length > 1 && text.EndsWith('-') ? text[..^2] + "a" : text;

    private static bool IsBase64(string text) => text.Length % 4 == 0 && Convert.TryFromBase64String(text, new byte[text.Length], out _);

    private sealed class FormatValue(string name, int patternSize, Func<string, string[]> validate) : ICelOpaque
    {
        public string Name => name;

        public int PatternSize => patternSize;

        public CelType CelType => Format;

        public string[] Validate(string text) => validate(text);

        public bool CelEquals(object? other) => ReferenceEquals(this, other);
    }
}
