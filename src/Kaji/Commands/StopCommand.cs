using System.CommandLine;
using Kaji.Commands.Bots;
using Kaji.Startup;

namespace Kaji.Commands;

/// <summary><c>kaji stop [BOT]</c>: brings a bot to rest; or ends the control plane; containers go on and are adopted by the next <c>kaji up</c>.</summary>
internal static class StopCommand
{
    public static Command Build()
    {
        var bot = new Argument<string?>("BOT") { Description = "A bot that is to be brought to rest; without it the control plane is stopped", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("stop", "Stop a bot in order; without a name stop the control plane (containers go on running).") { bot }.WithCluster();
        command.SetAction(async (parsed, cancel) =>
        {
            if (parsed.GetValue(bot) is { } name)
            {
                return await RestCommand.StopAsync(parsed, name, cancel);
            }

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
