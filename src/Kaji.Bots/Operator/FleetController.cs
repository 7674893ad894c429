using System.Security.Cryptography;
using System.Text;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Bots.Operator;

/// <summary>
/// Makes the Bots of each BotFleet, removes those it no longer has, and brings a change of the template to them in steps: a few first, the others when these have acted
/// well for a while. A bot that took its version back stops the rollout.
/// </summary>
public sealed class FleetController : Controller
{
    private readonly IApiClient _client;
    private readonly BotInformers _informers;
    private readonly EventRecorder _events;

    public FleetController(IApiClient client, BotInformers informers, EventRecorder events, TimeProvider time, ILoggerFactory logging)
        : base("fleet-controller", time, logging.CreateLogger<FleetController>())
    {
        (_client, _informers, _events) = (client, informers, events);
        informers.Fleets.Subscribe(c => Enqueue(c.Object.Metadata.NamespaceProperty, c.Object.Metadata.Name));
        informers.Bots.Subscribe(c =>
        {
            if (c.Object.Metadata.Labels?.TryGetValue(BotNames.FleetLabel, out var fleet) == true)
            {
                Enqueue(c.Object.Metadata.NamespaceProperty, fleet);
            }
        });
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (_informers.Fleets.Get(ns, objectName) is not { Metadata.DeletionTimestamp: null } fleet)
        {
            return;
        }

        var plan = FleetPlan.Of(fleet);
        var present = _informers.Bots.List(ns).Where(b => b.Metadata.Labels?.TryGetValue(BotNames.FleetLabel, out var of) == true && of == objectName).ToDictionary(b => b.Metadata.Name, StringComparer.Ordinal);
        if (plan.Fault is { } fault)
        {
            await WriteStatusAsync(fleet, (fleet.Status ?? new FleetStatus()) with { Phase = "Invalid", Message = $"{fault}; its bots stay as they are" }, "False", "Invalid", cancellationToken);
            return;
        }

        foreach (var gone in present.Values.Where(b => plan.Members.All(m => m.Name != b.Metadata.Name) && b.Metadata.DeletionTimestamp is null))
        {
            await _client.DeleteAsync(BotKinds.Bot, ns, gone.Metadata.Name, cancellationToken: cancellationToken);
        }

        string? refused = null;
        foreach (var member in plan.Members.Where(m => !present.ContainsKey(m.Name)))
        {
            try
            {
                await _client.CreateAsync(BotKinds.Bot, Member(fleet, member), cancellationToken);
            }
            catch (ApiException e) when (e.IsAlreadyExists || e.Code is 403 or 422)
            {
                refused = e.IsAlreadyExists ? $"bot {member.Name} exists already and is not this fleet's" : $"bot {member.Name}: {e.Message}";
            }
        }

        await RollOutAsync(fleet, plan, present, refused, cancellationToken);
    }

