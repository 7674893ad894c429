using System.CommandLine;
using Kaji.Startup;

namespace Kaji.Commands;

/// <summary><c>kaji stop</c>: ends the control plane; containers go on and are adopted by the next <c>kaji up</c>.</summary>
internal static class StopCommand
{
    public static Command Build()
    {
        var command = new Command("stop", "Stop the control plane; containers go on running.");
        command.SetAction(async (parsed, cancel) =>
        {
            Preconditions.Root("kaji stop");
            if (ServerProcess.Find(parsed.Paths()) is not { } pid)
            {
                Console.WriteLine("Kaji is not running.");
                return ExitCodes.Ok;
            }

            await ServerProcess.StopAsync(pid, cancel);
            Console.WriteLine("The control plane has stopped; containers go on. `kaji up` takes them over again.");
            return ExitCodes.Ok;
        });
        return command;
    }
}
