using System.CommandLine;
using Kaji.Node.Guard;

namespace Kaji.Commands;

/// <summary><c>kaji guard</c> (hidden): the process that kills fenced Pods at their deadlines; started by the node agent.</summary>
internal static class GuardCommand
{
    public static Command Build()
    {
        var command = new Command("guard", "Kill fenced Pods at their deadlines.") { Hidden = true };
        command.SetAction(parsed =>
        {
            var paths = parsed.Paths();
            TrySurviveMemoryPressure();
            new GuardServer(paths.GuardSocket, paths.Cgroup, line => Console.Error.WriteLine($"{TimeProvider.System.GetUtcNow():yyyy-MM-ddTHH:mm:ss.fffZ} {line}")).Run();
            return ExitCodes.Ok;
        });
        return command;
    }

    private static void TrySurviveMemoryPressure()
    {
        try
        {
            File.WriteAllText("/proc/self/oom_score_adj", "-1000");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"the guard can't be spared from the out-of-memory killer: {e.Message}");
        }
    }
}
