using System.CommandLine;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Client;
using Kaji.Cluster;

namespace Kaji.Commands.Bots;

/// <summary>How a command line names a cluster and a bot on it: NAME, or NAMESPACE/NAME; of Kaji's own cluster, or of any that a kubeconfig names.</summary>
internal static class BotTarget
{
    public static readonly Option<string?> Kubeconfig = new("--kubeconfig") { Description = "Another cluster than this machine's own" };

    public static readonly Option<string?> Namespace = new("--namespace", "-n") { Description = "Namespace (default: wherever there is a bot of that name)" };

    public static readonly Argument<string> Bot = new("BOT") { Description = "Name of the bot, or NAMESPACE/NAME" };

    /// <summary>Adds what each command about bots takes.</summary>
    public static Command WithCluster(this Command command)
    {
        command.Add(Kubeconfig);
        command.Add(Namespace);
        return command;
    }

    /// <exception cref="UserError">No cluster can be reached by what was said.</exception>
    public static ClusterConnection Connect(ParseResult parsed) =>
        parsed.GetValue(Kubeconfig) is { } file ? ClusterConnection.Open(file) : ClusterConnection.Open(parsed.Paths());

    /// <summary>The bot that was named.</summary>
    /// <exception cref="UserError">There is none, or there are several.</exception>
    public static Task<Bot> FindAsync(IApiClient client, ParseResult parsed, CancellationToken cancel) => FindAsync(client, parsed, parsed.GetValue(Bot)!, cancel);

    /// <inheritdoc cref="FindAsync(IApiClient, ParseResult, CancellationToken)"/>
    public static async Task<Bot> FindAsync(IApiClient client, ParseResult parsed, string text, CancellationToken cancel)
    {
        var (ns, name) = text.Split('/') is [var first, var second] ? (first, second) : (parsed.GetValue(Namespace), text);
        if (ns is not null)
        {
            return await client.FindAsync(BotKinds.Bot, ns, name, cancel) ?? throw new UserError($"there is no bot {ns}/{name}. `kaji bots` shows those that there are.");
        }

        var all = (await client.ListAsync(BotKinds.Bot, null, cancellationToken: cancel)).Items;
        var found = all.Where(b => b.Metadata.Name == name).ToArray();
        return found.Length switch
        {
            1 => found[0],
            0 => throw new UserError($"there is no bot {name}.{Near(all, name)} `kaji bots` shows those that there are."),
            _ => throw new UserError($"there are several bots {name}: {string.Join(", ", found.Select(b => $"{b.Metadata.NamespaceProperty}/{b.Metadata.Name}"))}. Say which."),
        };
    }

    /// <summary>Merges a change into a bot's spec.</summary>
    public static Task<Bot> PatchAsync(IApiClient client, Bot bot, System.Text.Json.Nodes.JsonObject spec, CancellationToken cancel) =>
        client.PatchAsync(BotKinds.Bot, bot.Metadata.NamespaceProperty, bot.Metadata.Name, Patch.Merge(System.Text.Encoding.UTF8.GetBytes(new System.Text.Json.Nodes.JsonObject { ["spec"] = spec }.ToJsonString())), cancellationToken: cancel);

    /// <summary>Runs a command that talks to a cluster; a server that refuses or can't be reached is a sentence.</summary>
    public static async Task<int> RunAsync(ParseResult parsed, Func<IApiClient, Task<int>> run)
    {
        using var connection = Connect(parsed);
        try
        {
            return await run(connection.Client);
        }
        catch (ApiException e) when (e.IsNotFound && e.Message.Contains("the server could not find the requested resource", StringComparison.Ordinal))
        {
            throw new UserError($"{connection.Server} knows no bots: install the operator with `kaji operator --kubeconfig FILE`.");
        }
        catch (ApiException e)
        {
            throw new UserError(e.Message);
        }
        catch (HttpRequestException e)
        {
            throw new UserError($"{connection.Server} can't be reached: {e.Message}. Is Kaji up? `kaji status` tells.");
        }
    }

    private static string Near(IEnumerable<Bot> all, string name) =>
        all.Select(b => b.Metadata.Name).FirstOrDefault(n => n.Contains(name, StringComparison.OrdinalIgnoreCase) || name.Contains(n, StringComparison.OrdinalIgnoreCase)) is { } near ? $" Did you mean {near}?" : "";
}
