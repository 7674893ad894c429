using System.Collections.Concurrent;
using System.Text.Json;
using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Bots.Fence;
using Kaji.Bots.Warden;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Bots.Operator;

/// <summary>
/// Brings each Bot to what its spec says: observe (its account, halts, Lease, Pods), plan (<see cref="BotPlan"/>), apply. It is the grantor of the fence: it alone writes new
/// epochs into Leases, each time over a version that it has seen.
/// </summary>
public sealed partial class BotController : Controller
{
    private static readonly TimeSpan SayAgeEvery = TimeSpan.FromSeconds(15);
    private readonly IApiClient _client;
    private readonly BotInformers _informers;
    private readonly HaltBook _halts;
    private readonly LeaseBook _book;
    private readonly FigureBook _figures;
    private readonly EventRecorder _events;
    private readonly OperatorOptions _options;
    private readonly ILogger _log;

    /// <summary>Versions that the API refused to make a Pod of.</summary>
    private readonly ConcurrentDictionary<(string Namespace, string Bot), (string Revision, string Why)> _refused = new();

    public BotController(IApiClient client, BotInformers informers, HaltBook halts, LeaseBook book, FigureBook figures, EventRecorder events, OperatorOptions options, TimeProvider time, ILoggerFactory logging)
        : base("bot-controller", time, logging.CreateLogger<BotController>())
    {
        (_client, _informers, _halts, _book, _figures, _events, _options, _log) = (client, informers, halts, book, figures, events, options, logging.CreateLogger<BotController>());
        informers.Bots.Subscribe(c => Enqueue(c.Object.Metadata.NamespaceProperty, c.Object.Metadata.Name));
        informers.Pods.Subscribe(c => EnqueueOf(c.Object.Metadata));
        informers.Leases.Subscribe(c =>
        {
            if (c.New is { } lease && BotOf(lease.Metadata) is { } bot)
            {
                _book.Observe(lease.Metadata.NamespaceProperty, bot, lease);
            }

            EnqueueOf(c.Object.Metadata);
        });
        informers.Accounts.Subscribe(c =>
        {
            // Claims change often, and who waits for one must hear of it.
            foreach (var bot in informers.Bots.List().Where(b => BotPodMaker.AccountOf(b, b.Spec) == $"{c.Object.Metadata.NamespaceProperty}/{c.Object.Metadata.Name}"))
            {
                Enqueue(bot.Metadata.NamespaceProperty, bot.Metadata.Name);
            }
        });
        halts.Changed += () =>
        {
            foreach (var bot in informers.Bots.List())
            {
                Enqueue(bot.Metadata.NamespaceProperty, bot.Metadata.Name);
            }
        };
        informers.Deployments.Subscribe(c => EnqueueOf(c.Object.Metadata));
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (_informers.Bots.Get(ns, objectName) is not { } bot)
        {
            _figures.Forget(ns, objectName);
            _refused.TryRemove((ns, objectName), out _);
            return;
        }

        try
        {
            if (bot.Metadata.DeletionTimestamp is null && bot.Metadata.Finalizers?.Contains(BotNames.Finalizer) != true)
            {
                bot = await FinalizeAsync(bot, add: true, cancellationToken);
            }

            await (bot.Spec.Activation?.Mode == BotSpec.Shared ? ShareAsync(bot, cancellationToken) : KeepAsync(bot, cancellationToken));
        }
        catch (ApiException e) when (LacksRights(e))
        {
            await WaitAsync(bot, bot.Status ?? new BotStatus(), "Forbidden", $"the operator is not allowed to go on: {e.Message}", cancellationToken);
        }
    }

    /// <summary>A Singleton.</summary>
    private async Task KeepAsync(Bot bot, CancellationToken cancellationToken)
    {
        var (ns, name) = (bot.Metadata.NamespaceProperty, bot.Metadata.Name);
        var lease = _informers.Leases.Get(ns, BotNames.LeaseOf(name));
        var view = await ObserveAsync(bot, lease, cancellationToken);
        var plan = BotPlan.Of(view);
        if (!await ApplyAsync(bot, view, plan, lease, cancellationToken))
        {
            return;
        }

        await TellWardensAsync(bot, view, cancellationToken);
        await ReleaseFormerClaimsAsync(bot, view, cancellationToken);
        await WriteStatusAsync(bot, plan.Status, cancellationToken);
        if (plan.Due is { } due)
        {
            EnqueueAfter(ns, name, due);
        }

        if (bot.Metadata.DeletionTimestamp is not null && view.AtRest)
        {
            await FinalizeAsync(bot, add: false, cancellationToken);
        }
    }

