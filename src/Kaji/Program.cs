using Kaji.Commands;

namespace Kaji;

internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        var parsed = CommandLine.Build().Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
            {
                await Console.Error.WriteLineAsync($"kaji: {error.Message}");
            }

            await Console.Error.WriteLineAsync($"See '{CommandLine.PathOf(parsed.CommandResult)} --help'.");
            return ExitCodes.Usage;
        }

        try
        {
            return await parsed.InvokeAsync(new System.CommandLine.InvocationConfiguration { EnableDefaultExceptionHandler = false });
        }
        catch (UserError e)
        {
            await Console.Error.WriteLineAsync($"kaji: {e.Message}");
            return e.ExitCode;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Files that can't be read or written say by themselves which and why.
            await Console.Error.WriteLineAsync($"kaji: {e.Message}");
            return ExitCodes.Failed;
        }
        catch (OperationCanceledException)
        {
            return ExitCodes.Interrupted;
        }
    }
}
