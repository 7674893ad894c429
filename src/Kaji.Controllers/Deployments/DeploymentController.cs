using System.Globalization;
using System.Text;
using k8s.Models;
using Kaji.Client;
using Kaji.Controllers.Pods;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.Deployments;

/// <summary>Rolls a Deployment's template out over ReplicaSets. https://kubernetes.io/docs/concepts/workloads/controllers/deployment/</summary>
public sealed class DeploymentController : Controller
{
    private const string Revision = "deployment.kubernetes.io/revision";
    private const string Desired = "deployment.kubernetes.io/desired-replicas";
    private const string Max = "deployment.kubernetes.io/max-replicas";
    private const string LastApplied = "kubectl.kubernetes.io/last-applied-configuration";
    private readonly IApiClient _client;
    private readonly IInformer<V1Deployment> _deployments;
    private readonly IInformer<V1ReplicaSet> _sets;
    private readonly IInformer<V1Pod> _pods;
    private readonly EventRecorder _events;

    public DeploymentController(IApiClient client, InformerFactory informers, EventRecorder events, TimeProvider time, ILoggerFactory logging)
        : base("deployment-controller", time, logging.CreateLogger<DeploymentController>())
    {
        (_client, _events) = (client, events);
        _deployments = informers.For(Kinds.Deployment);
        _sets = informers.For(Kinds.ReplicaSet);
        _pods = informers.For(Kinds.Pod);
        _deployments.Subscribe(change => Enqueue(change.Object.Metadata.NamespaceProperty, change.Object.Metadata.Name));
        _sets.Subscribe(change =>
        {
            if (change.Object.Metadata.Controller() is { Kind: "Deployment" } owner)
            {
                Enqueue(change.Object.Metadata.NamespaceProperty, owner.Name);
            }
        });
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
        var newest = sets.Where(s => TemplateHash.Same(s.Spec.Template, deployment.Spec.Template)).OrderBy(s => s.Metadata.CreationTimestamp).FirstOrDefault();
        var created = false;
        if (deployment.Spec.Paused != true)
        {
            (newest, created) = await EnsureNewestAsync(deployment, newest, sets, cancellationToken);
            if (newest is null)
            {
                return;
            }

            if (created)
            {
                sets = [.. sets, newest];
            }
        }

        var old = sets.Where(s => s.Metadata.Uid != newest?.Metadata.Uid).OrderBy(RevisionOf).ToArray();
        await ScaleAllAsync(deployment, newest, old, cancellationToken);
        await WriteStatusAsync(deployment, newest, created, sets, cancellationToken);
        await CleanUpAsync(deployment, old, cancellationToken);
    }

    private async Task<IReadOnlyList<V1ReplicaSet>> ClaimAsync(V1Deployment deployment, CancellationToken cancellationToken)
    {
        var owned = new List<V1ReplicaSet>();
        foreach (var set in _sets.List(deployment.Metadata.NamespaceProperty))
        {
            if (set.Metadata.Controller() is { } owner)
            {
                if (owner.Uid == deployment.Metadata.Uid && set.Metadata.DeletionTimestamp is null)
                {
                    owned.Add(set);
                }
            }
            else if (set.Metadata.DeletionTimestamp is null && deployment.Spec.Selector.Matches(set.Metadata.Labels))
            {
                var reference = Encoding.UTF8.GetString(ModelJson.Serialize(Owner(deployment)));
                owned.Add(await _client.PatchAsync(
                    Kinds.ReplicaSet, set.Metadata.NamespaceProperty, set.Metadata.Name,
                    Patch.StrategicMerge(Encoding.UTF8.GetBytes($$$"""{"metadata":{"uid":"{{{set.Metadata.Uid}}}","ownerReferences":[{{{reference}}}]}}""")), null, cancellationToken));
            }
        }

        return owned;
    }

