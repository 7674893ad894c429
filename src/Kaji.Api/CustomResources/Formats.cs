using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Kaji.Api.Metadata;

namespace Kaji.Api.CustomResources;

/// <summary>
/// The formats of strings that Kubernetes checks; others are ignored.
/// https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#validation
/// </summary>
public static partial class Formats
{
    public static bool Fits(string format, string text) => format switch
    {
        "date-time" or "datetime" => DateTime().IsMatch(text) && Timestamps.TryParse(text, out _),
        "date" => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _),
        "duration" => Duration().IsMatch(text),
        "byte" => text.Length % 4 == 0 && Base64().IsMatch(text),
        "email" => Email().IsMatch(text),
        "hostname" => text.Length <= 253 && HostName().IsMatch(text),
        "ipv4" => IPAddress.TryParse(text, out var v4) && v4.AddressFamily == AddressFamily.InterNetwork && text.Count('.') == 3,
        "ipv6" => IPAddress.TryParse(text, out var v6) && v6.AddressFamily == AddressFamily.InterNetworkV6 && !text.StartsWith('['),
        "cidr" => Cidr(text),
        "mac" => Mac().IsMatch(text),
        "uri" => Uri.TryCreate(text, UriKind.Absolute, out _) || text.StartsWith('/'),
        "uuid" => Uuid().IsMatch(text),
        "uuid3" => Uuid().IsMatch(text) && text.Replace("-", "", StringComparison.Ordinal)[12] == '3',
        "uuid4" => Uuid().IsMatch(text) && text.Replace("-", "", StringComparison.Ordinal) is var four && four[12] == '4' && "89abAB".Contains(four[16], StringComparison.Ordinal),
        "uuid5" => Uuid().IsMatch(text) && text.Replace("-", "", StringComparison.Ordinal) is var five && five[12] == '5' && "89abAB".Contains(five[16], StringComparison.Ordinal),
        "bsonobjectid" => BsonId().IsMatch(text),
        "hexcolor" => HexColor().IsMatch(text),
        "rgbcolor" => RgbColor().IsMatch(text),
        "ssn" => Ssn().IsMatch(text),
        "creditcard" => Digits(text) is { Length: >= 13 and <= 19 } card && Luhn(card),
        "isbn10" => Isbn10(Digits(text, keepX: true)),
        "isbn13" => Isbn13(Digits(text)),
        "isbn" => Isbn10(Digits(text, keepX: true)) || Isbn13(Digits(text)),
        "k8s-short-name" => Names.Dns1123LabelErrors(text).Count == 0,
        "k8s-long-name" => Names.Dns1123SubdomainErrors(text).Count == 0,
        _ => true,
    };

    private static bool Cidr(string text)
    {
        var parts = text.Split('/');
        return parts.Length == 2 && IPAddress.TryParse(parts[0], out var address) && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var bits)
            && bits <= (address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128) && (address.AddressFamily != AddressFamily.InterNetwork || parts[0].Count('.') == 3);
    }

    private static string Digits(string text, bool keepX = false) => new([.. text.Where(c => char.IsAsciiDigit(c) || (keepX && c is 'X' or 'x'))]);

    private static bool Luhn(string digits)
    {
        var sum = 0;
        for (var i = 0; i < digits.Length; i++)
        {
            var digit = digits[^(i + 1)] - '0';
            digit = i % 2 == 1 ? digit * 2 : digit;
            sum += digit > 9 ? digit - 9 : digit;
        }

        return sum % 10 == 0;
    }

    private static bool Isbn10(string text) =>
        text.Length == 10 && !text[..9].Contains('X', StringComparison.OrdinalIgnoreCase) && text.Select((c, i) => (c is 'X' or 'x' ? 10 : c - '0') * (10 - i)).Sum() % 11 == 0;

    private static bool Isbn13(string text) => text.Length == 13 && text.Select((c, i) => (c - '0') * (i % 2 == 0 ? 1 : 3)).Sum() % 10 == 0;

    [GeneratedRegex(@"^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:?\d{2})$", RegexOptions.ECMAScript)]
    private static partial Regex DateTime();

    [GeneratedRegex(@"^[-+]?(\d+(\.\d*)?|\.\d+)\s*(ns|us|µs|μs|ms|s|m|h|d|w|nanos?|micros?|millis?|secs?|seconds?|mins?|minutes?|hrs?|hours?|days?|wks?|weeks?)((\d+(\.\d*)?|\.\d+)\s*(ns|us|µs|μs|ms|s|m|h|d|w))*$|^0$")]
    private static partial Regex Duration();

    [GeneratedRegex("^[A-Za-z0-9+/]*={0,2}$")]
    private static partial Regex Base64();

    [GeneratedRegex(@"^[^@\s<>,;]+@[^@\s<>,;]+$")]
    private static partial Regex Email();

    [GeneratedRegex(@"^([a-zA-Z0-9\u00a1-\uffff]([a-zA-Z0-9\u00a1-\uffff-]{0,62}[a-zA-Z0-9\u00a1-\uffff])?)(\.[a-zA-Z0-9\u00a1-\uffff]([a-zA-Z0-9\u00a1-\uffff-]{0,62}[a-zA-Z0-9\u00a1-\uffff])?)*$")]
    private static partial Regex HostName();

    [GeneratedRegex("^([0-9A-Fa-f]{2}[:-]){5,7}[0-9A-Fa-f]{2}$|^([0-9A-Fa-f]{4}\\.){2,3}[0-9A-Fa-f]{4}$")]
    private static partial Regex Mac();

    [GeneratedRegex("^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$")]
    private static partial Regex Uuid();

    [GeneratedRegex("^[0-9a-fA-F]{24}$")]
    private static partial Regex BsonId();

    [GeneratedRegex("^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$")]
    private static partial Regex HexColor();

    [GeneratedRegex(@"^rgb\(\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*\)$")]
    private static partial Regex RgbColor();

    [GeneratedRegex(@"^\d{3}[- ]?\d{2}[- ]?\d{4}$")]
    private static partial Regex Ssn();
}
