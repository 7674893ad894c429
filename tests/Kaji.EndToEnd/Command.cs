using System.Diagnostics;
using System.Text;

namespace Kaji.EndToEnd;

/// <summary>What a program printed, and how it ended.</summary>
public sealed record Outcome(string Line, int Code, string Output, string Error)
{
    /// <summary>This, when it ended well; else the test fails with all that was said.</summary>
    public Outcome Ok()
    {
        Assert.True(Code == 0, $"`{Line}` ended with {Code}\n{Output}\n{Error}");
        return this;
    }

    /// <summary>This, when its output holds <paramref name="part"/>.</summary>
    public Outcome Contains(string part)
    {
        Assert.Contains(part, Output, StringComparison.Ordinal);
        return this;
    }

    /// <summary>This, when it was refused with a sentence that holds <paramref name="part"/>.</summary>
    public Outcome Refused(string part)
    {
        Assert.True(Code != 0, $"`{Line}` was not refused:\n{Output}");
        Assert.Contains(part, Error + Output, StringComparison.Ordinal);
        return this;
    }
}

/// <summary>Runs programs as a user would, bounded in time.</summary>
public static class Command
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    public static Task<Outcome> RunAsync(string program, params string[] arguments) => RunAsync(program, arguments, input: null, environment: null);

    public static async Task<Outcome> RunAsync(string program, IReadOnlyList<string> arguments, string? input, IReadOnlyDictionary<string, string>? environment)
    {
        using var process = Start(program, arguments, environment);
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        if (input is not null)
        {
            await process.StandardInput.WriteAsync(input);
        }

        process.StandardInput.Close();
        using var limit = new CancellationTokenSource(Limit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"`{program} {string.Join(' ', arguments)}` did not end in {Limit}:\n{await output}\n{await error}");
        }

        return new Outcome($"{program} {string.Join(' ', arguments)}", process.ExitCode, await output, await error);
    }

    /// <summary>A program that goes on while the test does other things.</summary>
    public static Process Start(string program, IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8, UseShellExecute = false,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>(StringComparer.Ordinal))
        {
            start.Environment[name] = value;
        }

        return Process.Start(start) ?? throw new InvalidOperationException($"{program} could not be started.");
    }
}
