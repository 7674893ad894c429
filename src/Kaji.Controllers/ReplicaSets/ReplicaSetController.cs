using System.Collections.Concurrent;
using k8s.Models;
using Kaji.Client;
using Kaji.Controllers.Pods;
using Kaji.Controllers.Writes;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.ReplicaSets;

/// <summary>Keeps as many Pods as a ReplicaSet (or a ReplicationController, see <see cref="IReplicaKind"/>) asks for. https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/</summary>
public sealed class ReplicaSetController : Controller
{
    private const int ParallelDeletes = 16;
    private const int NameAttempts = 5;
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan MaxRetry = TimeSpan.FromSeconds(30);
    private readonly IApiClient _client;
    private readonly OwnWrites<V1ReplicaSet> _sets;
    private readonly IInformer<V1Pod> _pods;
    private readonly IReplicaKind _kind;
    private readonly Expectations _expectations;
    private readonly ConcurrentDictionary<string, int> _refusals = new(StringComparer.Ordinal);

    public ReplicaSetController(IApiClient client, InformerFactory informers, EventRecorder events, TimeProvider time, ILoggerFactory logging)
        : this("replicaset-controller", new ReplicaSetKind(client, informers, events), client, informers, time, logging)
    {
    }

    private ReplicaSetController(string name, IReplicaKind kind, IApiClient client, InformerFactory informers, TimeProvider time, ILoggerFactory logging)
        : base(name, time, logging.CreateLogger<ReplicaSetController>())
    {
        (_kind, _client, _expectations) = (kind, client, new Expectations(time));
        _sets = new OwnWrites<V1ReplicaSet>(kind.Informer, time);
        _pods = informers.For(Kinds.Pod);
        kind.Informer.Subscribe(OnSet);
        _pods.Subscribe(OnPod);
    }

    /// <summary>The same controller for ReplicationControllers.</summary>
    public static ReplicaSetController OfReplicationControllers(IApiClient client, InformerFactory informers, EventRecorder events, TimeProvider time, ILoggerFactory logging) =>
        new("replication-controller", new ReplicationControllerKind(client, informers, events), client, informers, time, logging);

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (_sets.Get(ns, objectName) is not { } set)
        {
            return;
        }

        var owned = await ClaimAsync(set, cancellationToken);
        var now = Time.GetUtcNow();
        PodFailure? failure = null;
        var leaving = owned.Where(p => _expectations.Expects(set.Metadata.Uid, "-" + p.Metadata.Uid)).Select(p => p.Metadata.Uid).ToHashSet(StringComparer.Ordinal);
        if (set.Metadata.DeletionTimestamp is null)
        {
            if (_expectations.Wait(set.Metadata.Uid) is { } wait)
            {
                EnqueueAfter(ns, objectName, wait);
                failure = Told(set);
            }
            else
            {
                var plan = ReplicaSetPlan.Of(set, owned, now);
                failure = await ApplyAsync(set, plan, cancellationToken);
                leaving.UnionWith(plan.Delete.Select(p => p.Metadata.Uid));
                TryAgain(set, failure);
            }
        }

        if (StatusPatch.Of(set.Status, ReplicaSetPlan.Status(set, owned, leaving, failure, now)) is { } patch)
        {
            _sets.Wrote(await _kind.PatchStatusAsync(ns, objectName, patch, cancellationToken));
        }

