using System.Text.Json;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Warden;
using Kaji.Client;

namespace Kaji.Bots.Operator;

/// <content>Pods of Singletons, and the versions that they are made of.</content>
public sealed partial class BotController
{
    /// <summary>The spec of a version; null when it is not kept any more.</summary>
    private BotSpec? SpecOf(Bot bot, string revision) =>
        revision == BotPodMaker.RevisionOf(bot.Spec) ? bot.Spec : _informers.Revisions.Get(bot.Metadata.NamespaceProperty, RevisionName(bot, revision))?.Data;

    /// <summary>Makes a Pod, or (<see cref="BotStepKind.TryPod"/>) sees whether it could be made.</summary>
    /// <returns>Whether the plan's next steps hold.</returns>
    private async Task<bool> MakePodAsync(Bot bot, BotView view, BotPlan plan, BotStep step, CancellationToken cancellationToken)
    {
        if (SpecOf(bot, step.Revision) is not { } spec)
        {
            await WaitAsync(bot, plan.Status, "VersionGone", $"version {step.Revision}, which it should go back to, is not kept any more; change the spec", cancellationToken);
            return false;
        }

        await KeepRevisionAsync(bot, view.Revision, cancellationToken);
        var account = BotPodMaker.AccountOf(bot, spec) is { } name ? AccountOf(name) : null;

        // A version that is gone back to in this plan may need what the spec does not name.
        if (account is not null && step.Revision != BotPlan.TargetOf(bot.Status, view.Revision) && await TakeAsync(bot, spec, account, view.Lease, view.Pods, cancellationToken) is { } taken)
        {
            await WaitAsync(bot, plan.Status with { Phase = BotPhase.Waiting }, "ClaimRefused", taken, cancellationToken);
        }

        var silent = step.Avoid is not null || view.Lease is { Released: false, Epoch: > 0 } && !step.Standby;
        var previous = step.Standby ? "Unknown" : view.Lease?.Epoch is null or 0 ? "None" : silent ? StopResult.Unclean : view.LastStop?.Outcome ?? StopResult.Unclean;
        try
        {
            var pod = BotPodMaker.Make(new BotPodRequest(bot, spec, account, step.Epoch, step.Revision, step.Standby, step.Avoid, view.Lease?.Epoch ?? 0, previous));
            if (_options.Sidecar is { } sidecar)
            {
                await sidecar.AddToAsync(_client, pod, cancellationToken);
            }

            await (step.Kind == BotStepKind.TryPod ? _client.TryCreateAsync(Kinds.Pod, pod, cancellationToken) : _client.CreateAsync(Kinds.Pod, pod, cancellationToken));
            _refused.TryRemove((bot.Metadata.NamespaceProperty, bot.Metadata.Name), out _);
            return true;
        }
        catch (ApiException e) when (e.IsAlreadyExists)
        {
            if (await _client.FindAsync(Kinds.Pod, bot.Metadata.NamespaceProperty, step.Pod, cancellationToken) is { } other && other.Metadata.OwnerReferences?.Any(o => o.Uid == bot.Metadata.Uid) != true)
            {
                await WaitAsync(bot, plan.Status, "NameTaken", $"Pod {bot.Metadata.NamespaceProperty}/{step.Pod} exists and is not this bot's; delete it, or name the bot otherwise", cancellationToken);
            }

            // The cache is behind: its event comes and the plan is made again.
            return false;
        }
        catch (Exception e) when (e is JsonException or ApiException { Code: 400 or 422 })
        {
            var why = $"its template can't become a Pod: {e.Message}";
            if (_refused.TryGetValue((bot.Metadata.NamespaceProperty, bot.Metadata.Name), out var known) && known == (view.Revision, why) || step.Revision != view.Revision)
            {
                // There is nothing to go back to.
                await WaitAsync(bot, view.Lease is { Released: false, Epoch: > 0 } ? plan.Status : plan.Status with { Phase = BotPhase.Waiting }, "BadTemplate", why, cancellationToken);
            }

            _refused[(bot.Metadata.NamespaceProperty, bot.Metadata.Name)] = (view.Revision, why);
            Enqueue(bot.Metadata.NamespaceProperty, bot.Metadata.Name);
            return false;
        }
        catch (ApiException e) when (e.Code == 403 && !LacksRights(e))
        {
            if (step.Kind == BotStepKind.TryPod)
            {
                // A quota counts the Pod that makes room for it.
                return true;
            }

            _options.Sidecar?.Forget(bot.Metadata.NamespaceProperty);
            var message = $"its next Pod is refused: {e.Message}";
            _events.Record(BotKinds.Bot, bot, "Warning", "PodRefused", message);
            await WaitAsync(bot, step.Standby ? plan.Status with { Phase = BotPhase.Active } : plan.Status with { Phase = BotPhase.Waiting }, "PodRefused", message, cancellationToken);
            return false;
        }
    }

