using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Warden;
using Kaji.Client;

namespace Kaji.Bots.Operator;

/// <content>Shared bots: as many as are asked for, behind a Deployment.</content>
public sealed partial class BotController
{
    private static readonly TimeSpan ScaleEvery = TimeSpan.FromSeconds(15);
    private readonly ConcurrentDictionary<(string Namespace, string Bot), (ScaleRule Rule, long? At)> _scales = new();

    private async Task ShareAsync(Bot bot, CancellationToken cancellationToken)
    {
        var (ns, name) = (bot.Metadata.NamespaceProperty, bot.Metadata.Name);
        var present = _informers.Deployments.Get(ns, name) is { } known && SharedState.Owns(bot, known) ? known : null;
        if (bot.Metadata.DeletionTimestamp is not null && present is null)
        {
            _scales.TryRemove((ns, name), out _);
            await FinalizeAsync(bot, add: false, cancellationToken);
            return;
        }

        var idle = IdleOf(bot, bot.Spec);
        var revision = BotPodMaker.RevisionOf(bot.Spec);
        var replicas = 0;
        if (bot.Metadata.DeletionTimestamp is not null)
        {
            if (present!.Metadata.DeletionTimestamp is null)
            {
                await _client.DeleteAsync(Kinds.Deployment, ns, name, new V1DeleteOptions { PropagationPolicy = "Foreground" }, cancellationToken);
            }
        }
        else if (idle is not null)
        {
            // Whatever has become of its template: what runs must be able to end.
            present = present is { Spec.Replicas: not 0 } ? await _client.PatchAsync(Kinds.Deployment, ns, name, Patch.Merge("""{"spec":{"replicas":0}}"""u8.ToArray()), cancellationToken: cancellationToken) : present;
        }
        else
        {
            replicas = await ScaleAsync(bot, present?.Spec.Replicas ?? bot.Spec.Activation?.Replicas ?? 1, cancellationToken);
            present = await DeployAsync(bot, present, replicas, revision, cancellationToken);
        }

        var state = SharedState.Of(present, [.. _informers.SharedPodsOf(ns, name).Select(p => BotPod.Of(p, _informers.IsReady))], replicas, revision, idle);
        var status = bot.Status ?? new BotStatus();
        await WriteStatusAsync(bot, status with
        {
            Phase = state.Phase, Message = state.Message, Replicas = present?.Status?.Replicas ?? 0, ReadyReplicas = present?.Status?.ReadyReplicas ?? 0, Revision = idle is null ? revision : status.Revision,
            Selector = $"{BotNames.BotLabel}={name}", ObservedGeneration = bot.Metadata.Generation,
            Conditions = Conditions.With(status.Conditions, "Ready", state.Acts ? "True" : "False", state.Reason, state.Message, Time.GetUtcNow()),
        }, cancellationToken);
    }

    /// <summary>Brings the Deployment to what the bot says.</summary>
    /// <exception cref="ObjectWaitsException">It can't be; the bot's status says why.</exception>
    private async Task<V1Deployment> DeployAsync(Bot bot, V1Deployment? present, int replicas, string revision, CancellationToken cancellationToken)
    {
        var (ns, name) = (bot.Metadata.NamespaceProperty, bot.Metadata.Name);
        try
        {
            var wanted = BotPodMaker.MakeShared(bot, replicas, revision);
            if (present is null)
            {
                // The informer sees only what carries a bot's label: one without it may be there.
                present = await _client.FindAsync(Kinds.Deployment, ns, name, cancellationToken);
                if (present is not null && !SharedState.Owns(bot, present))
                {
                    await WaitAsync(bot, (bot.Status ?? new BotStatus()) with { Phase = BotPhase.Waiting }, "NameTaken", $"Deployment {ns}/{name} exists and is not this bot's; delete it, or name the bot otherwise", cancellationToken);
                }
            }

            await KeepRevisionAsync(bot, revision, cancellationToken);
            if (present is null)
            {
                return await _client.CreateAsync(Kinds.Deployment, wanted, cancellationToken);
            }

            if (present.Spec.Replicas == replicas && present.Metadata.Annotations?.TryGetValue(BotNames.RevisionLabel, out var runs) == true && runs == revision)
            {
                return present;
            }

            // Others keep notes on it too.
            foreach (var (key, value) in present.Metadata.Annotations ?? new Dictionary<string, string>())
            {
                wanted.Metadata.Annotations.TryAdd(key, value);
            }

            wanted.Metadata.ResourceVersion = present.Metadata.ResourceVersion;
            return await _client.UpdateAsync(Kinds.Deployment, wanted, cancellationToken: cancellationToken);
        }
        catch (Exception e) when (e is JsonException || (e is ApiException { Code: 400 or 403 or 422 } refused && !LacksRights(refused)))
        {
            await WaitAsync(bot, (bot.Status ?? new BotStatus()) with { Phase = BotPhase.Waiting }, "BadTemplate", $"its template can't become a Deployment: {e.Message}", cancellationToken);
            throw;
        }
    }

    /// <summary>What its autoscaling asks for, where it has one; asked every 15 s, however often the bot is looked at.</summary>
    private async Task<int> ScaleAsync(Bot bot, int now, CancellationToken cancellationToken)
    {
        if (bot.Spec.Activation?.Autoscaling is not { } scaling)
        {
            return bot.Spec.Activation?.Replicas ?? 1;
        }

        var (ns, name) = (bot.Metadata.NamespaceProperty, bot.Metadata.Name);
        var (least, most) = (scaling.MinReplicas ?? 1, scaling.MaxReplicas);
        now = Math.Clamp(now, least, most);
        var known = _scales.GetOrAdd((ns, name), _ => (new ScaleRule(), null));
        if (known.At is { } last && Time.GetElapsedTime(last) is var since && since < ScaleEvery)
        {
            EnqueueAfter(ns, name, ScaleEvery - since);
            return now;
        }

        _scales[(ns, name)] = (known.Rule, Time.GetTimestamp());
        EnqueueAfter(ns, name, ScaleEvery);
        var values = new List<double>();
        foreach (var pod in _informers.PodsOf(ns, name).Where(p => p.Status?.Phase == "Running"))
        {
            using var page = await _client.SendAsync(new HttpRequestMessage(HttpMethod.Get, $"/api/v1/namespaces/{ns}/pods/{pod.Metadata.Name}:{scaling.Port ?? 8080}/proxy{scaling.Path ?? "/metrics"}"), cancellationToken);
            if (page.IsSuccessStatusCode && PrometheusText.Sums(await page.Content.ReadAsStringAsync(cancellationToken), m => m == scaling.Metric).TryGetValue(scaling.Metric, out var value))
            {
                values.Add(value);
            }
        }

        return known.Rule.Want(Time.GetElapsedTime(0), now, values, double.Parse(scaling.Target, CultureInfo.InvariantCulture), least, most);
    }
}
