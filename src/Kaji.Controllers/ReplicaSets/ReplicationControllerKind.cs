using System.Runtime.CompilerServices;
using k8s.Models;
using Kaji.Client;

namespace Kaji.Controllers.ReplicaSets;

/// <summary>ReplicationControllers, each shown as the ReplicaSet it amounts to.</summary>
internal sealed class ReplicationControllerKind(IApiClient client, InformerFactory informers, EventRecorder events) : IReplicaKind
{
    public string ApiVersion => "v1";

    public string Kind => "ReplicationController";

    public IInformer<V1ReplicaSet> Informer { get; } = new Shown(informers.For(Kinds.ReplicationController));

    public async Task<V1ReplicaSet?> FindAsync(string ns, string name, CancellationToken cancellationToken) =>
        await client.FindAsync(Kinds.ReplicationController, ns, name, cancellationToken) is { } found ? Shown.AsSet(found) : null;

    public async Task<V1ReplicaSet> PatchStatusAsync(string ns, string name, Patch patch, CancellationToken cancellationToken) =>
        Shown.AsSet(await client.PatchAsync(Kinds.ReplicationController, ns, name, patch, "status", cancellationToken));

    public void Record(V1ReplicaSet set, string type, string reason, string message) => events.Record(
        Kinds.ReplicationController, new V1ReplicationController { ApiVersion = ApiVersion, Kind = Kind, Metadata = set.Metadata }, type, reason, message);

    private sealed class Shown(IInformer<V1ReplicationController> inner) : IInformer<V1ReplicaSet>
    {
        // The same object is shown as the same one, so that an unchanged list costs nothing anew.
        private static readonly ConditionalWeakTable<V1ReplicationController, V1ReplicaSet> Sets = [];

        public bool HasSynced => inner.HasSynced;

        public static V1ReplicaSet AsSet(V1ReplicationController controller) => Sets.GetValue(controller, Convert);

        public IReadOnlyCollection<V1ReplicaSet> List() => [.. inner.List().Select(AsSet)];

        public IReadOnlyCollection<V1ReplicaSet> List(string ns) => [.. inner.List(ns).Select(AsSet)];

        public V1ReplicaSet? Get(string? ns, string name) => inner.Get(ns, name) is { } found ? AsSet(found) : null;

        public void Subscribe(Action<InformerEvent<V1ReplicaSet>> handler) =>
            inner.Subscribe(change => handler(new InformerEvent<V1ReplicaSet>(change.Old is { } old ? AsSet(old) : null, change.New is { } now ? AsSet(now) : null)));

        public Task WaitForSyncAsync(CancellationToken cancellationToken = default) => inner.WaitForSyncAsync(cancellationToken);

        private static V1ReplicaSet Convert(V1ReplicationController controller) => new()
        {
            ApiVersion = "v1",
            Kind = "ReplicationController",
            Metadata = controller.Metadata,
            Spec = new V1ReplicaSetSpec
            {
                Replicas = controller.Spec.Replicas, MinReadySeconds = controller.Spec.MinReadySeconds, Template = controller.Spec.Template,
                Selector = new V1LabelSelector { MatchLabels = controller.Spec.Selector ?? new Dictionary<string, string>(StringComparer.Ordinal) },
            },
            Status = controller.Status is not { } status ? null : new V1ReplicaSetStatus
            {
                Replicas = status.Replicas, AvailableReplicas = status.AvailableReplicas, ReadyReplicas = status.ReadyReplicas, FullyLabeledReplicas = status.FullyLabeledReplicas,
                ObservedGeneration = status.ObservedGeneration,
                Conditions = status.Conditions?.Select(c => new V1ReplicaSetCondition { Type = c.Type, Status = c.Status, Reason = c.Reason, Message = c.Message, LastTransitionTime = c.LastTransitionTime }).ToList(),
            },
        };
    }
}
