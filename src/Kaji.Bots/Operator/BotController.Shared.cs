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
        var present = _informers.Deployments.Get(ns, name);
        if (bot.Metadata.DeletionTimestamp is not null)
        {
            if (present is not null)
            {
                await _client.DeleteAsync(Kinds.Deployment, ns, name, new V1DeleteOptions { PropagationPolicy = "Foreground" }, cancellationToken);
            }
            else
            {
                _scales.TryRemove((ns, name), out _);
                await FinalizeAsync(bot, add: false, cancellationToken);
            }

            return;
        }

        var idle = IdleOf(bot, bot.Spec);
        var revision = BotPodMaker.RevisionOf(bot.Spec);
        var replicas = idle is not null ? 0 : await ScaleAsync(bot, present?.Spec.Replicas ?? bot.Spec.Activation?.Replicas ?? 1, cancellationToken);
        var status = bot.Status ?? new BotStatus();
        try
        {
            var wanted = BotPodMaker.MakeShared(bot, replicas, revision);
            await KeepRevisionAsync(bot, revision, cancellationToken);
            if (present is null)
            {
                present = await _client.CreateAsync(Kinds.Deployment, wanted, cancellationToken);
            }
            else if (present.Spec.Replicas != replicas || present.Metadata.Annotations?.TryGetValue(BotNames.RevisionLabel, out var runs) != true || runs != revision)
            {
                // Others keep notes on it too.
                foreach (var (key, value) in present.Metadata.Annotations ?? new Dictionary<string, string>())
                {
                    wanted.Metadata.Annotations.TryAdd(key, value);
                }

                wanted.Metadata.ResourceVersion = present.Metadata.ResourceVersion;
                present = await _client.UpdateAsync(Kinds.Deployment, wanted, cancellationToken: cancellationToken);
            }
        }
        catch (Exception e) when (e is JsonException or ApiException { Code: 400 or 403 or 422 })
        {
            status = status with { Phase = BotPhase.Waiting, Message = $"its template can't become a Deployment: {e.Message}", ObservedGeneration = bot.Metadata.Generation };
            await WriteStatusAsync(bot, status with { Conditions = Conditions.With(status.Conditions, "Ready", "False", "BadTemplate", status.Message, Time.GetUtcNow()) }, cancellationToken);
            throw new ObjectWaitsException(status.Message);
        }

        var ready = present.Status?.ReadyReplicas ?? 0;
        var (phase, message) = idle is { } i ? (i.Phase, i.Message) : ready >= replicas ? (BotPhase.Active, $"{ready} of {replicas} act") : (BotPhase.Starting, $"{ready} of {replicas} are ready");
        status = status with
        {
            Phase = phase, Message = message, Replicas = present.Status?.Replicas ?? 0, ReadyReplicas = ready, Revision = revision, Selector = $"{BotNames.BotLabel}={name}", ObservedGeneration = bot.Metadata.Generation,
            Conditions = Conditions.With(status.Conditions, "Ready", idle is null && ready >= replicas ? "True" : "False", idle?.Reason ?? "Replicas", message, Time.GetUtcNow()),
        };
        await WriteStatusAsync(bot, status, cancellationToken);
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
