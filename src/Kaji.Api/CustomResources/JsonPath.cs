using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.Api.CustomResources;

/// <summary>
/// kubectl's JSONPath, as far as columns may use it: <c>.status.conditions[?(@.type=="Ready")].status</c>, <c>.spec.ports[0].name</c>, <c>.a['b.c']</c>, <c>[*]</c>, <c>[1:3]</c>, <c>..name</c>.
/// https://kubernetes.io/docs/reference/kubectl/jsonpath/
/// </summary>
public sealed class JsonPath
{
    private readonly List<Func<JsonNode, IEnumerable<JsonNode?>>> _steps = [];

    private JsonPath()
    {
    }

    /// <summary>Why the path can't be read; null when it can.</summary>
    public string? Wrong { get; private set; }

    public static JsonPath Parse(string text)
    {
        var path = new JsonPath();
        path.Read(text.TrimStart('$'));
        return path;
    }

    /// <summary>What the path leads to, in order; nothing where it leads nowhere.</summary>
    public IEnumerable<JsonNode?> Find(JsonNode? root)
    {
        if (Wrong is not null)
        {
            return [];
        }

        IEnumerable<JsonNode?> found = [root];
        foreach (var step in _steps)
        {
            found = found.Where(n => n is not null).SelectMany(n => step(n!)).ToArray();
        }

        return found;
    }

    private void Read(string text)
    {
        var at = 0;
        while (at < text.Length && Wrong is null)
        {
            if (text[at] == '[')
            {
                var end = Close(text, at);
                if (end < 0)
                {
                    Wrong = "unterminated array";
                    return;
                }

                Bracket(text[(at + 1)..end].Trim());
                at = end + 1;
                continue;
            }

            if (text.AsSpan(at).StartsWith(".."))
            {
                _steps.Add(Descend);
                at += 2;
            }
            else if (text[at] == '.')
            {
                at++;
            }
            else if (at > 0)
            {
                Wrong = $"unexpected character: {text[at]}";
                return;
            }

            var name = new System.Text.StringBuilder();
            while (at < text.Length && text[at] is not ('.' or '['))
            {
                if (text[at] == '\\' && at + 1 < text.Length)
                {
                    at++;
                }

                name.Append(text[at++]);
            }

            if (name.Length > 0)
            {
                Field(name.ToString());
            }
        }
    }

    private void Field(string name) => _steps.Add(name == "*" ? All : node => node is JsonObject obj && obj.TryGetPropertyValue(name, out var value) ? [value] : []);

    private void Bracket(string inside)
    {
        if (inside == "*")
        {
            _steps.Add(All);
        }
        else if (inside.StartsWith("?(", StringComparison.Ordinal) && inside.EndsWith(')'))
        {
            Filter(inside[2..^1].Trim());
        }
        else if (inside.Length >= 2 && inside[0] is '\'' or '"' && inside[^1] == inside[0])
        {
            Field(inside[1..^1]);
        }
        else if (inside.Contains(':', StringComparison.Ordinal))
        {
            Slice(inside);
        }
        else if (int.TryParse(inside, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var index))
        {
            _steps.Add(node => node is JsonArray list && (index < 0 ? list.Count + index : index) is var i && i >= 0 && i < list.Count ? [list[i]] : []);
        }
        else
        {
            Wrong = $"invalid array index {inside}";
        }
    }

    private void Slice(string inside)
    {
        var parts = inside.Split(':');
        var numbers = new int?[3];
        for (var i = 0; i < parts.Length && i < 3; i++)
        {
            if (parts[i].Trim() is { Length: > 0 } text)
            {
                if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
                {
                    Wrong = $"invalid array index {inside}";
                    return;
                }

                numbers[i] = number;
            }
        }

        _steps.Add(node =>
        {
            if (node is not JsonArray list)
            {
                return [];
            }

            int At(int? said, int otherwise) => Math.Clamp(said is { } n ? n < 0 ? list.Count + n : n : otherwise, 0, list.Count);
            var (from, to, step) = (At(numbers[0], 0), At(numbers[1], list.Count), Math.Max(1, numbers[2] ?? 1));
            return Enumerable.Range(0, Math.Max(0, to - from)).Where(i => i % step == 0).Select(i => list[from + i]);
        });
    }

    private void Filter(string condition)
    {
        foreach (var operation in (string[])["==", "!=", "<=", ">=", "<", ">"])
        {
            var at = condition.IndexOf(operation, StringComparison.Ordinal);
            if (at < 0)
            {
                continue;
            }

            var (left, right) = (Side(condition[..at].Trim()), Side(condition[(at + operation.Length)..].Trim()));
            _steps.Add(node => Children(node).Where(child => left(child).Any(a => right(child).Any(b => Holds(a, operation, b)))));
            return;
        }

        var present = Side(condition);
        _steps.Add(node => Children(node).Where(child => present(child).Any()));
    }

    private static Func<JsonNode?, IEnumerable<JsonNode?>> Side(string text)
    {
        if (text.StartsWith('@'))
        {
            var path = Parse(text[1..]);
            return node => path.Find(node);
        }

        JsonNode? literal = text.Length >= 2 && text[0] is '\'' or '"' && text[^1] == text[0] ? text[1..^1]
            : text is "true" or "false" ? text == "true"
            : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number
            : text;
        return _ => [literal];
    }

    private static bool Holds(JsonNode? a, string operation, JsonNode? b)
    {
        if (a is null || b is null)
        {
            return operation == "!=" && !(a is null && b is null);
        }

        int order;
        if (a.GetValueKind() == JsonValueKind.Number && b.GetValueKind() == JsonValueKind.Number)
        {
            order = JsonNumbers.Of(a.AsValue()).CompareTo(JsonNumbers.Of(b.AsValue()));
        }
        else
        {
            order = string.CompareOrdinal(a.Text(), b.Text());
        }

        return operation switch { "==" => order == 0, "!=" => order != 0, "<" => order < 0, ">" => order > 0, "<=" => order <= 0, _ => order >= 0 };
    }

    private static IEnumerable<JsonNode?> Children(JsonNode node) => node switch { JsonArray list => list, JsonObject obj => obj.Select(p => p.Value), _ => [] };

    private static IEnumerable<JsonNode?> All(JsonNode node) => Children(node);

    private static IEnumerable<JsonNode?> Descend(JsonNode node) => [node, .. Children(node).Where(c => c is not null).SelectMany(c => Descend(c!))];

    /// <summary>The bracket that closes the one at <paramref name="open"/>, quotes and inner brackets aside.</summary>
    private static int Close(string text, int open)
    {
        var (depth, quote) = (0, '\0');
        for (var i = open; i < text.Length; i++)
        {
            var c = text[i];
            if (quote != '\0')
            {
                quote = c == quote ? '\0' : quote;
            }
            else if (c is '\'' or '"')
            {
                quote = c;
            }
            else if (c == '[')
            {
                depth++;
            }
            else if (c == ']' && --depth == 0)
            {
                return i;
            }
        }

        return -1;
    }
}
