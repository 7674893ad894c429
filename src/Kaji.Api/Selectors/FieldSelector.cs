using System.Text;

namespace Kaji.Api.Selectors;

/// <summary>A requirement on a field: equal or not.</summary>
public sealed record FieldRequirement(string Field, bool Equal, string Value);

/// <summary>A field selector: <c>a=b,c!=d</c>, with <c>\,</c>, <c>\=</c> and <c>\\</c> as escapes in values.</summary>
public sealed class FieldSelector(IReadOnlyList<FieldRequirement> requirements)
{
    public static FieldSelector Everything { get; } = new([]);

    public IReadOnlyList<FieldRequirement> Requirements { get; } = requirements;

    public bool IsEmpty => Requirements.Count == 0;

    public bool Matches(Func<string, string> field)
    {
        foreach (var requirement in Requirements)
        {
            if ((field(requirement.Field) == requirement.Value) != requirement.Equal)
            {
                return false;
            }
        }

        return true;
    }

    public static bool TryParse(string text, out FieldSelector selector, out string error)
    {
        selector = Everything;
        error = "";
        var requirements = new List<FieldRequirement>();
        foreach (var term in Terms(text))
        {
            if (term.Length == 0)
            {
                continue;
            }

            var at = term.IndexOf('=', StringComparison.Ordinal);
            var negated = at > 0 && term[at - 1] == '!';
            if (at <= 0 || (negated && at == 1))
            {
                error = $"invalid selector: '{text}'; can't understand '{term}'";
                return false;
            }

            var value = term[(at + (at + 1 < term.Length && term[at + 1] == '=' && !negated ? 2 : 1))..];
            if (Unescape(value) is not { } plain)
            {
                error = $"invalid field selector: invalid escape sequence in '{value}'";
                return false;
            }

            requirements.Add(new FieldRequirement(term[..(negated ? at - 1 : at)], !negated, plain));
        }

        selector = new FieldSelector(requirements);
        return true;
    }

    private static IEnumerable<string> Terms(string text)
    {
        var from = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\')
            {
                i++;
            }
            else if (text[i] == ',')
            {
                yield return text[from..i];
                from = i + 1;
            }
        }

        yield return text[from..];
    }

    private static string? Unescape(string value)
    {
        var plain = new StringBuilder();
        for (var i = 0; i < value.Length; i++)
        {
            if (value[i] == '\\')
            {
                if (++i == value.Length || value[i] is not ('\\' or ',' or '='))
                {
                    return null;
                }
            }
            else if (value[i] is ',' or '=')
            {
                return null;
            }

            plain.Append(value[i]);
        }

        return plain.ToString();
    }
}
