using System.Text.Json.Nodes;
using Kaji.Api.Metadata;

namespace Kaji.Api.Selectors;

/// <summary>What a requirement asks of a label.</summary>
public enum SelectorOperator
{
    In,
    NotIn,
    Exists,
    DoesNotExist,
    GreaterThan,
    LessThan,
}

/// <summary>One requirement.</summary>
public sealed record Requirement(string Key, SelectorOperator Operator, IReadOnlyList<string> Values)
{
    /// <summary>Whether a value (null when the key is absent) meets it.</summary>
    public bool Matches(string? value) => Operator switch
    {
        SelectorOperator.In => value is not null && Values.Contains(value, StringComparer.Ordinal),
        SelectorOperator.NotIn => value is null || !Values.Contains(value, StringComparer.Ordinal),
        SelectorOperator.Exists => value is not null,
        SelectorOperator.DoesNotExist => value is null,
        SelectorOperator.GreaterThan => long.TryParse(value, out var a) && long.TryParse(Values[0], out var b) && a > b,
        SelectorOperator.LessThan => long.TryParse(value, out var a) && long.TryParse(Values[0], out var b) && a < b,
        _ => false,
    };
}

/// <summary>
/// A label selector, from a query (<c>a=b,c!=d,e in (f,g),h,!i</c>) or from an object (matchLabels, matchExpressions).
/// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/
/// </summary>
public sealed class LabelSelector(IReadOnlyList<Requirement> requirements)
{
    /// <summary>Selects all.</summary>
    public static LabelSelector Everything { get; } = new([]);

    /// <summary>All must be met.</summary>
    public IReadOnlyList<Requirement> Requirements { get; } = requirements;

    public bool IsEmpty => Requirements.Count == 0;

    public bool Matches(Func<string, string?> label)
    {
        foreach (var requirement in Requirements)
        {
            if (!requirement.Matches(label(requirement.Key)))
            {
                return false;
            }
        }

        return true;
    }

    public bool Matches(JsonObject? labels) => Matches(key => (string?)labels?[key]);

    /// <summary>Of an object with matchLabels and matchExpressions. An empty one selects all, null selects nothing and is the caller's to handle.</summary>
    public static LabelSelector FromObject(JsonObject selector)
    {
        var requirements = new List<Requirement>();
        if (selector["matchLabels"] is JsonObject labels)
        {
            requirements.AddRange(labels.Select(l => new Requirement(l.Key, SelectorOperator.In, [(string?)l.Value ?? ""])));
        }

        if (selector["matchExpressions"] is JsonArray expressions)
        {
            requirements.AddRange(expressions.OfType<JsonObject>().Select(e => new Requirement(
                (string?)e["key"] ?? "",
                (string?)e["operator"] switch { "In" => SelectorOperator.In, "NotIn" => SelectorOperator.NotIn, "Exists" => SelectorOperator.Exists, _ => SelectorOperator.DoesNotExist },
                e["values"] is JsonArray values ? [.. values.Select(v => (string?)v ?? "")] : [])));
        }

        return new LabelSelector(requirements);
    }

    public static bool TryParse(string text, out LabelSelector selector, out string error)
    {
        selector = Everything;
        var requirements = new List<Requirement>();
        var lexer = new Lexer(text);
        if (!lexer.End)
        {
            do
            {
                if (ParseOne(ref lexer, out error) is not { } requirement)
                {
                    error = $"unable to parse requirement: {error}";
                    return false;
                }

                requirements.Add(requirement);
            }
            while (lexer.Take(','));
            if (!lexer.End)
            {
                error = $"unable to parse requirement: found '{lexer.Rest}', expected: ',' or 'end of string'";
                return false;
            }
        }

        error = "";
        selector = new LabelSelector(requirements);
        return true;
    }

    private static Requirement? ParseOne(ref Lexer lexer, out string error)
    {
        var absent = lexer.Take('!');
        var key = lexer.Word();
        error = Names.QualifiedNameErrors(key) is [var first, ..] ? $"<nil>: Invalid value: \"{key}\": {first}" : "";
        if (error.Length > 0)
        {
            return null;
        }

        if (absent)
        {
            return new Requirement(key, SelectorOperator.DoesNotExist, []);
        }

        if (lexer.End || lexer.Peek(','))
        {
            return new Requirement(key, SelectorOperator.Exists, []);
        }

        var op = lexer.Operator();
        switch (op)
        {
            case "=" or "==" or "!=":
                var value = lexer.Word();
                error = ValueError(key, value);
                return error.Length > 0 ? null : new Requirement(key, op == "!=" ? SelectorOperator.NotIn : SelectorOperator.In, [value]);
            case ">" or "<":
                value = lexer.Word();
                if (!long.TryParse(value, out _))
                {
                    error = $"values[0][{key}]: Invalid value: \"{value}\": for 'Gt', 'Lt' operators, the value must be an integer";
                    return null;
                }

                return new Requirement(key, op == ">" ? SelectorOperator.GreaterThan : SelectorOperator.LessThan, [value]);
            case "in" or "notin" when lexer.Take('('):
                var values = new List<string>();
                do
                {
                    value = lexer.Word();
                    error = ValueError(key, value);
                    if (error.Length > 0)
                    {
                        return null;
                    }

                    values.Add(value);
                }
                while (lexer.Take(','));
                if (!lexer.Take(')'))
                {
                    error = $"found '{lexer.Rest}', expected: ',' or ')'";
                    return null;
                }

                return new Requirement(key, op == "in" ? SelectorOperator.In : SelectorOperator.NotIn, values);
            default:
                error = $"found '{(op.Length > 0 ? op : lexer.Rest)}', expected: in, notin, =, ==, !=, gt, lt";
                return null;
        }
    }

    private static string ValueError(string key, string value) =>
        Names.LabelValueErrors(value) is [var first, ..] ? $"values[0][{key}]: Invalid value: \"{value}\": {first}" : "";

    private ref struct Lexer(string text)
    {
        private int _at;

        public bool End
        {
            get
            {
                Skip();
                return _at == text.Length;
            }
        }

        public readonly string Rest => text[_at..];

        public bool Peek(char c) => !End && text[_at] == c;

        public bool Take(char c)
        {
            if (!Peek(c))
            {
                return false;
            }

            _at++;
            return true;
        }

        public string Word()
        {
            Skip();
            var from = _at;
            while (_at < text.Length && text[_at] is not (',' or '=' or '!' or '(' or ')' or '>' or '<' or ' ' or '\t'))
            {
                _at++;
            }

            return text[from.._at];
        }

        public string Operator()
        {
            Skip();
            foreach (var op in (ReadOnlySpan<string>)["==", "!=", "=", ">", "<"])
            {
                if (text.AsSpan(_at).StartsWith(op, StringComparison.Ordinal))
                {
                    _at += op.Length;
                    return op;
                }
            }

            return Word();
        }

        private void Skip()
        {
            while (_at < text.Length && text[_at] is (' ' or '\t'))
            {
                _at++;
            }
        }
    }
}
