using System.Text;

namespace Kaji.Cel.Json;

/// <summary>
/// Property names as expressions write them: <c>foo-bar</c> is <c>foo__dash__bar</c>, <c>a.b</c> is <c>a__dot__b</c>, <c>x__y</c> is <c>x__underscores__y</c>, <c>namespace</c> is <c>__namespace__</c>.
/// </summary>
public static class CelEscaping
{
    private static readonly HashSet<string> Reserved = new(StringComparer.Ordinal)
    {
        "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package", "namespace", "return", "var", "void", "while",
    };

    /// <summary>The identifier for a property, or false when no identifier can name it.</summary>
    public static bool TryEscape(string name, out string escaped)
    {
        escaped = string.Empty;
        if (name.Length == 0 || char.IsAsciiDigit(name[0]))
        {
            return false;
        }

        if (Reserved.Contains(name))
        {
            escaped = $"__{name}__";
            return true;
        }

        var text = new StringBuilder(name.Length);
        for (var i = 0; i < name.Length; i++)
        {
            var c = name[i];
            if (c == '_' && i + 1 < name.Length && name[i + 1] == '_')
            {
                text.Append("__underscores__");
                i++;
                continue;
            }

            var part = c switch
            {
                '.' => "__dot__",
                '-' => "__dash__",
                '/' => "__slash__",
                '_' => "_",
                _ when char.IsAsciiLetterOrDigit(c) => null,
                _ => string.Empty,
            };
            if (part is { Length: 0 })
            {
                return false;
            }

            _ = part is null ? text.Append(c) : text.Append(part);
        }

        escaped = text.ToString();
        return true;
    }

    /// <summary>The property that an identifier names, or false when the identifier holds a sequence that means nothing.</summary>
    public static bool TryUnescape(string identifier, out string name)
    {
        name = identifier;
        if (!identifier.Contains("__", StringComparison.Ordinal))
        {
            return true;
        }

        var text = new StringBuilder(identifier.Length);
        for (var i = 0; i < identifier.Length;)
        {
            var end = identifier.AsSpan(i).StartsWith("__") ? identifier.IndexOf('_', i + 2) : -1;
            if (end <= i + 2 || end + 1 >= identifier.Length || identifier[end + 1] != '_')
            {
                text.Append(identifier[i++]);
                continue;
            }

            var word = identifier[(i + 2)..end];
            var plain = word switch
            {
                "underscores" => "__",
                "dot" => ".",
                "dash" => "-",
                "slash" => "/",
                _ when Reserved.Contains(word) && word.Length + 4 == identifier.Length => word,
                _ => null,
            };
            if (plain is null)
            {
                return false;
            }

            text.Append(plain);
            i = end + 2;
        }

        name = text.ToString();
        return true;
    }
}
