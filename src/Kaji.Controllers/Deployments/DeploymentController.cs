using System.Text;
using System.Text.Json.Nodes;
using k8s.Models;
using Kaji.Client;
using Kaji.Controllers.Pods;
using Kaji.Controllers.Writes;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.Deployments;

/// <summary>Rolls a Deployment's template out over ReplicaSets. https://kubernetes.io/docs/concepts/workloads/controllers/deployment/</summary>
public sealed class DeploymentController : Controller
{
    private readonly IApiClient _client;
    private readonly OwnWrites<V1Deployment> _deployments;
    private readonly OwnWrites<V1ReplicaSet> _sets;
    private readonly IInformer<V1Pod> _pods;
    private readonly EventRecorder _events;

    public DeploymentController(IApiClient client, InformerFactory informers, EventRecorder events, TimeProvider time, ILoggerFactory logging)
        : base("deployment-controller", time, logging.CreateLogger<DeploymentController>())
    {
        (_client, _events) = (client, events);
        var (deployments, sets) = (informers.For(Kinds.Deployment), informers.For(Kinds.ReplicaSet));
        _deployments = new OwnWrites<V1Deployment>(deployments, time);
        _sets = new OwnWrites<V1ReplicaSet>(sets, time);
        _pods = informers.For(Kinds.Pod);
        deployments.Subscribe(change => Enqueue(change.Object.Metadata.NamespaceProperty, change.Object.Metadata.Name));
        sets.Subscribe(OnSet);
        _pods.Subscribe(change =>
        {
            // Recreate waits until the old Pods are gone for good.
            if (change.New is null && change.Object.Metadata.Controller() is { Kind: "ReplicaSet" } owner && _sets.Get(change.Object.Metadata.NamespaceProperty, owner.Name)?.Metadata.Controller() is { } deployment)
            {
                Enqueue(change.Object.Metadata.NamespaceProperty, deployment.Name);
            }
        });
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (_deployments.Get(ns, objectName) is not { } deployment || deployment.Metadata.DeletionTimestamp is not null)
        {
            return;
        }

        var sets = await ClaimAsync(deployment, cancellationToken);
        var newest = NewReplicaSet.Find(deployment, sets);
        var created = false;
        if (deployment.Spec.Paused == true || ScalePlan.IsResized(deployment, sets))
        {
            sets = await ScaleAsync(deployment, sets, ScalePlan.Resize(deployment, newest, sets), cancellationToken);
        }
        else
        {
            (newest, created) = await EnsureNewestAsync(deployment, newest, sets, cancellationToken);
            if (newest is null)
            {
                return;
            }

            var old = sets.Where(s => s.Metadata.Uid != newest.Metadata.Uid).OrderBy(s => Annotations.RevisionOf(s.Metadata)).ToArray();
            sets = await ScaleAsync(deployment, [newest, .. old], ScalePlan.Rollout(deployment, newest, old, old.Any(HasPods)), cancellationToken);
        }

        newest = sets.FirstOrDefault(s => s.Metadata.Uid == newest?.Metadata.Uid);
        var complete = await WriteStatusAsync(deployment, newest, created, sets, cancellationToken);
        if (complete || deployment.Spec.Paused == true)
        {
            await CleanUpAsync(deployment, newest, sets, cancellationToken);
        }
    }

    private void OnSet(InformerEvent<V1ReplicaSet> change)
    {
        var set = change.Object;
        if (set.Metadata.Controller() is { } owner)
        {
            if (owner.Kind == "Deployment")
            {
                Enqueue(set.Metadata.NamespaceProperty, owner.Name);
            }

            return;
        }

        foreach (var deployment in _deployments.List(set.Metadata.NamespaceProperty).Where(d => d.Spec.Selector.Matches(set.Metadata.Labels)))
        {
            Enqueue(deployment.Metadata.NamespaceProperty, deployment.Metadata.Name);
        }
    }

