using System.Text;
using k8s.Models;
using Kaji.Client;
using Kaji.Controllers.Pods;
using Microsoft.Extensions.Logging;

namespace Kaji.Controllers.ReplicaSets;

/// <summary>Keeps as many Pods as a ReplicaSet asks for. https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/</summary>
public sealed class ReplicaSetController : Controller
{
    private readonly IApiClient _client;
    private readonly IInformer<V1ReplicaSet> _sets;
    private readonly IInformer<V1Pod> _pods;
    private readonly EventRecorder _events;
    private readonly Expectations _expectations;

    public ReplicaSetController(IApiClient client, InformerFactory informers, EventRecorder events, TimeProvider time, ILoggerFactory logging)
        : base("replicaset-controller", time, logging.CreateLogger<ReplicaSetController>())
    {
        (_client, _events, _expectations) = (client, events, new Expectations(time));
        _sets = informers.For(Kinds.ReplicaSet);
        _pods = informers.For(Kinds.Pod);
        _sets.Subscribe(change => Enqueue(change.Object.Metadata.NamespaceProperty, change.Object.Metadata.Name));
        _pods.Subscribe(OnPod);
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (_sets.Get(ns, objectName) is not { } set)
        {
            _expectations.Forget($"{ns}/{objectName}");
            return;
        }

        var owned = await ClaimAsync(set, cancellationToken);
        string? failure = null;
        if (set.Metadata.DeletionTimestamp is null && _expectations.Fulfilled($"{ns}/{objectName}"))
        {
            failure = await ApplyAsync(set, ReplicaSetPlan.Of(set, owned, Time.GetUtcNow()), cancellationToken);
        }

        var status = ReplicaSetPlan.Status(set, owned, failure, Time.GetUtcNow());
        if (!ModelJson.Serialize(status).AsSpan().SequenceEqual(set.Status is null ? [] : ModelJson.Serialize(set.Status)))
        {
            await _client.PatchAsync(Kinds.ReplicaSet, ns, objectName, Patch.Merge((byte[])[.. "{\"status\":"u8, .. ModelJson.Serialize(status), .. "}"u8]), "status", cancellationToken);
        }

        if (set.Spec.MinReadySeconds is > 0 and { } seconds && status.AvailableReplicas < status.ReadyReplicas)
        {
            EnqueueAfter(ns, objectName, TimeSpan.FromSeconds(seconds));
        }

        if (failure is not null)
        {
            EnqueueAfter(ns, objectName, TimeSpan.FromSeconds(1));
        }
    }

    private void OnPod(InformerEvent<V1Pod> change)
    {
        var pod = change.Object;
        if (pod.Metadata.Controller() is { Kind: "ReplicaSet" } owner)
        {
            var key = $"{pod.Metadata.NamespaceProperty}/{owner.Name}";
            _expectations.Seen(key, "+" + pod.Metadata.Name);
            if (change.New is null || pod.Metadata.DeletionTimestamp is not null)
            {
                _expectations.Seen(key, "-" + pod.Metadata.Uid);
            }

            Enqueue(pod.Metadata.NamespaceProperty, owner.Name);
        }
        else if (pod.Metadata.Controller() is null && pod.Metadata.Labels is { Count: > 0 })
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
        foreach (var pod in _pods.List(set.Metadata.NamespaceProperty))
        {
            var matches = set.Spec.Selector.Matches(pod.Metadata.Labels);
            switch (pod.Metadata.Controller())
            {
                case { } owner when owner.Uid == set.Metadata.Uid && matches:
                    owned.Add(pod);
                    break;
                case { } owner when owner.Uid == set.Metadata.Uid && set.Metadata.DeletionTimestamp is null:
                    await ReleaseAsync(set, pod, cancellationToken);
                    break;
                case null when matches && pod.IsActive() && set.Metadata.DeletionTimestamp is null:
                    owned.Add(await AdoptAsync(set, pod, cancellationToken));
                    break;
            }
        }

        return owned;
    }

    private Task<V1Pod> AdoptAsync(V1ReplicaSet set, V1Pod pod, CancellationToken cancellationToken)
    {
        var reference = Encoding.UTF8.GetString(ModelJson.Serialize(Owner(set)));
        return _client.PatchAsync(
            Kinds.Pod, pod.Metadata.NamespaceProperty, pod.Metadata.Name, Patch.StrategicMerge(Encoding.UTF8.GetBytes($$$"""{"metadata":{"uid":"{{{pod.Metadata.Uid}}}","ownerReferences":[{{{reference}}}]}}""")), null, cancellationToken);
    }

