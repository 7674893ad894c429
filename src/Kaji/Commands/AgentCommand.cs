using System.CommandLine;
using System.Net;
using Kaji.Agents;
using Kaji.Client;
using Kaji.Engine;
using Kaji.Startup;
using Microsoft.Extensions.Logging;

namespace Kaji.Commands;

/// <summary><c>kaji agent</c>: this machine as a node of a server elsewhere, in the foreground, for systemd.</summary>
internal static class AgentCommand
{
    private static readonly Option<string?> Server = new("--server") { Description = "https://HOST:PORT of the server (kept after the first time)" };
    private static readonly Option<string?> Token = new("--token") { Description = "ID.SECRET from `kaji token create` (for the first time)" };
    private static readonly Option<string?> CaHash = new("--ca-hash") { Description = "sha256:HEX of the server's authority, checked beside the token's signature" };
    private static readonly Option<string?> NodeName = new("--node-name") { Description = "Name of this node (default: the host's name)" };
    private static readonly Option<string?> NodeIP = new("--node-ip") { Description = "Address under which the server reaches this node (default: the one by which it reaches the server)" };

    public static Command Build()
    {
        var command = new Command("agent", "Join a server as a node, in the foreground (SIGTERM stops it; containers go on).") { Server, Token, CaHash, NodeName, NodeIP };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancel)
    {
        var paths = parsed.Paths();
        try
        {
            Preconditions.Root("kaji agent");
            Preconditions.ToolsPresent();
            Preconditions.Writable(paths);
            var server = parsed.GetValue(Server) is not { } url ? null
                : Uri.TryCreate(url, UriKind.Absolute, out var parsedUrl) && parsedUrl.Scheme == Uri.UriSchemeHttps ? parsedUrl
                : throw new UserError($"--server {url}: expected https://HOST:PORT.", ExitCodes.Usage);

            var address = parsed.GetValue(NodeIP) is not { } text ? null : IPAddress.TryParse(text, out var ip) ? ip : throw new UserError($"--node-ip {text}: not an address.", ExitCodes.Usage);
            PrivateMounts.EnterOrContinue(paths);
            using var logging = LoggerFactory.Create(b => b.SetMinimumLevel(LogLevel.Information).AddProvider(new ServerLogging(LogLevel.Information, TimeProvider.System)));
            var options = new AgentOptions(server, parsed.GetValue(Token), parsed.GetValue(CaHash), parsed.GetValue(NodeName), address);
            try
            {
                await new AgentHost(paths, options, logging).RunAsync(cancel);
            }
            catch (Exception e) when ((e is EngineException or IOException or ApiException or HttpRequestException or InvalidOperationException) && e is not UserError)
            {
                throw new UserError(e.Message);
            }

            return ExitCodes.Ok;
        }
        catch (UserError e)
        {
            StartupNotifier.Failed(e.Message);
            throw;
        }
    }
}