    /// <summary>The set of the present template: found, with its revision raised to the newest, or made.</summary>
    private async Task<(V1ReplicaSet? Set, bool Created)> EnsureNewestAsync(V1Deployment deployment, V1ReplicaSet? present, IReadOnlyList<V1ReplicaSet> sets, CancellationToken cancellationToken)
    {
        var highest = sets.Where(s => s.Metadata.Uid != present?.Metadata.Uid).Select(RevisionOf).DefaultIfEmpty(0).Max();
        if (present is not null)
        {
            var revision = RevisionOf(present) > highest ? RevisionOf(present) : highest + 1;
            if (RevisionOf(present) != revision)
            {
                present = await AnnotateAsync(Kinds.ReplicaSet, present.Metadata, Revision, revision, cancellationToken);
            }

            await SetRevisionAsync(deployment, revision, cancellationToken);
            return (present, false);
        }

        var hash = TemplateHash.Of(deployment.Spec.Template, deployment.Status?.CollisionCount);
        var template = ModelJson.Clone(deployment.Spec.Template);
        template.Metadata ??= new V1ObjectMeta();
        template.Metadata.Labels = new Dictionary<string, string>(template.Metadata.Labels ?? new Dictionary<string, string>(StringComparer.Ordinal), StringComparer.Ordinal) { [TemplateHash.Label] = hash };
        var selector = ModelJson.Clone(deployment.Spec.Selector);
        selector.MatchLabels = new Dictionary<string, string>(selector.MatchLabels ?? new Dictionary<string, string>(StringComparer.Ordinal), StringComparer.Ordinal) { [TemplateHash.Label] = hash };
        var wanted = deployment.Spec.Replicas ?? 1;
        var (surge, _) = RollingMath.Limits(deployment);
        var size = deployment.Spec.Strategy?.Type == "Recreate"
            ? (sets.Sum(s => s.Spec.Replicas ?? 0) > 0 ? 0 : wanted)
            : RollingMath.NewSize(wanted, surge, 0, sets.Sum(s => s.Spec.Replicas ?? 0));
        var annotations = (deployment.Metadata.Annotations ?? new Dictionary<string, string>(StringComparer.Ordinal)).Where(a => a.Key is not (LastApplied or Revision)).ToDictionary(a => a.Key, a => a.Value, StringComparer.Ordinal);
        annotations[Revision] = Text(highest + 1);
        annotations[Desired] = Text(wanted);
        annotations[Max] = Text(wanted + surge);
        var wish = new V1ReplicaSet
        {
            Metadata = new V1ObjectMeta
            {
                Name = $"{deployment.Metadata.Name}-{hash}", NamespaceProperty = deployment.Metadata.NamespaceProperty, Labels = template.Metadata.Labels, Annotations = annotations,
                OwnerReferences = [Owner(deployment)],
            },
            Spec = new V1ReplicaSetSpec { Replicas = size, MinReadySeconds = deployment.Spec.MinReadySeconds, Selector = selector, Template = template },
        };
        try
        {
            var made = await _client.CreateAsync(Kinds.ReplicaSet, wish, cancellationToken);
            if (size > 0)
            {
                Scaled(deployment, "up", made.Metadata.Name, 0, size);
            }

            await SetRevisionAsync(deployment, highest + 1, cancellationToken);
            return (made, true);
        }
        catch (ApiException e) when (e.IsAlreadyExists)
        {
            return await CollidedAsync(deployment, wish, cancellationToken);
        }
    }

    /// <summary>The name is taken: by the set that the cache does not show yet, or by one of another template with the same hash.</summary>
    private async Task<(V1ReplicaSet?, bool)> CollidedAsync(V1Deployment deployment, V1ReplicaSet wish, CancellationToken cancellationToken)
    {
        var present = await _client.GetAsync(Kinds.ReplicaSet, wish.Metadata.NamespaceProperty, wish.Metadata.Name, cancellationToken);
        if (present.Metadata.Controller()?.Uid == deployment.Metadata.Uid && TemplateHash.Same(present.Spec.Template, deployment.Spec.Template))
        {
            return (present, false);
        }

        var collisions = (deployment.Status?.CollisionCount ?? 0) + 1;
        await _client.PatchAsync(
            Kinds.Deployment, deployment.Metadata.NamespaceProperty, deployment.Metadata.Name, Patch.Merge(Encoding.UTF8.GetBytes($$$"""{"status":{"collisionCount":{{{Text(collisions)}}}}}""")), "status", cancellationToken);
        return (null, false);
    }

