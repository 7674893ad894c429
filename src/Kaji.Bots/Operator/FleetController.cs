using System.Collections.Concurrent;
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
    private readonly ConcurrentDictionary<(string Namespace, string Fleet), FleetRefusals> _refusals = new();

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
            _refusals.TryRemove((ns, objectName), out _);
            return;
        }

        var wanted = FleetPlan.Of(fleet);
        if (wanted.Fault is { } fault)
        {
            await WriteStatusAsync(fleet, (fleet.Status ?? new FleetStatus()) with { Phase = "Invalid", Message = $"{fault}; its bots stay as they are" }, cancellationToken);
            return;
        }

        var present = _informers.Bots.List(ns).Where(b => IsOf(b, objectName)).ToDictionary(b => b.Metadata.Name, StringComparer.Ordinal);
        var refusals = _refusals.GetOrAdd((ns, objectName), _ => new FleetRefusals(Time));
        refusals.Begin(fleet.Metadata.Generation ?? 0);
        await MakeMembersAsync(fleet, wanted.Members, present, refusals, cancellationToken);
        var plan = RolloutPlan.Of(fleet, wanted.Members, present, refusals.Bots, Time.GetUtcNow());
        foreach (var (member, bot) in plan.Touch)
        {
            await refusals.TryAsync(member.Name, () => GiveAsync(bot, member, FleetMark.Of(bot).Template, cancellationToken));
        }

        foreach (var bot in plan.TakeBack)
        {
            await refusals.TryAsync(bot.Metadata.Name, () => TakeBackAsync(bot, cancellationToken));
        }

        var (written, status) = plan.Next.Count > 0 ? await StepAsync(fleet, plan, refusals, cancellationToken) : (fleet, plan.Status);
        await WriteStatusAsync(written, refusals.Message is { } refused ? status with { Phase = "Refused", Message = refused } : status, cancellationToken);
        if ((plan.Due is { } soon && !(refusals.Due < soon) ? soon : refusals.Due) is { } due)
        {
            EnqueueAfter(ns, objectName, due);
        }
    }

    private async Task MakeMembersAsync(BotFleet fleet, IReadOnlyList<FleetMember> members, Dictionary<string, Bot> present, FleetRefusals refusals, CancellationToken cancellationToken)
    {
        var ns = fleet.Metadata.NamespaceProperty;
        var names = members.Select(m => m.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var gone in present.Values.Where(b => !names.Contains(b.Metadata.Name) && b.Metadata.DeletionTimestamp is null))
        {
            await refusals.TryAsync(gone.Metadata.Name, () => _client.DeleteAsync(BotKinds.Bot, ns, gone.Metadata.Name, cancellationToken: cancellationToken));
        }

        foreach (var member in members.Where(m => !present.ContainsKey(m.Name)))
        {
            try
            {
                await refusals.TryAsync(member.Name, () => _client.CreateAsync(BotKinds.Bot, Member(fleet, member), cancellationToken));
            }
            catch (ApiException e) when (e.IsAlreadyExists)
            {
                // The fleet's own, which the cache has not seen yet, or a stranger.
                if (await _client.FindAsync(BotKinds.Bot, ns, member.Name, cancellationToken) is { } bot && !IsOf(bot, fleet.Metadata.Name))
                {
                    refusals.Add(member.Name, "it exists already and is not this fleet's");
                }
            }
        }
    }

    /// <summary>Gives the change to the bots whose turn it is.</summary>
    /// <returns>The fleet as it was written on the way, and what is to be said of it.</returns>
    private async Task<(BotFleet Fleet, FleetStatus Status)> StepAsync(BotFleet fleet, RolloutPlan plan, FleetRefusals refusals, CancellationToken cancellationToken)
    {
        // Written down before it is given: whoever sees an older fleet is refused here, and gives nothing twice.
        var before = fleet.Status ?? new FleetStatus();
        fleet = await _client.UpdateAsync(BotKinds.BotFleet, fleet with { Status = before with { StepSince = plan.Status.StepSince, StepTemplate = plan.Status.StepTemplate } }, "status", cancellationToken);
        var given = 0;
        foreach (var (member, bot) in plan.Next)
        {
            if (given < plan.Count && await refusals.TryAsync(member.Name, () => GiveAsync(bot, member, plan.Template, cancellationToken)))
            {
                given++;
            }
        }

        // A step that nobody took was none: those who may take it later need not wait for it.
        return (fleet, given > 0 ? plan.Status : plan.Status with { StepSince = before.StepSince, StepTemplate = before.StepTemplate });
    }

    private async Task WriteStatusAsync(BotFleet fleet, FleetStatus status, CancellationToken cancellationToken)
    {
        var (phase, message) = (status.Phase ?? "Unknown", status.Message ?? "");
        status = status with { ObservedGeneration = fleet.Metadata.Generation, Conditions = Conditions.With(status.Conditions, "Ready", phase == "Ready" ? "True" : "False", phase, message, Time.GetUtcNow()) };
        if (!ModelJson.Serialize(fleet with { Status = status }).AsSpan().SequenceEqual(ModelJson.Serialize(fleet)))
        {
            if (phase != fleet.Status?.Phase)
            {
                _events.Record(BotKinds.BotFleet, fleet, phase is "Ready" or "RollingOut" ? "Normal" : "Warning", phase, message);
            }

            await _client.UpdateAsync(BotKinds.BotFleet, fleet with { Status = status }, "status", cancellationToken);
        }
    }

    private static bool IsOf(Bot bot, string fleet) => bot.Metadata.Labels?.TryGetValue(BotNames.FleetLabel, out var of) == true && of == fleet;

    private static Bot Member(BotFleet fleet, FleetMember member) => new()
    {
        Metadata = new V1ObjectMeta
        {
            Name = member.Name, NamespaceProperty = fleet.Metadata.NamespaceProperty,
            Annotations = new Dictionary<string, string>(StringComparer.Ordinal) { [FleetMark.Annotation] = FleetMark.For(member, "").ToString() },
            Labels = new Dictionary<string, string>(fleet.Metadata.Labels ?? new Dictionary<string, string>(), StringComparer.Ordinal) { [BotNames.FleetLabel] = fleet.Metadata.Name },
            OwnerReferences = [new V1OwnerReference { ApiVersion = fleet.ApiVersion, Kind = fleet.Kind, Name = fleet.Metadata.Name, Uid = fleet.Metadata.Uid, Controller = true, BlockOwnerDeletion = true }],
        },
        Spec = member.Spec,
    };

    /// <summary>Brings a bot what the fleet says; a person's stop stays.</summary>
    private Task GiveAsync(Bot bot, FleetMember member, string template, CancellationToken cancellationToken)
    {
        var copy = ModelJson.Clone(bot);
        copy.Spec = member.Spec with { Stopped = bot.Spec.Stopped };
        copy.Metadata.Annotations = new Dictionary<string, string>(copy.Metadata.Annotations ?? new Dictionary<string, string>(), StringComparer.Ordinal) { [FleetMark.Annotation] = FleetMark.For(member, template).ToString() };
        return _client.UpdateAsync(BotKinds.Bot, copy, cancellationToken: cancellationToken);
    }

    /// <summary>Takes a bot back to the version that it had before, if it had one.</summary>
    private async Task TakeBackAsync(Bot bot, CancellationToken cancellationToken)
    {
        var revisions = _informers.Revisions.List(bot.Metadata.NamespaceProperty).Where(r => r.Metadata.Labels?.TryGetValue(BotNames.BotLabel, out var of) == true && of == bot.Metadata.Name);
        if (BotHistory.Before(revisions, bot) is { } before)
        {
            var copy = ModelJson.Clone(BotHistory.Restored(bot, before));
            copy.Metadata.Annotations.Remove(FleetMark.Annotation);
            await _client.UpdateAsync(BotKinds.Bot, copy, cancellationToken: cancellationToken);
        }
    }
}
