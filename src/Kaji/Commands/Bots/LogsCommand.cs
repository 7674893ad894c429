using System.CommandLine;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Client;

namespace Kaji.Commands.Bots;

/// <summary><c>kaji logs BOT</c>: what the acting Pod of a bot says.</summary>
internal static class LogsCommand
{
    private static readonly Option<bool> Follow = new("--follow", "-f") { Description = "Go on with what comes" };
    private static readonly Option<bool> Previous = new("--previous", "-p") { Description = "Of the epoch before" };
    private static readonly Option<int> Tail = new("--tail") { Description = "Lines from the end", DefaultValueFactory = _ => 100 };

    public static Command Build()
    {
        var command = new Command("logs", "Show what a bot says.") { BotTarget.Bot, Follow, Previous, Tail }.WithCluster();
        command.SetAction((parsed, cancel) => BotTarget.RunAsync(parsed, async client =>
            await RunAsync(client, await BotTarget.FindAsync(client, parsed, cancel), parsed.GetValue(Follow), parsed.GetValue(Previous), parsed.GetValue(Tail), cancel)));
        return command;
    }

    private static async Task<int> RunAsync(IApiClient client, Bot bot, bool follow, bool previous, int tail, CancellationToken cancel)
    {
        var (ns, name) = (bot.Metadata.NamespaceProperty, bot.Metadata.Name);
        var pods = (await client.ListAsync(Client.Kinds.Pod, ns, new ListOptions { LabelSelector = $"{BotNames.BotLabel}={name}" }, cancel)).Items.OrderByDescending(EpochOf).ToArray();
        var active = pods.FirstOrDefault(p => p.Metadata.Name == bot.Status?.ActivePod) ?? pods.FirstOrDefault();
        var pod = previous ? pods.FirstOrDefault(p => active is null || EpochOf(p) < EpochOf(active)) : active;
        if (pod is null)
        {
            throw new UserError(previous ? $"no Pod of an earlier epoch of {ns}/{name} is left." : $"{ns}/{name} has no Pod. `kaji why {ns}/{name}` tells why.");
        }

        using var response = await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, $"/api/v1/namespaces/{ns}/pods/{pod.Metadata.Name}/log?container={pod.Spec.Containers[0].Name}&tailLines={tail}{(follow ? "&follow=true" : "")}"), cancel);
        if (!response.IsSuccessStatusCode)
        {
            throw new UserError($"the log of {pod.Metadata.Name} can't be read: {await response.Content.ReadAsStringAsync(cancel)}");
        }

        await using var text = await response.Content.ReadAsStreamAsync(cancel);
        await using var output = Console.OpenStandardOutput();
        await text.CopyToAsync(output, cancel);
        return ExitCodes.Ok;
    }

    private static long EpochOf(V1Pod pod) => pod.Metadata.Labels.TryGetValue(BotNames.EpochLabel, out var epoch) && long.TryParse(epoch, out var number) ? number : 0;
}
