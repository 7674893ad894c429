using System.Text;
using Kaji.Cel.Costs;
using Kaji.Cel.Values;
using static Kaji.Cel.CelType;
using static Kaji.Cel.Functions.Declare;

namespace Kaji.Cel.Functions;

/// <summary>url(string) and its parts.</summary>
internal static class UrlFunctions
{
    public static CelType Url { get; } = Named("kubernetes.URL");

    public static IReadOnlyList<CelOverload> All { get; } =
    [
        Global("url", "string_to_url", [Text], Url, a => UrlValue.Parse((string)a[0]!) ?? (object)new CelError($"URL parse error during conversion from string: parse \"{a[0]}\": invalid URI for request"), CallCosts.Walk()),
        Global("isURL", "is_url_string", [Text], Bool, a => UrlValue.Parse((string)a[0]!) is not null, CallCosts.Walk(sized: false)),
        Member("getScheme", "url_get_scheme", [Url], Text, a => Of(a).Scheme),
        Member("getHost", "url_get_host", [Url], Text, a => Of(a).Host),
        Member("getHostname", "url_get_hostname", [Url], Text, a => Of(a).Hostname),
        Member("getPort", "url_get_port", [Url], Text, a => Of(a).Port),
        Member("getEscapedPath", "url_get_escaped_path", [Url], Text, a => Of(a).EscapedPath),
        Member("getQuery", "url_get_query", [Url], Map(Text, List(Text)), a => Of(a).Query()),
    ];

    internal static bool IsUrl(string text) => UrlValue.Parse(text) is not null;

    private static UrlValue Of(object?[] a) => (UrlValue)a[0]!;

    private sealed class UrlValue(string text, string scheme, string host, string path, string query) : ICelOpaque
    {
        public CelType CelType => Url;

        public string Scheme => scheme;

        public string Host => host;

        public string Hostname => (Colon() < 0 ? host : host[..Colon()]).Trim('[', ']');

        public string Port => Colon() < 0 ? string.Empty : host[(Colon() + 1)..];

        public string EscapedPath
        {
            get
            {
                var escaped = new StringBuilder();
                foreach (var unit in Encoding.UTF8.GetBytes(path))
                {
                    var c = (char)unit;
                    _ = char.IsAsciiLetterOrDigit(c) || "-_.~$&+,/:;=@%!'()*[]".Contains(c, StringComparison.Ordinal) ? escaped.Append(c) : escaped.Append('%').Append(unit.ToString("X2", System.Globalization.CultureInfo.InvariantCulture));
                }

                return escaped.ToString();
            }
        }

        public static UrlValue? Parse(string text)
        {
            if (text.Length == 0 || text.Any(c => c < 0x20 || c == 0x7f))
            {
                return null;
            }

            var rest = text;
            var scheme = string.Empty;
            var host = string.Empty;
            var at = rest.IndexOf(':', StringComparison.Ordinal);
            if (!rest.StartsWith('/'))
            {
                if (at <= 0 || !char.IsAsciiLetter(rest[0]) || !rest[..at].All(c => char.IsAsciiLetterOrDigit(c) || c is '+' or '-' or '.'))
                {
                    return null;
                }

                scheme = rest[..at].ToLowerInvariant();
                rest = rest[(at + 1)..];
            }

            var queryAt = rest.IndexOf('?', StringComparison.Ordinal);
            var query = queryAt < 0 ? string.Empty : rest[(queryAt + 1)..];
            rest = queryAt < 0 ? rest : rest[..queryAt];
            if (scheme.Length > 0 && rest.StartsWith("//", StringComparison.Ordinal))
            {
                var end = rest.IndexOf('/', 2);
                host = end < 0 ? rest[2..] : rest[2..end];
                rest = end < 0 ? string.Empty : rest[end..];
                host = host[(host.LastIndexOf('@') + 1)..];
                if (!IsHost(host))
                {
                    return null;
                }
            }
            else if (scheme.Length > 0 && !rest.StartsWith('/'))
            {
                rest = string.Empty;
            }

            return EscapesAreRight(rest) ? new UrlValue(text, scheme, host, rest, query) : null;
        }

        public bool CelEquals(object? other) => other is UrlValue url && url.ToString() == text;

        public override string ToString() => text;

        public CelDictionary Query()
        {
            var order = new List<string>();
            var all = new Dictionary<string, List<object?>>(StringComparer.Ordinal);
            foreach (var pair in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
            {
                var at = pair.IndexOf('=', StringComparison.Ordinal);
                var key = Uri.UnescapeDataString((at < 0 ? pair : pair[..at]).Replace('+', ' '));
                var value = at < 0 ? string.Empty : Uri.UnescapeDataString(pair[(at + 1)..].Replace('+', ' '));
                if (!all.TryGetValue(key, out var values))
                {
                    order.Add(key);
                    all[key] = values = [];
                }

                values.Add(value);
            }

            var map = new CelDictionary();
            foreach (var key in order)
            {
                map.TryAdd(key, new CelArray(all[key]));
            }

            return map;
        }

        private static bool IsHost(string host)
        {
            var name = host;
            if (host.StartsWith('['))
            {
                var end = host.IndexOf(']', StringComparison.Ordinal);
                if (end < 0)
                {
                    return false;
                }

                name = host[(end + 1)..];
                return name.Length == 0 || (name[0] == ':' && name[1..].All(char.IsAsciiDigit));
            }

            var at = host.LastIndexOf(':');
            if (at >= 0)
            {
                name = host[..at];
                if (name.Contains(':', StringComparison.Ordinal) || !host[(at + 1)..].All(char.IsAsciiDigit))
                {
                    return false;
                }
            }

            return !name.Any(c => c is ' ' or '"' or '<' or '>' or '\\' or '^' or '`' or '{' or '|' or '}' or '#');
        }

        private static bool EscapesAreRight(string path)
        {
            for (var at = path.IndexOf('%', StringComparison.Ordinal); at >= 0; at = path.IndexOf('%', at + 1))
            {
                if (at + 2 >= path.Length || !char.IsAsciiHexDigit(path[at + 1]) || !char.IsAsciiHexDigit(path[at + 2]))
                {
                    return false;
                }
            }

            return true;
        }

        private int Colon()
        {
            var at = host.LastIndexOf(':');
            return at > host.LastIndexOf(']') ? at : -1;
        }
    }
}