    private async Task ScaleAllAsync(V1Deployment deployment, V1ReplicaSet? newest, V1ReplicaSet[] old, CancellationToken cancellationToken)
    {
        var wanted = deployment.Spec.Replicas ?? 1;
        var (surge, unavailable) = RollingMath.Limits(deployment);
        if (deployment.Spec.Paused == true)
        {
            await ScalePausedAsync(deployment, newest is null ? old : [.. old, newest], wanted, cancellationToken);
            return;
        }

        if (deployment.Spec.Strategy?.Type == "Recreate")
        {
            foreach (var set in old.Where(s => s.Spec.Replicas > 0))
            {
                await ScaleAsync(deployment, set, 0, wanted, surge, cancellationToken);
            }

            var alive = old.Any(s => s.Spec.Replicas > 0 || _pods.List(s.Metadata.NamespaceProperty).Any(p => p.Metadata.Controller()?.Uid == s.Metadata.Uid && !p.HasEnded()));
            if (!alive)
            {
                await ScaleAsync(deployment, newest!, wanted, wanted, surge, cancellationToken);
            }

            return;
        }

        var size = newest!.Spec.Replicas ?? 0;
        var target = RollingMath.NewSize(wanted, surge, size, size + old.Sum(s => s.Spec.Replicas ?? 0));
        if (target != size)
        {
            await ScaleAsync(deployment, newest, target, wanted, surge, cancellationToken);
            size = target;
        }

        var sizes = RollingMath.OldSizes(
            wanted, unavailable, size, Math.Min(size, newest.Status?.AvailableReplicas ?? 0),
            [.. old.Select(s => (s.Spec.Replicas ?? 0, Math.Min(s.Spec.Replicas ?? 0, s.Status?.AvailableReplicas ?? 0)))]);
        for (var i = 0; i < old.Length; i++)
        {
            await ScaleAsync(deployment, old[i], sizes[i], wanted, surge, cancellationToken);
        }
    }

    /// <summary>A paused Deployment still follows its replicas: in proportion over the sets it has.</summary>
    private async Task ScalePausedAsync(V1Deployment deployment, V1ReplicaSet[] sets, int wanted, CancellationToken cancellationToken)
    {
        var active = sets.Where(s => s.Spec.Replicas > 0).ToArray();
        var total = active.Sum(s => s.Spec.Replicas ?? 0);
        if (active.Length == 0 || total == wanted)
        {
            return;
        }

        var left = wanted;
        for (var i = 0; i < active.Length; i++)
        {
            var share = i == active.Length - 1 ? left : (int)((long)(active[i].Spec.Replicas ?? 0) * wanted / total);
            left -= share;
            await ScaleAsync(deployment, active[i], share, wanted, 0, cancellationToken);
        }
    }

    private async Task ScaleAsync(V1Deployment deployment, V1ReplicaSet set, int size, int wanted, int surge, CancellationToken cancellationToken)
    {
        var present = set.Spec.Replicas ?? 0;
        if (present == size)
        {
            return;
        }

        var patch = $$$"""{"metadata":{"annotations":{"{{{Desired}}}":"{{{Text(wanted)}}}","{{{Max}}}":"{{{Text(wanted + surge)}}}"}},"spec":{"replicas":{{{Text(size)}}}}}""";
        await _client.PatchAsync(Kinds.ReplicaSet, set.Metadata.NamespaceProperty, set.Metadata.Name, Patch.Merge(Encoding.UTF8.GetBytes(patch)), null, cancellationToken);
        Scaled(deployment, size > present ? "up" : "down", set.Metadata.Name, present, size);
    }

