using System.Text;

namespace Kaji.Cel.Lexing;

/// <summary>
/// An expression's text and what was found wrong with it. Issues print as cel-go prints them:
/// <code>
/// ERROR: &lt;input&gt;:1:5: undeclared reference to 'x' (in container '')
///  | 1 + x
///  | ....^
/// </code>
/// </summary>
internal sealed class Source(string text)
{
    public const int MaxIssues = 100;
    private readonly List<CelIssue> issues = [];

    public string Text => text;

    public IReadOnlyList<CelIssue> Issues => issues;

    public void Report(int position, string message)
    {
        if (issues.Count >= MaxIssues)
        {
            return;
        }

        position = Math.Clamp(position, 0, text.Length);
        var line = 1;
        var start = 0;
        for (var i = 0; i < position; i++)
        {
            if (text[i] == '\n')
            {
                line++;
                start = i + 1;
            }
        }

        var column = 1;
        for (var i = start; i < position; i++)
        {
            column += char.IsLowSurrogate(text[i]) ? 0 : 1;
        }

        if (!issues.Exists(issue => issue.Line == line && issue.Column == column && issue.Message == message))
        {
            issues.Add(new CelIssue(message, line, column));
        }
    }

    public static string Print(string text, IEnumerable<CelIssue> issues)
    {
        var lines = text.Split('\n');
        var all = new StringBuilder();
        foreach (var issue in issues.OrderBy(issue => issue.Line).ThenBy(issue => issue.Column))
        {
            all.Append(all.Length > 0 ? "\n" : string.Empty).Append("ERROR: <input>:").Append(issue.Line).Append(':').Append(issue.Column).Append(": ").Append(issue.Message);
            if (issue.Line <= lines.Length)
            {
                var line = lines[issue.Line - 1].Replace('\t', ' ').TrimEnd('\r');
                all.Append("\n | ").Append(line).Append("\n | ");
                var runes = line.EnumerateRunes();
                for (var i = 1; i < issue.Column; i++)
                {
                    all.Append(runes.MoveNext() && IsWide(runes.Current) ? '．' : '.');
                }

                all.Append(runes.MoveNext() && IsWide(runes.Current) ? '＾' : '^');
            }
        }

        return all.ToString();
    }

    // A caret under a character of double width has to be wide itself.
    private static bool IsWide(Rune rune) => rune.Value is >= 0x1100 and <= 0x115f or >= 0x2e80 and <= 0xa4cf or >= 0xac00 and <= 0xd7a3 or >= 0xf900 and <= 0xfaff or >= 0xff00 and <= 0xff60 or >= 0x1f300;
}