    private async Task<BotView> ObserveAsync(Bot bot, V1Lease? lease, CancellationToken cancellationToken)
    {
        var (ns, name) = (bot.Metadata.NamespaceProperty, bot.Metadata.Name);
        FenceRecord? record = lease is null ? null : LeaseRecord.Of(lease);
        if (lease is not null)
        {
            _book.Observe(ns, name, lease);
        }

        var pods = _informers.PodsOf(ns, name).Where(p => p.Metadata.Labels.ContainsKey(BotNames.EpochLabel)).Select(p => BotPod.Of(p, _informers.IsReady)).ToArray();
        var revision = BotPodMaker.RevisionOf(bot.Spec);
        var report = LeaseRecord.ReportOf(lease);
        var verdict = _figures.Judge(bot, report, lease?.Metadata.ResourceVersion);
        var (idle, claim) = await ClaimAsync(bot, record, pods, cancellationToken);

        return new BotView
        {
            Bot = bot, Now = Time.GetUtcNow(), Pods = pods, Lease = record, Revision = revision, Report = report, Idle = idle, Verdict = verdict, Freshness = _figures.FreshnessOf(ns, name),
            GrantIn = record is { } r ? _book.GrantIn(ns, name, r.Version) : null,
            LastStop = LeaseRecord.StopOf(lease), Claim = claim, ActingFor = _figures.ActingFor(ns, name, record?.Epoch ?? 0),
            TemplateFault = _refused.TryGetValue((ns, name), out var refused) && refused.Revision == revision ? refused.Why : null,
            ReplaceThrough = _figures.ReplaceThrough(ns, name), SayAge = _figures.AgeDue(ns, name, SayAgeEvery),
        };
    }

    /// <returns>False when the world turned out to be another than the plan was made for: it comes again.</returns>
    private async Task<bool> ApplyAsync(Bot bot, BotView view, BotPlan plan, V1Lease? lease, CancellationToken cancellationToken)
    {
        var (ns, name) = (bot.Metadata.NamespaceProperty, bot.Metadata.Name);
        _figures.Replace(ns, name, plan.ReplaceThrough);
        foreach (var step in plan.Steps)
        {
            switch (step.Kind)
            {
                case BotStepKind.HaltBot:
                case BotStepKind.HaltAccount:
                    await HaltAsync(bot, step, cancellationToken);
                    break;
                case BotStepKind.MakeLease:
                    await _client.CreateAsync(Kinds.Lease, LeaseRecord.New(ns, name, Seconds(bot), step.Epoch), cancellationToken);
                    break;
                case BotStepKind.TryPod:
                case BotStepKind.MakePod:
                    if (!await MakePodAsync(bot, view, plan, step, cancellationToken))
                    {
                        return false;
                    }

                    break;
                case BotStepKind.Grant:
                    await _client.UpdateAsync(Kinds.Lease, LeaseRecord.Granted(lease!, step.Pod, step.Epoch, LeaseSecondsOf(bot, step.Pod), Time.GetUtcNow().UtcDateTime, step.Why.Length > 0 ? JsonSerializer.Serialize(Lost(view.Lease!.Value.Epoch, step.Why), BotJson.Default.StopResult) : null), cancellationToken: cancellationToken);
                    _events.Record(BotKinds.Bot, bot, "Normal", "EpochGranted", $"epoch {step.Epoch} goes to {step.Pod}");
                    Granted(ns, name, step.Epoch, step.Pod);
                    break;
                case BotStepKind.DeletePod:
                    if (view.Pods.Any(p => p.Name == step.Pod && !p.Ended))
                    {
                        await _client.PatchAsync(Kinds.Pod, ns, step.Pod, Patch.Merge(JsonSerializer.SerializeToUtf8Bytes(Annotation(BotNames.WhyAnnotation, step.Why), BotJson.Default.JsonObject)), cancellationToken: cancellationToken);
                    }

                    await _client.DeleteAsync(Kinds.Pod, ns, step.Pod, cancellationToken: cancellationToken);
                    _events.Record(BotKinds.Bot, bot, "Normal", "PodDeleted", $"{step.Pod}: {step.Why}");
                    break;
                case BotStepKind.AskToYield:
                    await _client.PatchAsync(Kinds.Pod, ns, step.Pod, Patch.Merge(JsonSerializer.SerializeToUtf8Bytes(Annotation(BotNames.YieldAnnotation, step.Why), BotJson.Default.JsonObject)), cancellationToken: cancellationToken);
                    _events.Record(BotKinds.Bot, bot, "Normal", "HandingOver", $"{step.Pod} is asked to make room for {step.Why}");
                    break;
                case BotStepKind.WriteOff:
                    await _client.UpdateAsync(Kinds.Lease, LeaseRecord.Released(lease!, JsonSerializer.Serialize(Lost(step.Epoch, step.Pod), BotJson.Default.StopResult)), cancellationToken: cancellationToken);
                    break;
            }
        }

        return true;
    }

