using System.Text;
using Kaji.Cel.Costs;
using Kaji.Cel.Regexes;
using Kaji.Cel.Values;
using static Kaji.Cel.CelType;
using static Kaji.Cel.Functions.Declare;

namespace Kaji.Cel.Functions;

/// <summary>Functions of strings. Positions count code points.</summary>
internal static class TextFunctions
{
    private const int MaxResult = 16 * 1024 * 1024;
    private static readonly CelType Strings = List(Text);

    public static IReadOnlyList<CelOverload> Core { get; } =
    [
        Member("startsWith", "starts_with_string", [Text, Text], Bool, a => T(a, 0).StartsWith(T(a, 1), StringComparison.Ordinal), CallCosts.Prefix),
        Member("endsWith", "ends_with_string", [Text, Text], Bool, a => T(a, 0).EndsWith(T(a, 1), StringComparison.Ordinal), CallCosts.Prefix),
        Member("contains", "contains_string", [Text, Text], Bool, a => T(a, 0).Contains(T(a, 1), StringComparison.Ordinal), CallCosts.Contains),
        Member("matches", "matches_string", [Text, Text], Bool, Matches, CallCosts.Regex(sized: false)),
        Global("matches", "matches", [Text, Text], Bool, Matches, CallCosts.Regex(sized: false)),
    ];

    public static IReadOnlyList<CelOverload> Extended { get; } =
    [
        Member("charAt", "string_char_at_int", [Text, Int], Text, CharAt),
        Member("indexOf", "string_index_of_string", [Text, Text], Int, a => IndexOf(T(a, 0), T(a, 1), 0), CallCosts.Elements),
        Member("indexOf", "string_index_of_string_int", [Text, Text, Int], Int, a => IndexOf(T(a, 0), T(a, 1), (long)a[2]!), CallCosts.Elements),
        Member("lastIndexOf", "string_last_index_of_string", [Text, Text], Int, a => LastIndexOf(T(a, 0), T(a, 1), CelText.Length(T(a, 0))), CallCosts.Elements),
        Member("lastIndexOf", "string_last_index_of_string_int", [Text, Text, Int], Int, a => LastIndexOf(T(a, 0), T(a, 1), (long)a[2]!), CallCosts.Elements),
        Member("lowerAscii", "string_lower_ascii", [Text], Text, a => string.Create(T(a, 0).Length, T(a, 0), (span, text) => Map(text, span, c => char.IsAsciiLetterUpper(c) ? (char)(c | 0x20) : c)), CallCosts.Walk()),
        Member("upperAscii", "string_upper_ascii", [Text], Text, a => string.Create(T(a, 0).Length, T(a, 0), (span, text) => Map(text, span, c => char.IsAsciiLetterLower(c) ? (char)(c & ~0x20) : c)), CallCosts.Walk()),
        Member("replace", "string_replace_string_string", [Text, Text, Text], Text, a => Replace(T(a, 0), T(a, 1), T(a, 2), -1), CallCosts.Replace),
        Member("replace", "string_replace_string_string_int", [Text, Text, Text, Int], Text, a => Replace(T(a, 0), T(a, 1), T(a, 2), (long)a[3]!), CallCosts.Replace),
        Member("split", "string_split_string", [Text, Text], Strings, a => Split(T(a, 0), T(a, 1), -1), CallCosts.Split),
        Member("split", "string_split_string_int", [Text, Text, Int], Strings, a => Split(T(a, 0), T(a, 1), (long)a[2]!), CallCosts.Split),
        Member("substring", "string_substring_int", [Text, Int], Text, a => Substring(T(a, 0), (long)a[1]!, null), CallCosts.Walk()),
        Member("substring", "string_substring_int_int", [Text, Int, Int], Text, a => Substring(T(a, 0), (long)a[1]!, (long)a[2]!), CallCosts.Walk()),
        Member("trim", "string_trim", [Text], Text, a => T(a, 0).Trim(), CallCosts.Walk()),
        Member("reverse", "string_reverse", [Text], Text, a => string.Concat(Points(T(a, 0)).Reverse()), CallCosts.Walk()),
        Member("join", "list_join", [Strings], Text, a => Join((CelList)a[0]!, string.Empty), CallCosts.Result),
        Member("join", "list_join_string", [Strings, Text], Text, a => Join((CelList)a[0]!, T(a, 1)), CallCosts.Result),
        Member("format", "string_format", [Text, List(Dyn)], Text, a => TextFormat.Format(T(a, 0), (CelList)a[1]!), new CelCallCost(
            (a, result) => CelRange.Times((ulong)Math.Max(CelValues.Size(a[0]), CelValues.Size(result)), CallCosts.StringFactor),
            s => new CelCallEstimate(s.Sizes[0].Times(CallCosts.StringFactor))) { NeedsResult = true }),
        Global("strings.quote", "strings_quote", [Text], Text, a => Quote(T(a, 0)), CallCosts.Walk()),
    ];

