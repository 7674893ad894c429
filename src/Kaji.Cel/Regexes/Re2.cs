using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Kaji.Cel.Regexes;

/// <summary>
/// RE2's regular expressions on .NET's engine that runs in linear time. The two dialects differ: <c>(?P&lt;n&gt;…)</c>, <c>\pL</c>, <c>[[:alpha:]]</c>, <c>\Q…\E</c>, <c>\z</c>
/// are rewritten, classes such as <c>\d</c> mean ASCII, and what RE2 lacks (lookaround, back references) is refused.
/// </summary>
public static class Re2
{
    private const int MaxRepeat = 1000;
    private const int MaxCached = 512;
    private const int MaxLength = 16 * 1024;
    private const long MaxStates = 20_000;
    private static readonly TimeSpan LastResort = TimeSpan.FromSeconds(5);
    private static readonly ConcurrentDictionary<string, (Regex? Regex, string? Wrong)> Cache = new(StringComparer.Ordinal);

    /// <summary>The expression of a pattern, or what is wrong with the pattern.</summary>
    public static bool TryCompile(string pattern, out Regex regex, out string wrong)
    {
        if (!Cache.TryGetValue(pattern, out var known))
        {
            known = Make(pattern);
            if (Cache.Count >= MaxCached)
            {
                Cache.Clear();
            }

            Cache[pattern] = known;
        }

        regex = known.Regex!;
        wrong = known.Wrong ?? string.Empty;
        return known.Regex is not null;
    }

    private static (Regex? Regex, string? Wrong) Make(string pattern)
    {
        if (pattern.Length > MaxLength)
        {
            return (null, "error parsing regexp: expression too large");
        }

        try
        {
            return (new Regex(new Translator(pattern).Translate(), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant, LastResort), null);
        }
        catch (FormatException e)
        {
            return (null, $"error parsing regexp: {e.Message}");
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return (null, $"error parsing regexp: {e.Message}");
        }
    }

    private sealed class Translator(string pattern)
    {
        private readonly StringBuilder result = new();
        private readonly Stack<(int Start, bool Multiline, long Weight)> groups = new();
        private int at;
        private bool multiline;
        private long weight = 1;
        private long atom = 1;
        private long states;

        public string Translate()
        {
            var repeatable = false;
            while (at < pattern.Length)
            {
                var c = pattern[at];
                switch (c)
                {
                    case '\\':
                        repeatable = Escape(inClass: false);
                        atom = 1;
                        break;
                    case '[':
                        Class();
                        repeatable = true;
                        atom = 1;
                        break;
                    case '(':
                        Open();
                        repeatable = false;
                        break;
                    case ')':
                        if (groups.Count == 0)
                        {
                            throw new FormatException($"unexpected ): `{pattern}`");
                        }

                        var group = groups.Pop();
                        multiline = group.Multiline;
                        atom = weight;
                        weight = Math.Max(weight, group.Weight);
                        result.Append(c);
                        at++;
                        repeatable = true;
                        break;
                    case '*' or '+' or '?':
                        Require(repeatable, c.ToString());
                        Repeat(c.ToString());
                        repeatable = false;
                        break;
                    case '{' when Counted() is { } counted:
                        Require(repeatable, counted.Text);
                        if (counted.Most > MaxRepeat || counted.Least > MaxRepeat || (counted.Most >= 0 && counted.Most < counted.Least) || atom * Math.Max(Math.Max(counted.Most, counted.Least), 1) > MaxRepeat)
                        {
                            throw new FormatException($"invalid repeat count: `{counted.Text}`");
                        }

                        states += atom * Math.Max(1, Math.Max(counted.Most, counted.Least));
                        if (states > MaxStates)
                        {
                            throw new FormatException("expression too large");
                        }

                        weight = Math.Max(weight, atom * Math.Max(1, Math.Max(counted.Most, counted.Least)));
                        Repeat(counted.Text);
                        repeatable = false;
                        break;
                    case '{' or '}':
                        result.Append('\\').Append(c);
                        at++;
                        repeatable = true;
                        break;
                    case '$':
                        result.Append(multiline ? "(?m:$)" : "\\z");
                        at++;
                        repeatable = true;
                        break;
                    default:
                        result.Append(c);
                        at++;
                        repeatable = c != '|';
                        atom = 1;
                        break;
                }
            }

            return groups.Count == 0 ? result.ToString() : throw new FormatException($"missing closing ): `{pattern}`");
        }