    /// <summary>The Deployment's sets: those it controls, and matching orphans, which it takes; one that no longer matches is let go.</summary>
    private async Task<IReadOnlyList<V1ReplicaSet>> ClaimAsync(V1Deployment deployment, CancellationToken cancellationToken)
    {
        var owned = new List<V1ReplicaSet>();
        bool? adopts = null;
        foreach (var set in _sets.List(deployment.Metadata.NamespaceProperty).Where(s => s.Metadata.DeletionTimestamp is null))
        {
            var matches = deployment.Spec.Selector.Matches(set.Metadata.Labels);
            switch (set.Metadata.Controller())
            {
                case { } owner when owner.Uid == deployment.Metadata.Uid && matches:
                    owned.Add(set);
                    break;
                case { } owner when owner.Uid == deployment.Metadata.Uid:
                    await PatchAsync(set, OwnerPatch.Release(set.Metadata, deployment.Metadata.Uid), cancellationToken);
                    break;
                case null when matches && (adopts ??= await LivesAsync(deployment, cancellationToken)):
                    owned.Add(await PatchAsync(set, OwnerPatch.Adopt(set.Metadata, NewReplicaSet.Owner(deployment)), cancellationToken));
                    break;
            }
        }

        return owned;
    }

    /// <summary>Asks the server, not the cache: a Deployment that is being deleted with its sets orphaned must not take them back.</summary>
    private async Task<bool> LivesAsync(V1Deployment deployment, CancellationToken cancellationToken) =>
        await _client.FindAsync(Kinds.Deployment, deployment.Metadata.NamespaceProperty, deployment.Metadata.Name, cancellationToken) is { Metadata: { DeletionTimestamp: null } live } && live.Uid == deployment.Metadata.Uid;

