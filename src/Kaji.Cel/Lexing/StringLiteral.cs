using System.Globalization;
using System.Text;

namespace Kaji.Cel.Lexing;

/// <summary>
/// String and bytes literals: <c>'a\n'</c>, <c>"a"</c>, <c>'''over lines'''</c>, <c>r'\d'</c>, <c>b'\xff'</c>.
/// </summary>
internal static class StringLiteral
{
    public static bool Starts(string text, int at)
    {
        for (var i = at; i < text.Length && i < at + 3; i++)
        {
            if (text[i] is '"' or '\'')
            {
                return i - at < 2 || char.ToLowerInvariant(text[at]) != char.ToLowerInvariant(text[at + 1]);
            }

            if (text[i] is not ('r' or 'R' or 'b' or 'B'))
            {
                return false;
            }
        }

        return false;
    }

    /// <summary>A string, a byte array, or null when the literal has no end (<paramref name="at"/> is then at the end of what can't be read).</summary>
    public static object? Read(string text, ref int at, out string? wrong)
    {
        wrong = null;
        var raw = false;
        var bytes = false;
        while (text[at] is not ('"' or '\''))
        {
            raw |= text[at] is 'r' or 'R';
            bytes |= text[at] is 'b' or 'B';
            at++;
        }

        var quote = text[at];
        var triple = at + 2 < text.Length && text[at + 1] == quote && text[at + 2] == quote;
        at += triple ? 3 : 1;
        var content = at;
        while (true)
        {
            if (at >= text.Length || (!triple && text[at] is '\n' or '\r'))
            {
                return null;
            }

            if (text[at] == '\\' && !raw)
            {
                at = Math.Min(at + 2, text.Length);
                continue;
            }

            if (text[at] == quote && (!triple || (at + 2 < text.Length && text[at + 1] == quote && text[at + 2] == quote)))
            {
                break;
            }

            at++;
        }

        var body = text[content..at];
        at += triple ? 3 : 1;
        if (triple)
        {
            body = body.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        }

        if (raw)
        {
            return bytes ? Encoding.UTF8.GetBytes(body) : body;
        }

        var result = new MemoryStream();
        var plain = new StringBuilder();
        for (var i = 0; i < body.Length; i++)
        {
            if (body[i] != '\\')
            {
                plain.Append(body[i]);
                continue;
            }

            if (!TryEscape(body, ref i, bytes, out var code, out var isByte))
            {
                wrong = "invalid string literal: unable to unescape string";
                return null;
            }

            if (isByte)
            {
                result.Write(Encoding.UTF8.GetBytes(plain.ToString()));
                plain.Clear();
                result.WriteByte((byte)code);
            }
            else
            {
                plain.Append(new Rune(code).ToString());
            }
        }

        if (!bytes)
        {
            return plain.ToString();
        }

        result.Write(Encoding.UTF8.GetBytes(plain.ToString()));
        return result.ToArray();
    }

    private static bool TryEscape(string body, ref int i, bool bytes, out int code, out bool isByte)
    {
        code = 0;
        isByte = false;
        if (++i >= body.Length)
        {
            return false;
        }

        var c = body[i];
        var simple = "abfnrtv\\'\"`?".IndexOf(c, StringComparison.Ordinal);
        if (simple >= 0)
        {
            code = "\a\b\f\n\r\t\v\\'\"`?"[simple];
            return true;
        }

        var (start, length, radix) = c switch
        {
            'x' or 'X' => (i + 1, 2, 16),
            'u' when !bytes => (i + 1, 4, 16),
            'U' when !bytes => (i + 1, 8, 16),
            >= '0' and <= '3' => (i, 3, 8),
            _ => (0, 0, 0),
        };
        if (length == 0 || start + length > body.Length)
        {
            return false;
        }

        var digits = body.AsSpan(start, length);
        if (radix == 16)
        {
            if (!int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out code))
            {
                return false;
            }
        }
        else
        {
            foreach (var digit in digits)
            {
                if (digit is < '0' or > '7')
                {
                    return false;
                }

                code = (code * 8) + digit - '0';
            }
        }

        i = start + length - 1;
        isByte = bytes;
        return isByte || Rune.IsValid(code);
    }
}
