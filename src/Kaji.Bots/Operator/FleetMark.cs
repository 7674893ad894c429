using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Bots.Api;

namespace Kaji.Bots.Operator;

/// <summary>Which of its fleet's texts a bot has, as the fleet says them, before the server added defaults: an annotation, as <c>4f0c12ab90.77ab01c2de.</c></summary>
/// <param name="Version">Hash of what makes a version.</param>
/// <param name="Whole">Hash of all.</param>
/// <param name="Template">The change of the fleet with which the version came; empty for the one that the bot began with.</param>
public sealed record FleetMark(string Version, string Whole, string Template)
{
    public const string Annotation = BotNames.Group + "/fleet-version";
    private static readonly FleetMark None = new("", "", "");

    public static FleetMark Of(Bot bot) =>
        bot.Metadata.Annotations?.TryGetValue(Annotation, out var mark) == true && mark.Split('.') is [var version, var whole, var template] ? new FleetMark(version, whole, template) : None;

    public static FleetMark For(FleetMember member, string template) => new(member.Revision, WholeOf(member), template);

    /// <summary>Hash of what a fleet says of all its bots: another one is another change, which is rolled out.</summary>
    public static string TemplateOf(FleetSpec fleet) =>
        Hash(JsonSerializer.Serialize(fleet with { Matrix = null, Exclude = null, Name = null, Rollout = null, Bots = [.. (fleet.Bots ?? []).Where(b => b.Spec is not null)] }, BotJson.Default.FleetSpec));

    /// <summary>Whether a bot has the version that its fleet wants.</summary>
    public static bool HasVersion(Bot bot, FleetMember member)
    {
        var wants = member.Spec;
        return Of(bot).Version == member.Revision
            && Covers(bot.Spec, new BotSpec { Account = wants.Account, Markets = wants.Markets, Parameters = wants.Parameters, Start = wants.Start, Stop = wants.Stop, Metrics = wants.Metrics, Template = wants.Template });
    }

    /// <summary>Whether it has all that its fleet wants; a person's stop is theirs.</summary>
    public static bool HasAll(Bot bot, FleetMember member) => Of(bot).Whole == WholeOf(member) && Covers(bot.Spec, member.Spec with { Stopped = bot.Spec.Stopped });

    public override string ToString() => $"{Version}.{Whole}.{Template}";

    private static string WholeOf(FleetMember member) => Hash(JsonSerializer.Serialize(member.Spec, BotJson.Default.BotSpec));

    /// <summary>Whether a bot still has what the fleet gave it, apart from defaults: nobody has changed it by hand.</summary>
    private static bool Covers(BotSpec has, BotSpec wants) => Covers(JsonSerializer.SerializeToNode(has, BotJson.Default.BotSpec), JsonSerializer.SerializeToNode(wants, BotJson.Default.BotSpec));

    private static bool Covers(JsonNode? has, JsonNode? wants) => (has, wants) switch
    {
        (_, null) => true,
        (JsonObject h, JsonObject w) => w.All(p => Covers(h[p.Key], p.Value)),
        (JsonArray h, JsonArray w) => h.Count == w.Count && h.Zip(w).All(p => Covers(p.First, p.Second)),
        _ => JsonNode.DeepEquals(has, wants),
    };

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..10];
}