    /// <summary>The set of the present template: found, with its revision raised to the newest, or made.</summary>
    private async Task<(V1ReplicaSet? Set, bool Created)> EnsureNewestAsync(V1Deployment deployment, V1ReplicaSet? present, IReadOnlyList<V1ReplicaSet> sets, CancellationToken cancellationToken)
    {
        var revision = NewReplicaSet.RevisionFor(present, sets);
        var created = false;
        if (present is null)
        {
            var wish = NewReplicaSet.Make(deployment, sets);
            try
            {
                present = _sets.Wrote(await _client.CreateAsync(Kinds.ReplicaSet, wish, cancellationToken));
                created = true;
                if (wish.Spec.Replicas is > 0 and { } size)
                {
                    Scaled(deployment, wish.Metadata.Name, 0, size);
                }
            }
            catch (ApiException e) when (e.IsAlreadyExists)
            {
                present = await CollidedAsync(deployment, wish, cancellationToken);
            }
        }
        else if (NewReplicaSet.Update(deployment, present, revision) is { } update)
        {
            present = await PatchAsync(present, update, cancellationToken);
        }

        if (present is not null && Annotations.RevisionOf(deployment.Metadata) != revision)
        {
            var annotation = new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { [Annotations.Revision] = Annotations.Text(revision) } } };
            _deployments.Wrote(await _client.PatchAsync(
                Kinds.Deployment, deployment.Metadata.NamespaceProperty, deployment.Metadata.Name, Patch.Merge(Encoding.UTF8.GetBytes(annotation.ToJsonString())), null, cancellationToken));
        }

        return (present, created);
    }

    /// <summary>The name is taken: by the set that the cache does not show yet, or by one of another template with the same hash, which a count in the status then tells apart.</summary>
    private async Task<V1ReplicaSet?> CollidedAsync(V1Deployment deployment, V1ReplicaSet wish, CancellationToken cancellationToken)
    {
        var present = await _client.GetAsync(Kinds.ReplicaSet, wish.Metadata.NamespaceProperty, wish.Metadata.Name, cancellationToken);
        if (present.Metadata.Controller()?.Uid == deployment.Metadata.Uid && TemplateHash.Same(present.Spec.Template, deployment.Spec.Template))
        {
            return present;
        }

        var status = deployment.Status is null ? new V1DeploymentStatus() : ModelJson.Clone(deployment.Status);
        status.CollisionCount = (status.CollisionCount ?? 0) + 1;
        await WriteAsync(deployment, status, cancellationToken);
        return null;
    }

    private bool HasPods(V1ReplicaSet set) => _pods.List(set.Metadata.NamespaceProperty).Any(p => p.Metadata.Controller()?.Uid == set.Metadata.Uid && !p.HasEnded());

    /// <returns>The sets as they are now.</returns>
    private async Task<IReadOnlyList<V1ReplicaSet>> ScaleAsync(V1Deployment deployment, IReadOnlyList<V1ReplicaSet> sets, IReadOnlyList<(V1ReplicaSet Set, int Size)> plan, CancellationToken cancellationToken)
    {
        var wanted = deployment.Spec.Replicas ?? 1;
        var max = wanted + RollingMath.Limits(deployment).Surge;
        var after = sets.ToDictionary(s => s.Metadata.Uid, StringComparer.Ordinal);
        foreach (var (set, size) in plan)
        {
            var present = set.Spec.Replicas ?? 0;
            var told = Annotations.Number(set.Metadata, Annotations.Desired) == wanted && Annotations.Number(set.Metadata, Annotations.Max) == max;
            if (present == size && (told || size == 0))
            {
                continue;
            }

            var patch = $$$"""{"metadata":{"annotations":{"{{{Annotations.Desired}}}":"{{{Annotations.Text(wanted)}}}","{{{Annotations.Max}}}":"{{{Annotations.Text(max)}}}"}},"spec":{"replicas":{{{Annotations.Text(size)}}}}}""";
            after[set.Metadata.Uid] = await PatchAsync(set, Patch.Merge(Encoding.UTF8.GetBytes(patch)), cancellationToken);
            if (present != size)
            {
                Scaled(deployment, set.Metadata.Name, present, size);
            }
        }

        return [.. after.Values];
    }

    /// <returns>Whether the rollout is through.</returns>
    private async Task<bool> WriteStatusAsync(V1Deployment deployment, V1ReplicaSet? newest, bool created, IReadOnlyList<V1ReplicaSet> sets, CancellationToken cancellationToken)
    {
        var now = Time.GetUtcNow();
        var status = DeploymentStatusPlan.Of(deployment, newest, created, sets, now);
        await WriteAsync(deployment, status, cancellationToken);
        if (DeploymentStatusPlan.Deadline(deployment, status) is { } deadline && deadline > now)
        {
            EnqueueAfter(deployment.Metadata.NamespaceProperty, deployment.Metadata.Name, deadline - now + TimeSpan.FromSeconds(1));
        }

        return DeploymentStatusPlan.IsComplete(deployment, status);
    }

    private async Task WriteAsync(V1Deployment deployment, V1DeploymentStatus status, CancellationToken cancellationToken)
    {
        if (StatusPatch.Of(deployment.Status, status) is { } patch)
        {
            _deployments.Wrote(await _client.PatchAsync(Kinds.Deployment, deployment.Metadata.NamespaceProperty, deployment.Metadata.Name, patch, "status", cancellationToken));
        }
    }

    private async Task CleanUpAsync(V1Deployment deployment, V1ReplicaSet? newest, IReadOnlyList<V1ReplicaSet> sets, CancellationToken cancellationToken)
    {
        foreach (var set in HistoryPlan.Surplus(deployment, newest, sets))
        {
            await _client.DeleteAsync(Kinds.ReplicaSet, set.Metadata.NamespaceProperty, set.Metadata.Name, new V1DeleteOptions { Preconditions = new V1Preconditions { Uid = set.Metadata.Uid } }, cancellationToken);
        }
    }

    private async Task<V1ReplicaSet> PatchAsync(V1ReplicaSet set, Patch patch, CancellationToken cancellationToken) =>
        _sets.Wrote(await _client.PatchAsync(Kinds.ReplicaSet, set.Metadata.NamespaceProperty, set.Metadata.Name, patch, null, cancellationToken));

    private void Scaled(V1Deployment deployment, string set, int from, int to) => _events.Record(
        Kinds.Deployment, deployment, "Normal", "ScalingReplicaSet", $"Scaled {(to > from ? "up" : "down")} replica set {set} from {Annotations.Text(from)} to {Annotations.Text(to)}");
}