    /// <summary>What has changed of a bot without making another version (guards, freshness, labels) is told to the wardens of the Pods that live.</summary>
    private async Task TellWardensAsync(Bot bot, BotView view, CancellationToken cancellationToken)
    {
        foreach (var pod in _informers.PodsOf(bot.Metadata.NamespaceProperty, bot.Metadata.Name).Where(p => view.Pods.Any(v => v.Name == p.Metadata.Name && !v.Ended && !v.Deleting)))
        {
            if (WardenPlan.TryOf(pod) is { } known && BotPodMaker.Watching(known, bot) is var next && JsonSerializer.Serialize(next, BotJson.Default.WardenPlan) is var text && text != JsonSerializer.Serialize(known, BotJson.Default.WardenPlan))
            {
                await _client.PatchAsync(Kinds.Pod, bot.Metadata.NamespaceProperty, pod.Metadata.Name, Patch.Merge(JsonSerializer.SerializeToUtf8Bytes(Annotation(BotNames.PlanAnnotation, text), BotJson.Default.JsonObject)), cancellationToken: cancellationToken);
            }
        }
    }

    /// <summary>Refused by authorization, not by admission or a quota.</summary>
    private static bool LacksRights(ApiException e) => e.Code == 403 && e.Message.Contains(" cannot ", StringComparison.Ordinal);

    /// <summary>Writes the version's spec away, so that it can be gone back to; a few are kept.</summary>
    private async Task KeepRevisionAsync(Bot bot, string revision, CancellationToken cancellationToken)
    {
        var ns = bot.Metadata.NamespaceProperty;
        var known = _informers.Revisions.List(ns).Where(r => BotOf(r.Metadata) == bot.Metadata.Name).OrderBy(r => r.Revision).ToArray();
        if (known.FirstOrDefault(r => r.Metadata.Name == RevisionName(bot, revision)) is { } again)
        {
            if (again != known[^1])
            {
                // Gone back to: now it is the newest.
                await _client.UpdateAsync(BotKinds.Revision, again with { Revision = known[^1].Revision + 1 }, cancellationToken: cancellationToken);
            }

            return;
        }

        var made = new BotRevision
        {
            Metadata = new V1ObjectMeta
            {
                Name = RevisionName(bot, revision), NamespaceProperty = ns, Labels = new Dictionary<string, string>(StringComparer.Ordinal) { [BotNames.BotLabel] = bot.Metadata.Name, [BotNames.RevisionLabel] = revision },
                OwnerReferences = [new V1OwnerReference { ApiVersion = bot.ApiVersion, Kind = bot.Kind, Name = bot.Metadata.Name, Uid = bot.Metadata.Uid, Controller = true }],
            },
            Data = bot.Spec, Revision = (known.LastOrDefault()?.Revision ?? 0) + 1,
        };
        try
        {
            await _client.CreateAsync(BotKinds.Revision, made, cancellationToken);
        }
        catch (ApiException e) when (e.IsAlreadyExists)
        {
            return;
        }

        foreach (var old in known.SkipLast(_options.KeptRevisions - 1).Where(r => r.Metadata.Labels[BotNames.RevisionLabel] != bot.Status?.GoodRevision))
        {
            await _client.DeleteAsync(BotKinds.Revision, ns, old.Metadata.Name, cancellationToken: cancellationToken);
        }
    }
}