    private Task<V1Pod> ReleaseAsync(V1ReplicaSet set, V1Pod pod, CancellationToken cancellationToken) => _client.PatchAsync(
        Kinds.Pod,
        pod.Metadata.NamespaceProperty,
        pod.Metadata.Name,
        Patch.StrategicMerge(Encoding.UTF8.GetBytes($$$"""{"metadata":{"uid":"{{{pod.Metadata.Uid}}}","ownerReferences":[{"$patch":"delete","uid":"{{{set.Metadata.Uid}}}"}]}}""")),
        null,
        cancellationToken);

    /// <returns>Why Pods could not be made, or null.</returns>
    private async Task<string?> ApplyAsync(V1ReplicaSet set, ReplicaSetPlan plan, CancellationToken cancellationToken)
    {
        await Parallel.ForEachAsync(plan.Delete, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = cancellationToken }, async (pod, token) =>
        {
            var key = $"{set.Metadata.NamespaceProperty}/{set.Metadata.Name}";
            _expectations.Expect(key, "-" + pod.Metadata.Uid);
            if (!await _client.DeleteAsync(Kinds.Pod, pod.Metadata.NamespaceProperty, pod.Metadata.Name, new V1DeleteOptions { Preconditions = new V1Preconditions { Uid = pod.Metadata.Uid } }, token))
            {
                _expectations.Seen(key, "-" + pod.Metadata.Uid);
            }

            _events.Record(Kinds.ReplicaSet, set, "Normal", "SuccessfulDelete", $"Deleted pod: {pod.Metadata.Name}");
        });

        // Slow start: one, then two, then four ...; a template that is refused fails once, not a hundred times.
        var left = plan.Create;
        for (var batch = 1; left > 0; batch *= 2)
        {
            var outcomes = await Task.WhenAll(Enumerable.Range(0, Math.Min(batch, left)).Select(_ => CreateAsync(set, cancellationToken)));
            if (outcomes.FirstOrDefault(o => o is not null) is { } refused)
            {
                return refused;
            }

            left -= outcomes.Length;
        }

        return null;
    }

    private async Task<string?> CreateAsync(V1ReplicaSet set, CancellationToken cancellationToken)
    {
        var template = ModelJson.Clone(set.Spec.Template);
        var pod = new V1Pod
        {
            Metadata = new V1ObjectMeta
            {
                GenerateName = set.Metadata.Name + "-", NamespaceProperty = set.Metadata.NamespaceProperty, Labels = template.Metadata?.Labels, Annotations = template.Metadata?.Annotations,
                Finalizers = template.Metadata?.Finalizers, OwnerReferences = [Owner(set)],
            },
            Spec = template.Spec,
        };
        try
        {
            var made = await _client.CreateAsync(Kinds.Pod, pod, cancellationToken);
            if (_pods.Get(made.Metadata.NamespaceProperty, made.Metadata.Name) is null)
            {
                _expectations.Expect($"{set.Metadata.NamespaceProperty}/{set.Metadata.Name}", "+" + made.Metadata.Name);
                if (_pods.Get(made.Metadata.NamespaceProperty, made.Metadata.Name) is not null)
                {
                    _expectations.Seen($"{set.Metadata.NamespaceProperty}/{set.Metadata.Name}", "+" + made.Metadata.Name);
                }
            }

            _events.Record(Kinds.ReplicaSet, set, "Normal", "SuccessfulCreate", $"Created pod: {made.Metadata.Name}");
            return null;
        }
        catch (ApiException e) when (e.Code is >= 400 and < 500)
        {
            _events.Record(Kinds.ReplicaSet, set, "Warning", "FailedCreate", $"Error creating: {e.Message}");
            return e.Message;
        }
    }

    private static V1OwnerReference Owner(V1ReplicaSet set) =>
        new() { ApiVersion = "apps/v1", Kind = "ReplicaSet", Name = set.Metadata.Name, Uid = set.Metadata.Uid, Controller = true, BlockOwnerDeletion = true };
}
