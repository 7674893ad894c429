namespace Kaji;

/// <summary>What ends a command with one sentence for the person who typed it, instead of a stack trace.</summary>
internal sealed class UserError(string message, int exitCode = ExitCodes.Failed) : Exception(message)
{
    public int ExitCode { get; } = exitCode;
}

/// <summary>What the executable returns.</summary>
internal static class ExitCodes
{
    public const int Ok = 0;
    public const int Failed = 1;

    /// <summary>The command line could not be understood.</summary>
    public const int Usage = 2;

    public const int Interrupted = 130;
}