    /// <summary>The code points of a string, each as a string.</summary>
    internal static IEnumerable<string> Points(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                yield return text.Substring(i++, 2);
            }
            else
            {
                yield return text[i].ToString();
            }
        }
    }

    private static string T(object?[] arguments, int index) => (string)arguments[index]!;

    private static void Map(string text, Span<char> to, Func<char, char> map)
    {
        for (var i = 0; i < text.Length; i++)
        {
            to[i] = map(text[i]);
        }
    }

    private static object Matches(object?[] a) => Re2.TryCompile(T(a, 1), out var regex, out var wrong) ? regex.IsMatch(T(a, 0)) : new CelError(wrong);

    private static object CharAt(object?[] a)
    {
        var (text, index) = (T(a, 0), (long)a[1]!);
        var length = CelText.Length(text);
        return index < 0 || index > length ? new CelError($"index out of range: {index}") : index == length ? string.Empty : Substring(text, index, index + 1);
    }

    private static object IndexOf(string text, string part, long from)
    {
        var starts = CelText.Starts(text);
        var length = starts is null ? text.Length : starts.Length - 1;
        if (from < 0 || from > length)
        {
            return new CelError($"index out of range: {from}");
        }

        var at = text.IndexOf(part, starts is null ? (int)from : starts[from], StringComparison.Ordinal);
        return at < 0 || starts is null ? (long)at : Array.BinarySearch(starts, at);
    }

    private static object LastIndexOf(string text, string part, long upTo)
    {
        var starts = CelText.Starts(text);
        var length = starts is null ? text.Length : starts.Length - 1;
        if (upTo < 0 || upTo > length)
        {
            return new CelError($"index out of range: {upTo}");
        }

        for (var at = starts is null ? upTo : starts[upTo]; at >= 0; at--)
        {
            if (string.CompareOrdinal(text, (int)at, part, 0, part.Length) == 0 && at + part.Length <= text.Length)
            {
                return starts is null ? at : Array.BinarySearch(starts, (int)at);
            }
        }

        return -1L;
    }

    // Costs of replace and join don't tell how large their result is; this does, before it is made.
    private static CelError? TooLarge(double length) => length > MaxResult ? new CelError($"result of more than {MaxResult} characters") : null;

    private static object Replace(string text, string old, string made, long count)
    {
        if (TooLarge(text.Length + (((double)text.Length / Math.Max(1, old.Length)) + 1) * made.Length) is { } wrong && made.Length > old.Length)
        {
            return wrong;
        }

        if (count == 0 || (old.Length == 0 && made.Length == 0))
        {
            return text;
        }

        var result = new StringBuilder();
        if (old.Length == 0)
        {
            // An empty string is found before every code point and at the end.
            var left = count < 0 ? long.MaxValue : count;
            foreach (var point in Points(text))
            {
                result.Append(left-- > 0 ? made : string.Empty).Append(point);
            }

            return result.Append(left > 0 ? made : string.Empty).ToString();
        }

        var from = 0;
        for (long done = 0; count < 0 || done < count; done++)
        {
            var at = text.IndexOf(old, from, StringComparison.Ordinal);
            if (at < 0)
            {
                break;
            }

            result.Append(text, from, at - from).Append(made);
            from = at + old.Length;
        }

        return result.Append(text, from, text.Length - from).ToString();
    }

    private static CelArray Split(string text, string separator, long count)
    {
        if (count == 0)
        {
            return CelArray.Empty;
        }

        if (separator.Length == 0)
        {
            var points = Points(text).ToList();
            if (count > 0 && points.Count > count)
            {
                var rest = string.Concat(points.Skip((int)count - 1));
                points.RemoveRange((int)count - 1, points.Count - (int)count + 1);
                points.Add(rest);
            }

            return new CelArray(points);
        }

        return new CelArray(text.Split(separator, count < 0 ? int.MaxValue : (int)Math.Min(count, int.MaxValue), StringSplitOptions.None));
    }

    private static object Substring(string text, long start, long? end)
    {
        var starts = CelText.Starts(text);
        var length = starts is null ? text.Length : starts.Length - 1;
        var stop = end ?? length;
        if (start < 0 || start > length)
        {
            return new CelError($"index out of range: {start}");
        }

        if (stop < 0 || stop > length)
        {
            return new CelError($"index out of range: {stop}");
        }

        if (start > stop)
        {
            return new CelError($"invalid substring range. start: {start}, end: {stop}");
        }

        return starts is null ? text[(int)start..(int)stop] : text[starts[start]..starts[stop]];
    }

    private static object Join(CelList list, string separator)
    {
        var parts = new List<string>(list.Count);
        foreach (var item in list)
        {
            if (item is not string part)
            {
                return CelError.NoSuchOverload;
            }

            parts.Add(part);
        }

        return TooLarge(parts.Sum(part => (double)part.Length + separator.Length)) ?? (object)string.Join(separator, parts);
    }

    private static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
        {
            _ = c switch
            {
                '\a' => quoted.Append("\\a"),
                '\b' => quoted.Append("\\b"),
                '\f' => quoted.Append("\\f"),
                '\n' => quoted.Append("\\n"),
                '\r' => quoted.Append("\\r"),
                '\t' => quoted.Append("\\t"),
                '\v' => quoted.Append("\\v"),
                '\\' => quoted.Append("\\\\"),
                '"' => quoted.Append("\\\""),
                _ => quoted.Append(c),
            };
        }

        return quoted.Append('"').ToString();
    }
}
