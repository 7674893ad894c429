using System.CommandLine;
using System.CommandLine.Parsing;
using Kaji.Cluster;
using Kaji.Commands.Bots;

namespace Kaji.Commands;

/// <summary>The command tree, and the options that all commands share. A command is one file beside this one.</summary>
internal static class CommandLine
{
    public static readonly Option<DirectoryInfo> DataDirectory = new("--data-dir")
    {
        Description = "Where the cluster keeps everything",
        DefaultValueFactory = _ => new DirectoryInfo(ClusterPaths.DefaultDataDirectory),
        Recursive = true,
    };

    public static RootCommand Build()
    {
        var root = new RootCommand("Kaji runs fleets of bots, and any other containers, behind the Kubernetes API.")
        {
            UpCommand.Build(),
            StatusCommand.Build(),
            StopCommand.Build(),
            DownCommand.Build(),
            ServerCommand.Build(),
            ImageCommand.Build(),
            DemoCommand.Build(),
            TokenCommand.Build(),
            AgentCommand.Build(),
            BotsCommand.Build(),
            WhyCommand.Build(),
            LogsCommand.Build(),
            DeployCommand.BuildDeploy(),
            DeployCommand.BuildRollback(),
            RestCommand.BuildStart(),
            HaltCommand.BuildHalt(),
            HaltCommand.BuildResume(),
            OperatorCommand.Build(),
            GuardCommand.Build(),
            WardenCommand.Build(),
        };
        root.Options.Add(DataDirectory);
        return root;
    }

    /// <summary>The words that lead to a command, as <c>kaji image build</c>.</summary>
    public static string PathOf(CommandResult result)
    {
        var words = new List<string>();
        for (SymbolResult? at = result; at is not null; at = at.Parent)
        {
            if (at is CommandResult command)
            {
                words.Insert(0, command.Command is RootCommand ? "kaji" : command.Command.Name);
            }
        }

        return string.Join(' ', words);
    }

    /// <summary>The paths of the cluster that a command line names.</summary>
    public static ClusterPaths Paths(this ParseResult parsed) => new(parsed.GetValue(DataDirectory)!.FullName);
}
