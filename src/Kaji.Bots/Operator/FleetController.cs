using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
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
    private const string MarkAnnotation = BotNames.Group + "/fleet-version";
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
        var template = Hash(JsonSerializer.Serialize(fleet.Spec with { Matrix = null, Exclude = null, Name = null, Rollout = null, Bots = [.. (fleet.Spec.Bots ?? []).Where(b => b.Spec is not null)] }, BotJson.Default.FleetSpec));
        var known = plan.Members.Where(m => present.ContainsKey(m.Name)).Select(m => (Member: m, Bot: present[m.Name])).ToArray();
        bool HasSpec((FleetMember Member, Bot Bot) b) => MarkOf(b.Bot).Version == b.Member.Revision && Covers(b.Bot.Spec, b.Member.Spec, onlyVersion: true);
        bool Settled((FleetMember Member, Bot Bot) b) => HasSpec(b) && b.Bot.Status is { Phase: BotPhase.Active } s && s.ObservedGeneration == b.Bot.Metadata.Generation && s.Revision == BotPodMaker.RevisionOf(b.Bot.Spec) && s.GoodRevision == s.Revision;
        bool AtRestOrSettled((FleetMember Member, Bot Bot) b) => Settled(b) || b.Bot.Spec.Stopped == true || b.Bot.Spec.Activation?.Mode == BotSpec.Shared || (HasSpec(b) && b.Bot.Status?.Phase is BotPhase.Stopped or BotPhase.Halted);
        var updated = known.Where(HasSpec).ToArray();
        var waiting = known.Where(b => !HasSpec(b)).OrderBy(b => b.Member.Name, StringComparer.Ordinal).ToArray();
        var reverted = updated.FirstOrDefault(b => b.Bot.Status?.FailedRevision is { } failedRevision && failedRevision == BotPodMaker.RevisionOf(b.Bot.Spec));
        var (phase, message) = ("Ready", $"{plan.Members.Count} bots");
        (FleetMember Member, Bot Bot)[] next = [];
        if (status.FailedTemplate is { } failed && failed != template)
        {
            status = status with { FailedTemplate = null };
        }

        // What makes no other version (guards, freshness) is given to all at once.
        foreach (var (member, bot) in updated.Where(b => MarkOf(b.Bot).Whole != WholeOf(b.Member) || !Covers(b.Bot.Spec, b.Member.Spec, onlyVersion: false)))
        {
            await GiveAsync(bot, member, template, cancellationToken);
        }

        if (reverted.Bot is not null || status.FailedTemplate is not null)
        {
            if (reverted.Bot is not null && status.FailedTemplate is null)
            {
                message = $"bot {reverted.Member.Name} took the change back ({reverted.Bot.Status?.Conditions?.FirstOrDefault(c => c.Type == "Reverted")?.Message}); "
                    + (rollout.AutoRevert == false ? $"{waiting.Length} bots have not got it" : "no bot keeps it") + ". Change the fleet again to go on";
                status = status with { FailedTemplate = template, StepSince = null, Message = message };
            }

            // Those that failed themselves run their good version already; others may not have been part of this change.
            foreach (var (_, bot) in updated.Where(b => rollout.AutoRevert != false && MarkOf(b.Bot).Template == template && b.Bot.Status?.FailedRevision != BotPodMaker.RevisionOf(b.Bot.Spec)))
            {
                await TakeBackAsync(bot, cancellationToken);
            }

            (phase, message) = ("RolloutFailed", status.Message ?? "");
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
            if (first || (updated.All(AtRestOrSettled) && since >= pause))
            {
                var count = first ? rollout.Canary ?? 1 : rollout.Step ?? 0;
                next = count == 0 ? waiting : waiting[..Math.Min(count, waiting.Length)];
                status = status with { StepSince = Time.GetUtcNow().UtcDateTime };
                EnqueueAfter(fleet.Metadata.NamespaceProperty, fleet.Metadata.Name, pause);
            }
            else if (since < pause)
            {
                EnqueueAfter(fleet.Metadata.NamespaceProperty, fleet.Metadata.Name, pause - since + TimeSpan.FromMilliseconds(10));
            }

            (phase, message) = ("RollingOut", $"{updated.Length} of {known.Length} bots have the change");
        }
        else if (status.StepSince is not null && !updated.All(AtRestOrSettled))
        {
            (phase, message) = ("RollingOut", $"all {known.Length} bots have the change; it is whole when all have acted well with it");
        }
        else
        {
            status = status with { StepSince = null, GoodTemplate = updated.All(Settled) ? template : status.GoodTemplate };
        }

        status = status with { Bots = plan.Members.Count, Active = known.Count(b => b.Bot.Status?.Phase == BotPhase.Active), Updated = updated.Length, Phase = refused is null ? phase : "Refused", Message = refused ?? message };
        await WriteStatusAsync(fleet, status, refused is null && phase == "Ready" ? "True" : "False", refused is null ? phase : "Refused", cancellationToken);

        // After the step is written down: whoever sees an older fleet is refused there, and gives nothing twice.
        foreach (var (member, bot) in next)
        {
            await GiveAsync(bot, member, template, cancellationToken);
        }
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
            Annotations = new Dictionary<string, string>(StringComparer.Ordinal) { [MarkAnnotation] = Mark(member, "") },
            Labels = new Dictionary<string, string>(fleet.Metadata.Labels ?? new Dictionary<string, string>(), StringComparer.Ordinal) { [BotNames.FleetLabel] = fleet.Metadata.Name },
            OwnerReferences = [new V1OwnerReference { ApiVersion = fleet.ApiVersion, Kind = fleet.Kind, Name = fleet.Metadata.Name, Uid = fleet.Metadata.Uid, Controller = true, BlockOwnerDeletion = true }],
        },
        Spec = member.Spec,
    };

    /// <summary>Brings a bot what the fleet says; a person's stop stays.</summary>
    private async Task GiveAsync(Bot bot, FleetMember member, string template, CancellationToken cancellationToken)
    {
        var mark = MarkOf(bot);
        var copy = ModelJson.Clone(bot);
        copy.Spec = member.Spec with { Stopped = bot.Spec.Stopped };
        copy.Metadata.Annotations = new Dictionary<string, string>(copy.Metadata.Annotations ?? new Dictionary<string, string>(), StringComparer.Ordinal) { [MarkAnnotation] = Mark(member, mark.Version == member.Revision ? mark.Template : template) };
        await _client.UpdateAsync(BotKinds.Bot, copy, cancellationToken: cancellationToken);
    }

    /// <summary>Takes a bot back to the version that it had before, if it had one.</summary>
    private async Task TakeBackAsync(Bot bot, CancellationToken cancellationToken)
    {
        var revisions = _informers.Revisions.List(bot.Metadata.NamespaceProperty).Where(r => r.Metadata.Labels?.TryGetValue(BotNames.BotLabel, out var of) == true && of == bot.Metadata.Name);
        if (BotHistory.Before(revisions, bot) is { } before)
        {
            var copy = ModelJson.Clone(BotHistory.Restored(bot, before));
            copy.Metadata.Annotations.Remove(MarkAnnotation);
            await _client.UpdateAsync(BotKinds.Bot, copy, cancellationToken: cancellationToken);
        }
    }

    /// <summary>Which of the fleet's texts the bot has, as the fleet says it, before the server added defaults; and with which change of the template its version came (none for the one that it began with).</summary>
    private static (string Version, string Whole, string Template) MarkOf(Bot bot) =>
        bot.Metadata.Annotations?.TryGetValue(MarkAnnotation, out var mark) == true && mark.Split('.') is [var version, var whole, var template] ? (version, whole, template) : ("", "", "");

    private static string Mark(FleetMember member, string template) => $"{member.Revision}.{WholeOf(member)}.{template}";

    private static string WholeOf(FleetMember member) => Hash(JsonSerializer.Serialize(member.Spec, BotJson.Default.BotSpec));

    /// <summary>Whether the bot still has what the fleet gave it, apart from defaults: nobody has changed it by hand.</summary>
    private static bool Covers(BotSpec has, BotSpec wants, bool onlyVersion)
    {
        wants = onlyVersion ? new BotSpec { Account = wants.Account, Markets = wants.Markets, Parameters = wants.Parameters, Start = wants.Start, Stop = wants.Stop, Metrics = wants.Metrics, Template = wants.Template } : wants with { Stopped = has.Stopped };
        return Covers(JsonSerializer.SerializeToNode(has, BotJson.Default.BotSpec), JsonSerializer.SerializeToNode(wants, BotJson.Default.BotSpec));
    }

    private static bool Covers(JsonNode? has, JsonNode? wants) => (has, wants) switch
    {
        (_, null) => true,
        (JsonObject h, JsonObject w) => w.All(p => Covers(h[p.Key], p.Value)),
        (JsonArray h, JsonArray w) => h.Count == w.Count && h.Zip(w).All(p => Covers(p.First, p.Second)),
        _ => JsonNode.DeepEquals(has, wants),
    };

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..10];
}
