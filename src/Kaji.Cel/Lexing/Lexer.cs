using System.Globalization;

namespace Kaji.Cel.Lexing;

/// <summary>First station: text to words. A character that begins no word is reported and passed over.</summary>
internal sealed class Lexer(Source source)
{
    private static readonly string[] Symbols = ["==", "!=", "<=", ">=", "&&", "||", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")", "[", "]", "{", "}"];
    private readonly string text = source.Text;
    private int at;

    public List<Token> Read()
    {
        var tokens = new List<Token>();
        while (true)
        {
            SkipSpace();
            if (at >= text.Length)
            {
                tokens.Add(new Token(TokenKind.End, text.Length, string.Empty));
                return tokens;
            }

            var start = at;
            if (Next() is { } token)
            {
                tokens.Add(token);
            }
            else
            {
                at = Math.Max(at, start + 1);
                source.Report(start, $"Syntax error: token recognition error at: '{text[start..at]}'");
            }
        }
    }

    private void SkipSpace()
    {
        while (at < text.Length)
        {
            if (text[at] is ' ' or '\t' or '\n' or '\r' or '\f')
            {
                at++;
            }
            else if (text.AsSpan(at).StartsWith("//"))
            {
                var end = text.IndexOf('\n', at);
                at = end < 0 ? text.Length : end;
            }
            else
            {
                return;
            }
        }
    }

    private Token? Next()
    {
        var c = text[at];
        if (char.IsAsciiDigit(c) || (c == '.' && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1])))
        {
            return Number();
        }

        if (StringLiteral.Starts(text, at))
        {
            return ReadString();
        }

        if (char.IsAsciiLetter(c) || c == '_')
        {
            var start = at;
            while (at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] == '_'))
            {
                at++;
            }

            var word = text[start..at];
            return new Token(word is "true" or "false" or "null" or "in" ? TokenKind.Keyword : TokenKind.Identifier, start, word);
        }

        foreach (var symbol in Symbols)
        {
            if (text.AsSpan(at).StartsWith(symbol, StringComparison.Ordinal))
            {
                var start = at;
                at += symbol.Length;
                return new Token(TokenKind.Symbol, start, symbol);
            }
        }

        return null;
    }

    private Token Number()
    {
        var start = at;
        if (text[at] == '0' && at + 2 < text.Length + 0 && text[at + 1] == 'x' && char.IsAsciiHexDigit(text[at + 2]))
        {
            at += 2;
            Run(char.IsAsciiHexDigit);
            return Whole(start, text[(start + 2)..at], NumberStyles.AllowHexSpecifier);
        }

        Run(char.IsAsciiDigit);
        var real = false;
        if (at + 1 < text.Length && text[at] == '.' && char.IsAsciiDigit(text[at + 1]))
        {
            real = true;
            at++;
            Run(char.IsAsciiDigit);
        }

        if (at < text.Length && text[at] is 'e' or 'E')
        {
            var digits = at + 1 < text.Length && text[at + 1] is '+' or '-' ? at + 2 : at + 1;
            if (digits < text.Length && char.IsAsciiDigit(text[digits]))
            {
                real = true;
                at = digits;
                Run(char.IsAsciiDigit);
            }
        }

        return real
            ? new Token(TokenKind.Double, start, text[start..at], double.Parse(text.AsSpan(start, at - start), NumberStyles.Float, CultureInfo.InvariantCulture))
            : Whole(start, text[start..at], NumberStyles.None);
    }

    // Whole numbers stay unsigned here: a minus before them may belong to the literal, as in -9223372036854775808.
    private Token Whole(int start, string digits, NumberStyles style)
    {
        object? value = digits.TrimStart('0').Length <= 20 && ulong.TryParse(digits, style, CultureInfo.InvariantCulture, out var number) ? number : null;
        if (at < text.Length && text[at] is 'u' or 'U')
        {
            at++;
            return new Token(TokenKind.Uint, start, text[start..at], value);
        }

        return new Token(TokenKind.Int, start, text[start..at], value);
    }

    private void Run(Func<char, bool> within)
    {
        while (at < text.Length && within(text[at]))
        {
            at++;
        }
    }

    private Token? ReadString()
    {
        var start = at;
        var literal = StringLiteral.Read(text, ref at, out var wrong);
        if (wrong is not null)
        {
            source.Report(start, wrong);
            return new Token(TokenKind.String, start, text[start..at], string.Empty);
        }

        return literal is null ? null : new Token(literal is byte[] ? TokenKind.Bytes : TokenKind.String, start, text[start..at], literal);
    }
}