        private static void Require(bool repeatable, string op)
        {
            if (!repeatable)
            {
                throw new FormatException($"missing argument to repetition operator: `{op}`");
            }
        }

        private void Repeat(string op)
        {
            result.Append(op);
            at += op.Length;
            if (at < pattern.Length && pattern[at] == '?')
            {
                result.Append('?');
                at++;
            }

            if (at < pattern.Length && (pattern[at] is '*' or '+' or '?' || (pattern[at] == '{' && Counted() is not null)))
            {
                throw new FormatException($"invalid nested repetition operator: `{op}{pattern[at]}`");
            }
        }

        private (string Text, int Least, int Most)? Counted()
        {
            var end = pattern.IndexOf('}', at);
            if (end < 0 || end == at + 1 || end - at > 12)
            {
                return null;
            }

            var parts = pattern[(at + 1)..end].Split(',');
            if (parts.Length > 2 || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var least))
            {
                return null;
            }

            var most = least;
            if (parts.Length == 2 && parts[1].Length == 0)
            {
                most = -1;
            }
            else if (parts.Length == 2 && !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out most))
            {
                return null;
            }

            return (pattern[at..(end + 1)], least, most);
        }

        private void Open()
        {
            groups.Push((at, multiline, weight));
            if (groups.Count > 250)
            {
                throw new FormatException("expression nests too deeply");
            }

            weight = 1;
            if (at + 1 >= pattern.Length || pattern[at + 1] != '?')
            {
                result.Append('(');
                at++;
                return;
            }

            var rest = pattern.AsSpan(at + 2);
            if (rest.StartsWith("P<") || (rest.StartsWith("<") && !rest.StartsWith("<=") && !rest.StartsWith("<!")))
            {
                var start = at + (rest[0] == 'P' ? 4 : 3);
                var end = pattern.IndexOf('>', start);
                if (end <= start || pattern.AsSpan(start, end - start).ContainsAnyExcept("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"))
                {
                    throw new FormatException($"invalid named capture: `{pattern[at..]}`");
                }

                result.Append("(?<").Append(pattern, start, end - start).Append('>');
                at = end + 1;
                return;
            }

            var flags = at + 2;
            var on = true;
            while (flags < pattern.Length && pattern[flags] is 'i' or 'm' or 's' or '-' or 'U')
            {
                if (pattern[flags] == 'U')
                {
                    throw new FormatException("ungreedy matching is not supported");
                }

                on &= pattern[flags] != '-';
                multiline = pattern[flags] == 'm' ? on : multiline;
                flags++;
            }

            if (flags >= pattern.Length || pattern[flags] is not (':' or ')'))
            {
                throw new FormatException($"invalid or unsupported Perl syntax: `{pattern[at..Math.Min(pattern.Length, at + 4)]}`");
            }

            result.Append(pattern, at, flags - at + 1);
            at = flags + 1;
            if (pattern[flags] == ')')
            {
                // Flags for the rest of the group that is open already.
                var (_, _, before) = groups.Pop();
                weight = before;
            }
        }

        /// <summary>Whether what was read can be repeated.</summary>
        private bool Escape(bool inClass)
        {
            if (at + 1 >= pattern.Length)
            {
                throw new FormatException("trailing backslash at end of expression: ``");
            }

            var c = pattern[at + 1];
            at += 2;
            switch (c)
            {
                case 'd':
                    result.Append(inClass ? "0-9" : "[0-9]");
                    return true;
                case 'D':
                    result.Append(inClass ? "\\x00-/:-\\uffff" : "[^0-9]");
                    return true;
                case 'w':
                    result.Append(inClass ? "0-9A-Za-z_" : "[0-9A-Za-z_]");
                    return true;
                case 'W':
                    result.Append(inClass ? "\\x00-/:-@\\[-\\^`\\{-\\uffff" : "[^0-9A-Za-z_]");
                    return true;
                case 's':
                    result.Append(inClass ? "\\t\\n\\f\\r " : "[\\t\\n\\f\\r ]");
                    return true;
                case 'S':
                    result.Append(inClass ? "\\x00-\\x08\\x0b\\x0e-\\x1f!-\\uffff" : "[^\\t\\n\\f\\r ]");
                    return true;
                case 'p' or 'P':
                    Property(c);
                    return true;
                case 'Q' when !inClass:
                    var end = pattern.IndexOf("\\E", at, StringComparison.Ordinal);
                    var literal = end < 0 ? pattern[at..] : pattern[at..end];
                    result.Append(Regex.Escape(literal));
                    at = end < 0 ? pattern.Length : end + 2;
                    return literal.Length > 0;
                case 'A' or 'b' or 'B' or 'z' when !inClass:
                    result.Append('\\').Append(c);
                    return true;
                case 'a' or 'f' or 't' or 'n' or 'r' or 'v':
                    result.Append('\\').Append(c);
                    return true;
                case 'x':
                    Hex();
                    return true;
                case '0' or '1' or '2' or '3' or '4' or '5' or '6' or '7' when c == '0' || (at < pattern.Length && pattern[at] is >= '0' and <= '7'):
                    var code = c - '0';
                    for (var i = 0; i < 2 && at < pattern.Length && pattern[at] is >= '0' and <= '7'; i++)
                    {
                        code = (code * 8) + pattern[at++] - '0';
                    }

                    result.Append(CultureInfo.InvariantCulture, $"\\u{code:x4}");
                    return true;
                default:
                    if (char.IsAsciiLetterOrDigit(c) || c >= 0x80)
                    {
                        throw new FormatException($"invalid escape sequence: `\\{c}`");
                    }

                    result.Append('\\').Append(c);
                    return true;
            }
        }

        private void Hex()
        {
            var braced = at < pattern.Length && pattern[at] == '{';
            var end = braced ? pattern.IndexOf('}', at) : at + 2;
            var start = braced ? at + 1 : at;
            if (end < start || end > pattern.Length || !int.TryParse(pattern.AsSpan(start, end - start), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code) || !Rune.IsValid(code))
            {
                throw new FormatException("invalid escape sequence: `\\x`");
            }

            at = braced ? end + 1 : end;
            foreach (var unit in new Rune(code).ToString())
            {
                result.Append(CultureInfo.InvariantCulture, $"\\u{(int)unit:x4}");
            }
        }

        private void Property(char kind)
        {
            if (at >= pattern.Length)
            {
                throw new FormatException($"invalid character class range: `\\{kind}`");
            }

            var end = pattern[at] == '{' ? pattern.IndexOf('}', at) : at;
            if (end < 0)
            {
                throw new FormatException($"invalid character class range: `\\{kind}{{`");
            }

            var name = pattern[at] == '{' ? pattern[(at + 1)..end] : pattern[at].ToString();
            at = end + 1;
            var negated = name.StartsWith('^');
            name = negated ? name[1..] : name;
            result.Append('\\').Append(negated ? (kind == 'p' ? 'P' : 'p') : kind).Append('{').Append(name.Length > 2 ? "Is" + name : name).Append('}');
        }

        private void Class()
        {
            var start = at;
            result.Append('[');
            at++;
            if (at < pattern.Length && pattern[at] == '^')
            {
                result.Append('^');
                at++;
            }

            for (var first = true; ; first = false)
            {
                if (at >= pattern.Length)
                {
                    throw new FormatException($"missing closing ]: `{pattern[start..]}`");
                }

                var c = pattern[at];
                if (c == ']' && !first)
                {
                    result.Append(']');
                    at++;
                    return;
                }

                if (c == '\\')
                {
                    Escape(inClass: true);
                }
                else if (c == '[' && at + 1 < pattern.Length && pattern[at + 1] == ':' && pattern.IndexOf(":]", at, StringComparison.Ordinal) is > 0 and var end)
                {
                    result.Append(Posix(pattern[(at + 2)..end]));
                    at = end + 2;
                }
                else
                {
                    if (c is '[' or ']')
                    {
                        result.Append('\\');
                    }

                    result.Append(c);
                    at++;
                }
            }
        }

        private static string Posix(string name) => name switch
        {
            "alnum" => "0-9A-Za-z",
            "alpha" => "A-Za-z",
            "ascii" => "\\x00-\\x7f",
            "blank" => "\\t ",
            "cntrl" => "\\x00-\\x1f\\x7f",
            "digit" => "0-9",
            "graph" => "!-~",
            "lower" => "a-z",
            "print" => " -~",
            "punct" => "!-/:-@\\[-`\\{-~",
            "space" => "\\t\\n\\v\\f\\r ",
            "upper" => "A-Z",
            "word" => "0-9A-Za-z_",
            "xdigit" => "0-9A-Fa-f",
            _ => throw new FormatException($"invalid character class range: `[:{name}:]`"),
        };
    }
}