        if (ReplicaSetPlan.NextAvailable(set, owned, now) is { } next)
        {
            EnqueueAfter(ns, objectName, next);
        }
    }

    /// <summary>What the condition said before: while the cache is behind, nothing new is known.</summary>
    private static PodFailure? Told(V1ReplicaSet set) =>
        set.Status?.Conditions?.FirstOrDefault(c => c is { Type: PodFailure.Condition, Status: "True" }) is { } old ? new PodFailure(old.Reason, old.Message) : null;

    private void OnSet(InformerEvent<V1ReplicaSet> change)
    {
        if (change.New is null)
        {
            _expectations.Forget(change.Object.Metadata.Uid);
            _refusals.TryRemove(change.Object.Metadata.Uid, out _);
        }

        Enqueue(change.Object.Metadata.NamespaceProperty, change.Object.Metadata.Name);
    }

    private void OnPod(InformerEvent<V1Pod> change)
    {
        var pod = change.Object;
        var owner = pod.Metadata.Controller();
        if (change.Old?.Metadata.Controller() is { } before && before.Kind == _kind.Kind && before.Uid != owner?.Uid)
        {
            Enqueue(pod.Metadata.NamespaceProperty, before.Name);
        }

        if (owner is not null && owner.Kind == _kind.Kind)
        {
            _expectations.Seen(owner.Uid, "+" + pod.Metadata.Name);
            if (change.New is null || pod.Metadata.DeletionTimestamp is not null)
            {
                _expectations.Seen(owner.Uid, "-" + pod.Metadata.Uid);
            }

            Enqueue(pod.Metadata.NamespaceProperty, owner.Name);
        }
        else if (owner is null && pod.Metadata.Labels is { Count: > 0 })
        {
            foreach (var set in _sets.List(pod.Metadata.NamespaceProperty).Where(s => s.Spec.Selector.Matches(pod.Metadata.Labels)))
            {
                Enqueue(set.Metadata.NamespaceProperty, set.Metadata.Name);
            }
        }
    }

    /// <summary>The set's Pods: those it controls, and matching orphans, which it takes; one that no longer matches is let go.</summary>
    private async Task<IReadOnlyList<V1Pod>> ClaimAsync(V1ReplicaSet set, CancellationToken cancellationToken)
    {
        var owned = new List<V1Pod>();
        bool? adopts = set.Metadata.DeletionTimestamp is null ? null : false;
        foreach (var pod in _pods.List(set.Metadata.NamespaceProperty))
        {
            var matches = set.Spec.Selector.Matches(pod.Metadata.Labels);
            switch (pod.Metadata.Controller())
            {
                case { } owner when owner.Uid == set.Metadata.Uid && matches:
                    owned.Add(pod);
                    break;
                case { } owner when owner.Uid == set.Metadata.Uid && set.Metadata.DeletionTimestamp is null:
                    await _client.PatchAsync(Kinds.Pod, pod.Metadata.NamespaceProperty, pod.Metadata.Name, OwnerPatch.Release(pod.Metadata, set.Metadata.Uid), null, cancellationToken);
                    break;
                case null when matches && pod.IsActive() && (adopts ??= await LivesAsync(set, cancellationToken)):
                    owned.Add(await _client.PatchAsync(Kinds.Pod, pod.Metadata.NamespaceProperty, pod.Metadata.Name, OwnerPatch.Adopt(pod.Metadata, Owner(set)), null, cancellationToken));
                    break;
            }
        }

        return owned;
    }

    /// <summary>Asks the server, not the cache: a set that is being deleted with its Pods orphaned must not take them back.</summary>
    private async Task<bool> LivesAsync(V1ReplicaSet set, CancellationToken cancellationToken) =>
        await _kind.FindAsync(set.Metadata.NamespaceProperty, set.Metadata.Name, cancellationToken) is { Metadata: { DeletionTimestamp: null } live } && live.Uid == set.Metadata.Uid;

    private async Task<PodFailure?> ApplyAsync(V1ReplicaSet set, ReplicaSetPlan plan, CancellationToken cancellationToken)
    {
        PodFailure? failure = null;
        await Parallel.ForEachAsync(plan.Delete, new ParallelOptions { MaxDegreeOfParallelism = ParallelDeletes, CancellationToken = cancellationToken }, async (pod, token) =>
        {
            if (await DeleteAsync(set, pod, token) is { } refused)
            {
                failure = refused;
            }
        });

        // Slow start: one, then two, then four ...; a template that is refused fails once, not a hundred times.
        var left = plan.Create;
        for (var batch = 1; left > 0 && failure is null; batch *= 2)
        {
            var outcomes = await Task.WhenAll(Enumerable.Range(0, Math.Min(batch, left)).Select(_ => CreateAsync(set, cancellationToken)));
            failure = outcomes.FirstOrDefault(o => o is not null);
            left -= outcomes.Length;
        }

        return failure;
    }

    /// <summary>Retries what was refused with a growing delay, from well below a second: in a new namespace the service account is only a moment away.</summary>
    private void TryAgain(V1ReplicaSet set, PodFailure? failure)
    {
        if (failure is null)
        {
            _refusals.TryRemove(set.Metadata.Uid, out _);
            return;
        }

        var times = _refusals.AddOrUpdate(set.Metadata.Uid, 0, (_, n) => Math.Min(n + 1, 20));
        EnqueueAfter(set.Metadata.NamespaceProperty, set.Metadata.Name, TimeSpan.FromTicks(Math.Min(MaxRetry.Ticks, FirstRetry.Ticks << times)));
    }

    private async Task<PodFailure?> DeleteAsync(V1ReplicaSet set, V1Pod pod, CancellationToken cancellationToken)
    {
        var (expected, done) = ("-" + pod.Metadata.Uid, false);
        _expectations.Expect(set.Metadata.Uid, expected);
        try
        {
            done = await _client.DeleteAsync(
                Kinds.Pod, pod.Metadata.NamespaceProperty, pod.Metadata.Name, new V1DeleteOptions { Preconditions = new V1Preconditions { Uid = pod.Metadata.Uid } }, cancellationToken);
            if (done)
            {
                _kind.Record(set, "Normal", "SuccessfulDelete", $"Deleted pod: {pod.Metadata.Name}");
            }

            return null;
        }
        catch (ApiException e) when (e.IsConflict)
        {
            // Another Pod has the name by now: the one that was meant is gone.
            return null;
        }
        catch (ApiException e) when (e.Code is >= 400 and < 500)
        {
            _kind.Record(set, "Warning", "FailedDelete", $"Error deleting: {e.Message}");
            return new PodFailure("FailedDelete", e.Message);
        }
        finally
        {
            if (!done)
            {
                _expectations.Seen(set.Metadata.Uid, expected);
            }
        }
    }

    private async Task<PodFailure?> CreateAsync(V1ReplicaSet set, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var pod = Make(set, PodNames.Next(set.Metadata.Name, Random.Shared));
            var (expected, done) = ("+" + pod.Metadata.Name, false);
            _expectations.Expect(set.Metadata.Uid, expected);
            try
            {
                await _client.CreateAsync(Kinds.Pod, pod, cancellationToken);
                done = true;
                _kind.Record(set, "Normal", "SuccessfulCreate", $"Created pod: {pod.Metadata.Name}");
                return null;
            }
            catch (ApiException e) when (e.IsAlreadyExists && attempt < NameAttempts)
            {
                continue;
            }
            catch (ApiException e) when (e.Code is >= 400 and < 500)
            {
                _kind.Record(set, "Warning", "FailedCreate", $"Error creating: {e.Message}");
                return new PodFailure("FailedCreate", e.Message);
            }
            finally
            {
                if (!done)
                {
                    _expectations.Seen(set.Metadata.Uid, expected);
                }
            }
        }
    }

    private V1Pod Make(V1ReplicaSet set, string name)
    {
        var template = set.Spec.Template.Metadata;
        return new V1Pod
        {
            Metadata = new V1ObjectMeta
            {
                Name = name, GenerateName = PodNames.Prefix(set.Metadata.Name), NamespaceProperty = set.Metadata.NamespaceProperty, Labels = template?.Labels, Annotations = template?.Annotations,
                Finalizers = template?.Finalizers, OwnerReferences = [Owner(set)],
            },
            Spec = set.Spec.Template.Spec,
        };
    }

    private V1OwnerReference Owner(V1ReplicaSet set) =>
        new() { ApiVersion = _kind.ApiVersion, Kind = _kind.Kind, Name = set.Metadata.Name, Uid = set.Metadata.Uid, Controller = true, BlockOwnerDeletion = true };
}