    private async Task WriteStatusAsync(V1Deployment deployment, V1ReplicaSet? newest, bool created, IReadOnlyList<V1ReplicaSet> sets, CancellationToken cancellationToken)
    {
        var now = Time.GetUtcNow();
        var status = DeploymentStatusPlan.Of(deployment, newest, created, sets, now);
        if (!ModelJson.Serialize(status).AsSpan().SequenceEqual(deployment.Status is null ? [] : ModelJson.Serialize(deployment.Status)))
        {
            await _client.PatchAsync(
                Kinds.Deployment, deployment.Metadata.NamespaceProperty, deployment.Metadata.Name, Patch.Merge((byte[])[.. "{\"status\":"u8, .. ModelJson.Serialize(status), .. "}"u8]), "status", cancellationToken);
        }

        var progressing = status.Conditions.FirstOrDefault(c => c.Type == "Progressing");
        if (!DeploymentStatusPlan.Complete(deployment, status) && progressing is { Status: "True", LastUpdateTime: { } since })
        {
            var deadline = PodFacts.Utc(since).AddSeconds(deployment.Spec.ProgressDeadlineSeconds ?? 600);
            EnqueueAfter(deployment.Metadata.NamespaceProperty, deployment.Metadata.Name, deadline - now + TimeSpan.FromSeconds(1));
        }
    }

    private async Task CleanUpAsync(V1Deployment deployment, V1ReplicaSet[] old, CancellationToken cancellationToken)
    {
        var idle = old.Where(s => s.Spec.Replicas == 0 && (s.Status?.Replicas ?? 0) == 0 && s.Status?.ObservedGeneration == s.Metadata.Generation).OrderBy(RevisionOf).ToArray();
        foreach (var set in idle.Take(Math.Max(0, idle.Length - (deployment.Spec.RevisionHistoryLimit ?? 10))))
        {
            await _client.DeleteAsync(Kinds.ReplicaSet, set.Metadata.NamespaceProperty, set.Metadata.Name, null, cancellationToken);
        }
    }

    private async Task SetRevisionAsync(V1Deployment deployment, long revision, CancellationToken cancellationToken)
    {
        if (RevisionOf(deployment.Metadata) != revision)
        {
            await AnnotateAsync(Kinds.Deployment, deployment.Metadata, Revision, revision, cancellationToken);
        }
    }

    private Task<T> AnnotateAsync<T>(ResourceKind<T> kind, V1ObjectMeta metadata, string annotation, long value, CancellationToken cancellationToken)
        where T : class, k8s.IKubernetesObject<V1ObjectMeta> =>
        _client.PatchAsync(kind, metadata.NamespaceProperty, metadata.Name, Patch.Merge(Encoding.UTF8.GetBytes($$$$"""{"metadata":{"annotations":{"{{{{annotation}}}}":"{{{{Text(value)}}}}"}}}""")), null, cancellationToken);

    private void Scaled(V1Deployment deployment, string direction, string set, int from, int to) =>
        _events.Record(Kinds.Deployment, deployment, "Normal", "ScalingReplicaSet", $"Scaled {direction} replica set {set} from {Text(from)} to {Text(to)}");

    private static long RevisionOf(V1ReplicaSet set) => RevisionOf(set.Metadata);

    private static long RevisionOf(V1ObjectMeta metadata) =>
        metadata.Annotations?.TryGetValue(Revision, out var text) == true && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var revision) ? revision : 0;

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static V1OwnerReference Owner(V1Deployment deployment) =>
        new() { ApiVersion = "apps/v1", Kind = "Deployment", Name = deployment.Metadata.Name, Uid = deployment.Metadata.Uid, Controller = true, BlockOwnerDeletion = true };
}
