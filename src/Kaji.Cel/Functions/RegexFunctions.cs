using System.Text.RegularExpressions;
using Kaji.Cel.Costs;
using Kaji.Cel.Regexes;
using Kaji.Cel.Values;
using static Kaji.Cel.CelType;
using static Kaji.Cel.Functions.Declare;

namespace Kaji.Cel.Functions;

/// <summary>find and findAll.</summary>
internal static class RegexFunctions
{
    public static IReadOnlyList<CelOverload> All { get; } =
    [
        Member("find", "string_find_string", [Text, Text], Text, a => With(a, regex => regex.Match((string)a[0]!) is { Success: true } match ? match.Value : string.Empty), CallCosts.Regex(sized: true)),
        Member("findAll", "string_find_all_string", [Text, Text], List(Text), a => With(a, regex => Find(regex, (string)a[0]!, -1)), CallCosts.Regex(sized: true)),
        Member("findAll", "string_find_all_string_int", [Text, Text, Int], List(Text), a => With(a, regex => Find(regex, (string)a[0]!, (long)a[2]!)), CallCosts.Regex(sized: true)),
    ];

    private static object With(object?[] a, Func<Regex, object> run) => Re2.TryCompile((string)a[1]!, out var regex, out var wrong) ? run(regex) : new CelError($"Illegal regex: {wrong}");

    private static CelArray Find(Regex regex, string text, long most)
    {
        var found = new List<object?>();
        for (var match = regex.Match(text); match.Success && (most < 0 || found.Count < most); match = match.NextMatch())
        {
            found.Add(match.Value);
        }

        return new CelArray(found);
    }
}
