using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Bots.Api;

namespace Kaji.Bots.Operator;

/// <summary>
/// A fleet's overrides for one of its bots, as <c>kaji deploy</c> and <c>kaji rollback</c> write them: what one bot has that the fleet's template does not say. Each is a merge
/// patch (RFC 7386) of the bot's spec.
/// </summary>
public static class FleetOverrides
{
    /// <summary>The fleet with a change for one bot, over what was changed for it before.</summary>
    public static FleetSpec With(FleetSpec fleet, string bot, JsonObject change)
    {
        var own = OwnOf(fleet, bot);
        Compose(own, change);
        return Replaced(fleet, bot, own);
    }

    /// <summary>The fleet with one bot as it was in an earlier version.</summary>
    public static FleetSpec Back(BotFleet fleet, Bot bot, BotRevision version)
    {
        var own = OwnOf(fleet.Spec, bot.Metadata.Name);
        Compose(own, Difference(Json(bot.Spec), Json(BotHistory.Restored(bot, version).Spec)));
        var (without, with) = (Replaced(fleet.Spec, bot.Metadata.Name, []), Replaced(fleet.Spec, bot.Metadata.Name, own));

        // What says the same as the template must not hold the bot back when the template changes.
        return Rendered(fleet, without, bot) is { } plain && Rendered(fleet, with, bot) is { } overridden && JsonNode.DeepEquals(plain, overridden) ? without : with;
    }

    private static JsonObject OwnOf(FleetSpec fleet, string bot) => fleet.Overrides?.FirstOrDefault(o => o.Bot == bot)?.Spec is { } spec ? (JsonObject)spec.DeepClone() : [];

    private static FleetSpec Replaced(FleetSpec fleet, string bot, JsonObject own) =>
        fleet with { Overrides = [.. (fleet.Overrides ?? []).Where(o => o.Bot != bot), .. own.Count > 0 ? [new FleetOverride { Bot = bot, Spec = own }] : Array.Empty<FleetOverride>()] };

    private static JsonNode? Rendered(BotFleet fleet, FleetSpec spec, Bot bot) =>
        FleetPlan.Of(fleet with { Spec = spec }).Members.FirstOrDefault(m => m.Name == bot.Metadata.Name) is { } member ? Json(member.Spec) : null;

    private static JsonObject Json(BotSpec spec) => (JsonObject)JsonSerializer.SerializeToNode(spec, BotJson.Default.BotSpec)!;

    /// <summary>One patch after another, as one. What the later takes away again is left out where the earlier had brought it.</summary>
    private static void Compose(JsonObject patch, JsonObject later)
    {
        foreach (var (key, value) in later)
        {
            if (value is null && patch.Remove(key))
            {
                continue;
            }

            if (value is JsonObject inner)
            {
                var present = patch[key] as JsonObject ?? [];
                Compose(present, inner);
                patch.Remove(key);
                if (present.Count == 0)
                {
                    continue;
                }

                patch[key] = present;
            }
            else
            {
                patch[key] = value?.DeepClone();
            }
        }
    }

    /// <summary>The patch that makes the one of the other.</summary>
    private static JsonObject Difference(JsonObject from, JsonObject to)
    {
        var patch = new JsonObject();
        foreach (var key in from.Select(p => p.Key).Concat(to.Select(p => p.Key)).Distinct(StringComparer.Ordinal).ToArray())
        {
            if (from[key] is JsonObject a && to[key] is JsonObject b)
            {
                if (Difference(a, b) is { Count: > 0 } inner)
                {
                    patch[key] = inner;
                }
            }
            else if (!JsonNode.DeepEquals(from[key], to[key]))
            {
                patch[key] = to[key]?.DeepClone();
            }
        }

        return patch;
    }
}