    /// <summary>One Halt a bot or account; it stays until a person releases it.</summary>
    private async Task HaltAsync(Bot bot, BotStep step, CancellationToken cancellationToken)
    {
        var account = step.Kind == BotStepKind.HaltAccount ? BotPodMaker.AccountOf(bot, bot.Spec) : null;
        var key = $"{bot.Metadata.NamespaceProperty}/{bot.Metadata.Name}";
        await _client.CreateAsync(BotKinds.Halt, new Halt
        {
            Metadata = new V1ObjectMeta { GenerateName = "guard-" },
            Spec = new HaltSpec { Account = account, Bots = account is null ? [key] : null, By = "bot-operator", Why = account is null ? step.Why : $"{key}: {step.Why}" },
        }, cancellationToken);
        _events.Record(BotKinds.Bot, bot, "Warning", "Halted", step.Why);
    }

    private async Task<Bot> FinalizeAsync(Bot bot, bool add, CancellationToken cancellationToken)
    {
        var copy = ModelJson.Clone(bot);
        copy.Metadata.Finalizers = add ? [.. copy.Metadata.Finalizers ?? [], BotNames.Finalizer] : [.. (copy.Metadata.Finalizers ?? []).Where(f => f != BotNames.Finalizer)];
        return await _client.UpdateAsync(BotKinds.Bot, copy, cancellationToken: cancellationToken);
    }

    private async Task WriteStatusAsync(Bot bot, BotStatus status, CancellationToken cancellationToken)
    {
        // Compared as it will be read: times lose their fractions on the way.
        var next = ModelJson.Serialize(bot with { Status = status });
        if (!next.AsSpan().SequenceEqual(ModelJson.Serialize(bot)))
        {
            if (status.Phase != bot.Status?.Phase)
            {
                _events.Record(BotKinds.Bot, bot, status.Phase is BotPhase.CrashLoop or BotPhase.Halted ? "Warning" : "Normal", status.Phase ?? "Unknown", status.Message ?? "");
            }

            if (status.Conditions?.FirstOrDefault(c => c.Type == "Alert" && c.Status == "True") is { } alert && bot.Status?.Conditions?.Any(c => c.Type == "Alert" && c.Status == "True" && c.Reason == alert.Reason) != true)
            {
                _events.Record(BotKinds.Bot, bot, "Warning", alert.Reason, alert.Message);
            }

            if (status.LastStop is { } stop && stop.Epoch != bot.Status?.LastStop?.Epoch)
            {
                _events.Record(BotKinds.Bot, bot, stop.Outcome == StopResult.Clean ? "Normal" : "Warning", stop.Outcome == StopResult.Clean ? "StoppedClean" : "StoppedUnclean", $"epoch {stop.Epoch}: {stop.Why}{(stop.Fault is null ? "" : "; " + stop.Fault)}");
            }

            await _client.UpdateAsync(BotKinds.Bot, bot with { Status = status }, "status", cancellationToken);
        }
    }

    private void EnqueueOf(V1ObjectMeta metadata)
    {
        if (BotOf(metadata) is { } bot)
        {
            Enqueue(metadata.NamespaceProperty, bot);
        }
    }

    private static string? BotOf(V1ObjectMeta metadata) => metadata.Labels?.TryGetValue(BotNames.BotLabel, out var bot) == true ? bot : null;

    private static string RevisionName(Bot bot, string revision) => $"{bot.Metadata.Name}-{revision}";

    private StopResult Lost(long epoch, string who) => new() { Epoch = epoch, Cause = StopResult.Lost, Why = $"{who} fell silent", Fault = "nobody has seen it stop", At = Time.GetUtcNow().UtcDateTime };

    private static int Seconds(Bot bot) => bot.Spec.Activation?.LeaseSeconds ?? 5;

    /// <summary>By which a Pod's warden counts: that of the time when the Pod was made.</summary>
    private int LeaseSecondsOf(Bot bot, string pod) => _informers.PodsOf(bot.Metadata.NamespaceProperty, bot.Metadata.Name).FirstOrDefault(p => p.Metadata.Name == pod) is { } made && WardenPlan.TryOf(made) is { } plan ? plan.LeaseSeconds : Seconds(bot);

    /// <summary>Says what a bot waits for, and tries again later.</summary>
    /// <exception cref="ObjectWaitsException">Always.</exception>
    private async Task WaitAsync(Bot bot, BotStatus status, string reason, string message, CancellationToken cancellationToken)
    {
        status = status with { Phase = status.Phase ?? BotPhase.Waiting, Message = message, ObservedGeneration = bot.Metadata.Generation, Conditions = Conditions.With(status.Conditions, "Ready", "False", reason, message, Time.GetUtcNow()) };
        await WriteStatusAsync(bot, status, cancellationToken);
        throw new ObjectWaitsException(message);
    }

    private static System.Text.Json.Nodes.JsonObject Annotation(string key, string value) => new() { ["metadata"] = new System.Text.Json.Nodes.JsonObject { ["annotations"] = new System.Text.Json.Nodes.JsonObject { [key] = value } } };

    [LoggerMessage(1, LogLevel.Information, "bot {namespace}/{bot}: epoch {epoch} goes to {pod}")]
    private partial void Granted(string @namespace, string bot, long epoch, string pod);
}
