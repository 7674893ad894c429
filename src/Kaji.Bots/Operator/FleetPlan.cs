using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kaji.Bots.Api;

namespace Kaji.Bots.Operator;

/// <summary>A bot that a fleet wants.</summary>
public sealed record FleetMember(string Name, BotSpec Spec, string Revision);

/// <summary>The bots of a fleet, or why there can be none.</summary>
public sealed record FleetPlan(IReadOnlyList<FleetMember> Members, string? Fault)
{
    private const int MostBots = 2000;

    /// <summary>Pure: the matrix's combinations and the list's entries, without those excluded, each with its overrides.</summary>
    public static FleetPlan Of(BotFleet fleet)
    {
        var members = new List<FleetMember>();
        var claimed = new Dictionary<(string Account, string Market), string>();
        try
        {
            foreach (var (explicitName, values, over) in Entries(fleet.Spec))
            {
                var name = Name(fleet, explicitName, values);
                if (members.Any(m => m.Name == name))
                {
                    return new FleetPlan([], $"two bots would be called {name}: give spec.name an axis that tells them apart");
                }

                var spec = Spec(fleet.Spec, name, values, over);
                if (spec.Account is { } account && spec.Activation?.Mode != BotSpec.Shared)
                {
                    foreach (var market in spec.Markets is { Count: > 0 } markets ? markets : [AccountClaim.All])
                    {
                        var other = claimed.FirstOrDefault(c => c.Key.Account == account && (c.Key.Market == market || c.Key.Market == AccountClaim.All || market == AccountClaim.All));
                        if (other.Value is not null)
                        {
                            return new FleetPlan([], $"bots {other.Value} and {name} would both claim market {market} of account {account}");
                        }

                        claimed[(account, market)] = name;
                    }
                }

                members.Add(new FleetMember(name, spec, BotPodMaker.RevisionOf(spec)));
                if (members.Count > MostBots)
                {
                    return new FleetPlan([], $"the fleet would have more than {MostBots} bots");
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            return new FleetPlan([], $"its text can't be read: {e.Message}");
        }

        return new FleetPlan(members, members.Count == 0 ? "it has no bots: every combination is excluded" : null);
    }

    private static IEnumerable<(string? Name, Dictionary<string, string> Values, JsonObject? Spec)> Entries(FleetSpec spec)
    {
        IEnumerable<Dictionary<string, string>> combinations = [new(StringComparer.Ordinal)];
        foreach (var axis in spec.Matrix ?? [])
        {
            combinations = combinations.SelectMany(c => axis.Values.Select(v => new Dictionary<string, string>(c, StringComparer.Ordinal) { [axis.Name] = v }));
        }

        if (spec.Matrix is { Count: > 0 })
        {
            foreach (var values in combinations.Where(c => spec.Exclude?.Any(e => Matches(e, c)) != true))
            {
                yield return (null, values, null);
            }
        }

        foreach (var bot in spec.Bots ?? [])
        {
            yield return (bot.Name, new Dictionary<string, string>(bot.Values ?? new Dictionary<string, string>(), StringComparer.Ordinal), bot.Spec);
        }
    }

    private static bool Matches(IDictionary<string, string>? wanted, Dictionary<string, string> values) =>
        wanted is { Count: > 0 } && wanted.All(w => values.TryGetValue(w.Key, out var value) && value == w.Value);

    private static string Name(BotFleet fleet, string? given, Dictionary<string, string> values)
    {
        var raw = given ?? (fleet.Spec.Name is { } format ? Substitute(format, values) : string.Join('-', values.Values.Prepend(fleet.Metadata.Name)));
        var name = new StringBuilder();
        foreach (var letter in raw.ToLowerInvariant())
        {
            name.Append(char.IsAsciiLetterOrDigit(letter) ? letter : '-');
        }

        return name.ToString().Trim('-');
    }

    private static BotSpec Spec(FleetSpec fleet, string name, Dictionary<string, string> values, JsonObject? over)
    {
        var whole = (JsonObject)(fleet.Template ?? []).DeepClone();
        foreach (var layer in (fleet.Overrides ?? []).Where(o => o.Bot == name || Matches(o.Match, values)).Select(o => o.Spec).Append(over).OfType<JsonObject>())
        {
            Merge(whole, layer);
        }

        return Substituted(whole, values).Deserialize(BotJson.Default.BotSpec) ?? throw new JsonException("the template is null");
    }

    /// <summary>RFC 7386.</summary>
    private static void Merge(JsonObject into, JsonObject layer)
    {
        foreach (var (key, value) in layer)
        {
            if (value is null)
            {
                into.Remove(key);
            }
            else if (value is JsonObject inner && into[key] is JsonObject present)
            {
                Merge(present, inner);
            }
            else
            {
                into[key] = value.DeepClone();
            }
        }
    }

    private static JsonNode Substituted(JsonNode node, Dictionary<string, string> values) => node switch
    {
        JsonObject o => new JsonObject(o.Select(p => KeyValuePair.Create(Substitute(p.Key, values), p.Value is null ? null : Substituted(p.Value, values)))),
        JsonArray a => new JsonArray([.. a.Select(i => i is null ? null : Substituted(i, values))]),
        JsonValue v when v.TryGetValue<string>(out var text) => JsonValue.Create(Substitute(text, values))!,
        _ => node.DeepClone(),
    };

    /// <summary><c>$(pair)</c>; <c>$(pair:lower)</c> in small letters. What is no axis stays, for Kubernetes' own <c>$(VAR)</c>.</summary>
    private static string Substitute(string text, Dictionary<string, string> values)
    {
        foreach (var (name, value) in text.Contains("$(", StringComparison.Ordinal) ? values : [])
        {
            text = text.Replace($"$({name})", value, StringComparison.Ordinal).Replace($"$({name}:lower)", value.ToLowerInvariant(), StringComparison.Ordinal);
        }

        return text;
    }
}