    private async Task RollOutAsync(BotFleet fleet, FleetPlan plan, Dictionary<string, Bot> present, string? refused, CancellationToken cancellationToken)
    {
        var rollout = fleet.Spec.Rollout ?? new FleetRollout();
        var status = fleet.Status ?? new FleetStatus();
        var template = Hash(string.Join('\n', plan.Members.Select(m => m.Name + m.Revision)));
        var known = plan.Members.Where(m => present.ContainsKey(m.Name)).Select(m => (Member: m, Bot: present[m.Name])).ToArray();
        bool HasSpec((FleetMember Member, Bot Bot) b) => BotPodMaker.RevisionOf(b.Bot.Spec) == b.Member.Revision;
        bool Settled((FleetMember Member, Bot Bot) b) => HasSpec(b) && b.Bot.Status is { Phase: BotPhase.Active } s && s.ObservedGeneration == b.Bot.Metadata.Generation && (s.Revision == b.Member.Revision);
        var updated = known.Where(HasSpec).ToArray();
        var waiting = known.Where(b => !HasSpec(b)).OrderBy(b => b.Member.Name, StringComparer.Ordinal).ToArray();
        var reverted = updated.FirstOrDefault(b => b.Bot.Status?.FailedRevision == b.Member.Revision);
        var (phase, message) = ("Ready", $"{plan.Members.Count} bots");
        if (status.FailedTemplate is { } failed && failed != template)
        {
            status = status with { FailedTemplate = null };
        }

        // What makes no other version (guards, freshness) is given to all at once.
        foreach (var (member, bot) in updated.Where(b => !SameSpec(b.Bot.Spec, b.Member.Spec)))
        {
            await _client.UpdateAsync(BotKinds.Bot, bot with { Spec = member.Spec with { Stopped = bot.Spec.Stopped } }, cancellationToken: cancellationToken);
        }

        if (reverted.Bot is not null && waiting.Length > 0)
        {
            status = status with { FailedTemplate = template };
            (phase, message) = ("RolloutFailed", $"bot {reverted.Member.Name} took the change back ({reverted.Bot.Status?.Conditions?.FirstOrDefault(c => c.Type == "Reverted")?.Message}); {waiting.Length} bots have not got it");
        }
        else if (waiting.Length > 0 && rollout.Paused == true)
        {
            (phase, message) = ("Paused", $"{updated.Length} of {known.Length} bots have the change; spec.rollout.paused holds the others");
        }
        else if (waiting.Length > 0)
        {
            var pause = TimeSpan.FromSeconds(rollout.PauseSeconds ?? 10);
            var since = status.StepSince is { } at ? Time.GetUtcNow() - new DateTimeOffset(DateTime.SpecifyKind(at, DateTimeKind.Utc)) : TimeSpan.MaxValue;
            var first = updated.Length == 0 || status.StepSince is null;
            if (first || (updated.All(b => Settled(b) || b.Bot.Spec.Stopped == true) && since >= pause))
            {
                var count = first ? rollout.Canary ?? 1 : rollout.Step ?? 0;
                foreach (var (member, bot) in count == 0 ? waiting : waiting[..Math.Min(count, waiting.Length)])
                {
                    await _client.UpdateAsync(BotKinds.Bot, bot with { Spec = member.Spec with { Stopped = bot.Spec.Stopped } }, cancellationToken: cancellationToken);
                }

                status = status with { StepSince = Time.GetUtcNow().UtcDateTime };
                EnqueueAfter(fleet.Metadata.NamespaceProperty, fleet.Metadata.Name, pause);
            }
            else if (since < pause)
            {
                EnqueueAfter(fleet.Metadata.NamespaceProperty, fleet.Metadata.Name, pause - since + TimeSpan.FromMilliseconds(10));
            }

            (phase, message) = ("RollingOut", $"{updated.Length} of {known.Length} bots have the change");
        }
        else
        {
            status = status with { StepSince = null, GoodTemplate = updated.All(Settled) ? template : status.GoodTemplate };
        }

        status = status with { Bots = plan.Members.Count, Active = known.Count(b => b.Bot.Status?.Phase == BotPhase.Active), Updated = updated.Length, Phase = refused is null ? phase : "Refused", Message = refused ?? message };
        await WriteStatusAsync(fleet, status, refused is null && phase == "Ready" ? "True" : "False", refused is null ? phase : "Refused", cancellationToken);
    }

    private async Task WriteStatusAsync(BotFleet fleet, FleetStatus status, string ready, string reason, CancellationToken cancellationToken)
    {
        status = status with { ObservedGeneration = fleet.Metadata.Generation, Conditions = Conditions.With(status.Conditions, "Ready", ready, reason, status.Message ?? "", Time.GetUtcNow()) };
        if (!ModelJson.Serialize(fleet with { Status = status }).AsSpan().SequenceEqual(ModelJson.Serialize(fleet)))
        {
            if (status.Phase != fleet.Status?.Phase)
            {
                _events.Record(BotKinds.BotFleet, fleet, ready == "True" || reason == "RollingOut" ? "Normal" : "Warning", reason, status.Message ?? "");
            }

            await _client.UpdateAsync(BotKinds.BotFleet, fleet with { Status = status }, "status", cancellationToken);
        }
    }

    private static Bot Member(BotFleet fleet, FleetMember member) => new()
    {
        Metadata = new V1ObjectMeta
        {
            Name = member.Name, NamespaceProperty = fleet.Metadata.NamespaceProperty,
            Labels = new Dictionary<string, string>(fleet.Metadata.Labels ?? new Dictionary<string, string>(), StringComparer.Ordinal) { [BotNames.FleetLabel] = fleet.Metadata.Name },
            OwnerReferences = [new V1OwnerReference { ApiVersion = fleet.ApiVersion, Kind = fleet.Kind, Name = fleet.Metadata.Name, Uid = fleet.Metadata.Uid, Controller = true, BlockOwnerDeletion = true }],
        },
        Spec = member.Spec,
    };

    /// <summary>Whether the bot has what the fleet says, apart from what the server's defaults added and a person's stop.</summary>
    private static bool SameSpec(BotSpec has, BotSpec wants) => Covers(System.Text.Json.JsonSerializer.SerializeToNode(has, BotJson.Default.BotSpec), System.Text.Json.JsonSerializer.SerializeToNode(wants with { Stopped = has.Stopped }, BotJson.Default.BotSpec));

    private static bool Covers(System.Text.Json.Nodes.JsonNode? has, System.Text.Json.Nodes.JsonNode? wants) => (has, wants) switch
    {
        (_, null) => true,
        (System.Text.Json.Nodes.JsonObject h, System.Text.Json.Nodes.JsonObject w) => w.All(p => Covers(h[p.Key], p.Value)),
        (System.Text.Json.Nodes.JsonArray h, System.Text.Json.Nodes.JsonArray w) => h.Count == w.Count && h.Zip(w).All(p => Covers(p.First, p.Second)),
        _ => System.Text.Json.Nodes.JsonNode.DeepEquals(has, wants),
    };

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..10];
}
