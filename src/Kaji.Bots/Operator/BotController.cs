using System.Globalization;
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
            return;
        }

        if (bot.Metadata.DeletionTimestamp is null && bot.Metadata.Finalizers?.Contains(BotNames.Finalizer) != true)
        {
            bot = await FinalizeAsync(bot, add: true, cancellationToken);
        }

        if (bot.Spec.Activation?.Mode == BotSpec.Shared)
        {
            await ShareAsync(bot, cancellationToken);
            return;
        }

        var lease = _informers.Leases.Get(ns, BotNames.LeaseOf(objectName));
        var view = await ObserveAsync(bot, lease, cancellationToken);
        var plan = BotPlan.Of(view);
        try
        {
            await ApplyAsync(bot, view, plan, lease, cancellationToken);
        }
        catch (ApiException e) when (LacksRights(e))
        {
            var message = $"the operator is not allowed to go on: {e.Message}";
            await WriteStatusAsync(bot, plan.Status with { Message = message, Conditions = Conditions.With(plan.Status.Conditions, "Ready", "False", "Forbidden", message, Time.GetUtcNow()) }, cancellationToken);
            throw new ObjectWaitsException(message);
        }

        await WriteStatusAsync(bot, plan.Status, cancellationToken);
        if (plan.Due is { } due)
        {
            EnqueueAfter(ns, objectName, due);
        }

        var atRest = view.Lease is null or { Released: true } or { Epoch: 0 } && view.Pods.All(p => p.Ended);
        if (bot.Metadata.DeletionTimestamp is not null && atRest)
        {
            await ReleaseClaimAsync(bot, cancellationToken);
            await FinalizeAsync(bot, add: false, cancellationToken);
        }
        else if (view.Idle is not null && atRest)
        {
            await ReleaseClaimAsync(bot, cancellationToken);
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
        var report = lease?.Metadata.Annotations?.TryGetValue(BotNames.ReportAnnotation, out var text) == true ? JsonSerializer.Deserialize(text, BotJson.Default.BotReport) : null;
        var verdict = _figures.Judge(bot, report, lease?.Metadata.ResourceVersion);
        var idle = await IdleAsync(bot, record, pods, cancellationToken);

        return new BotView
        {
            Bot = bot, Now = Time.GetUtcNow(), Pods = pods, Lease = record, Revision = revision, Report = report, Idle = idle, Verdict = verdict, Freshness = _figures.FreshnessOf(ns, name),
            GrantIn = record is { } r ? _book.GrantIn(ns, name, r.Version) : null,
            LastStop = lease?.Metadata.Annotations?.TryGetValue(BotNames.StopAnnotation, out var stop) == true ? JsonSerializer.Deserialize(stop, BotJson.Default.StopResult) : null,
            ReplaceThrough = _figures.ReplaceThrough(ns, name), SayAge = _figures.AgeDue(ns, name, SayAgeEvery),
        };
    }

    /// <summary>Why a bot must not run now; takes its claim on the way.</summary>
    private async Task<(string Phase, string Reason, string Message)?> IdleAsync(Bot bot, FenceRecord? record, IReadOnlyList<BotPod> pods, CancellationToken cancellationToken)
    {
        var (ns, name) = (bot.Metadata.NamespaceProperty, bot.Metadata.Name);
        var accountName = BotPodMaker.AccountOf(bot, bot.Spec);
        if (bot.Metadata.DeletionTimestamp is not null)
        {
            return (BotPhase.Stopped, "Deleted", "it is deleted");
        }

        if (_halts.Find(ns, name, accountName, bot.Metadata.Labels) is { } halt)
        {
            return (BotPhase.Halted, "Halted", $"halt {halt.Name}{(halt.Why.Length > 0 ? ": " + halt.Why : "")}");
        }

        if (bot.Spec.Stopped == true || bot.Spec.Activation?.Replicas == 0)
        {
            return (BotPhase.Stopped, "Stopped", bot.Spec.Stopped == true ? "it was stopped by a person (spec.stopped)" : "spec.activation.replicas is 0");
        }

        var (runs, change, fault) = ScheduleRule.At(bot.Spec.Schedule, Time.GetUtcNow());
        if (change is { } wait)
        {
            EnqueueAfter(ns, name, wait + TimeSpan.FromMilliseconds(10));
        }

        if (!runs)
        {
            return fault is not null ? (BotPhase.Waiting, "BadSchedule", fault) : (BotPhase.Stopped, "Schedule", change is { } rest ? string.Create(CultureInfo.InvariantCulture, $"its schedule has it rest until {Time.GetUtcNow() + rest:yyyy-MM-dd HH:mm} UTC") : "its schedule never has it run");
        }

        if (accountName is null)
        {
            return null;
        }

        if (_informers.Accounts.Get(accountName.Split('/')[0], accountName.Split('/')[1]) is not { } account)
        {
            return (BotPhase.Waiting, "UnknownAccount", $"account {accountName} does not exist");
        }

        var atRest = record is null or { Released: true } or { Epoch: 0 };
        if (account.Metadata.DeletionTimestamp is not null && atRest)
        {
            return (BotPhase.Waiting, "AccountDeleted", $"account {accountName} is being deleted: bots that act on it go on, but nobody begins");
        }

        if (account.Spec.Credentials is { } credentials && await _client.FindAsync(Kinds.Secret, ns, credentials.SecretName, cancellationToken) is null && pods.Count == 0)
        {
            EnqueueAfter(ns, name, TimeSpan.FromSeconds(2));
            return (BotPhase.Waiting, "UnknownSecret", $"Secret {ns}/{credentials.SecretName}, which holds the credentials of account {accountName}, does not exist");
        }

        var claim = ClaimPlan.Take(account, $"{ns}/{name}", bot.Spec.Markets, record?.Epoch ?? 0, atRest);
        if (claim.Refused is { } refused)
        {
            return (BotPhase.Waiting, "ClaimRefused", refused);
        }

        if (claim.Claims is { } claims)
        {
            await WriteClaimsAsync(account, claims, cancellationToken);
        }

        return null;
    }

    private async Task ApplyAsync(Bot bot, BotView view, BotPlan plan, V1Lease? lease, CancellationToken cancellationToken)
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
                case BotStepKind.MakePod:
                    if (!await MakePodAsync(bot, view, step, cancellationToken))
                    {
                        return;
                    }

                    break;
                case BotStepKind.Grant:
                    await _client.UpdateAsync(Kinds.Lease, LeaseRecord.Granted(lease!, step.Pod, step.Epoch, Seconds(bot), Time.GetUtcNow().UtcDateTime, step.Why.Length > 0 ? JsonSerializer.Serialize(Lost(view.Lease!.Value.Epoch, step.Why), BotJson.Default.StopResult) : null), cancellationToken: cancellationToken);
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
    }

    private async Task<bool> MakePodAsync(Bot bot, BotView view, BotStep step, CancellationToken cancellationToken)
    {
        var spec = step.Revision == view.Revision ? bot.Spec : _informers.Revisions.Get(bot.Metadata.NamespaceProperty, RevisionName(bot, step.Revision))?.Data ?? bot.Spec;
        await KeepRevisionAsync(bot, view.Revision, cancellationToken);
        var accountName = BotPodMaker.AccountOf(bot, spec);
        var account = accountName is null ? null : _informers.Accounts.Get(accountName.Split('/')[0], accountName.Split('/')[1]);
        var silent = step.Avoid is not null || view.Lease is { Released: false, Epoch: > 0 } && !step.Standby;
        var previous = view.Lease?.Epoch is null or 0 ? "None" : silent ? StopResult.Unclean : view.LastStop?.Outcome ?? StopResult.Unclean;
        try
        {
            var pod = BotPodMaker.Make(new BotPodRequest(bot, spec, account, step.Epoch, step.Revision, step.Standby, step.Avoid, view.Lease?.Epoch ?? 0, step.Standby ? StopResult.Clean : previous));
            if (_options.Sidecar is { } sidecar)
            {
                await sidecar.AddToAsync(_client, pod, cancellationToken);
            }

            await _client.CreateAsync(Kinds.Pod, pod, cancellationToken);
            return true;
        }
        catch (ApiException e) when (e.IsAlreadyExists)
        {
            // The cache is behind: its event comes and the plan is made again.
            return false;
        }
        catch (Exception e) when (e is JsonException || (e is ApiException { Code: 400 or 403 or 422 } refused && !LacksRights(refused)))
        {
            var status = (bot.Status ?? new BotStatus()) with { Phase = BotPhase.Waiting, Message = $"its template can't become a Pod: {e.Message}", ObservedGeneration = bot.Metadata.Generation };
            status = status with { Conditions = Conditions.With(status.Conditions, "Ready", "False", "BadTemplate", status.Message, Time.GetUtcNow()) };
            await WriteStatusAsync(bot, status, cancellationToken);
            _events.Record(BotKinds.Bot, bot, "Warning", "BadTemplate", status.Message);
            throw new ObjectWaitsException(status.Message);
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

    private async Task ReleaseClaimAsync(Bot bot, CancellationToken cancellationToken)
    {
        if (BotPodMaker.AccountOf(bot, bot.Spec) is { } name && _informers.Accounts.Get(name.Split('/')[0], name.Split('/')[1]) is { } account
            && ClaimPlan.Release(account, $"{bot.Metadata.NamespaceProperty}/{bot.Metadata.Name}").Claims is { } claims)
        {
            await WriteClaimsAsync(account, claims, cancellationToken);
        }
    }

    private async Task WriteClaimsAsync(Account account, IList<AccountClaim> claims, CancellationToken cancellationToken) =>
        await _client.UpdateAsync(BotKinds.Account, account with { Status = (account.Status ?? new AccountStatus()) with { Claims = claims } }, "status", cancellationToken);

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

    private static System.Text.Json.Nodes.JsonObject Annotation(string key, string value) => new() { ["metadata"] = new System.Text.Json.Nodes.JsonObject { ["annotations"] = new System.Text.Json.Nodes.JsonObject { [key] = value } } };

    [LoggerMessage(1, LogLevel.Information, "bot {namespace}/{bot}: epoch {epoch} goes to {pod}")]
    private partial void Granted(string @namespace, string bot, long epoch, string pod);
}
