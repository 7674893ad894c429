using System.Globalization;

namespace Kaji.Linux.Processes;

/// <summary>Signal names to numbers, as in Dockerfiles (<c>SIGQUIT</c>, <c>QUIT</c>, <c>3</c>, <c>SIGRTMIN+3</c>).</summary>
public static class Signals
{
    public const int Kill = 9, Terminate = 15, WindowChanged = 28;
    private const int RealTimeFirst = 34;

    private static readonly string[] Names =
    [
        "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT",
        "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];

    /// <summary>Null when it names none.</summary>
    public static int? Parse(string text)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return number is > 0 and < 65 ? number : null;
        }

        var name = text.ToUpperInvariant();
        name = name.StartsWith("SIG", StringComparison.Ordinal) ? name[3..] : name;
        if (name.StartsWith("RTMIN", StringComparison.Ordinal))
        {
            return name.Length == 5 ? RealTimeFirst : int.TryParse(name[5..], CultureInfo.InvariantCulture, out var offset) && offset is >= 0 and <= 30 ? RealTimeFirst + offset : null;
        }

        var index = Array.IndexOf(Names, name);
        return index > 0 ? index : null;
    }
}
