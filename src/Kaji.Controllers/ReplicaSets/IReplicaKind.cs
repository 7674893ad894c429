using k8s.Models;
using Kaji.Client;

namespace Kaji.Controllers.ReplicaSets;

/// <summary>A kind that asks for a number of Pods: ReplicaSet, and ReplicationController, which is the same under an older name. The controller sees both as ReplicaSets.</summary>
internal interface IReplicaKind
{
    string ApiVersion { get; }

    string Kind { get; }

    IInformer<V1ReplicaSet> Informer { get; }

    Task<V1ReplicaSet?> FindAsync(string ns, string name, CancellationToken cancellationToken);

    Task<V1ReplicaSet> PatchStatusAsync(string ns, string name, Patch patch, CancellationToken cancellationToken);

    void Record(V1ReplicaSet set, string type, string reason, string message);
}

/// <summary>ReplicaSets of apps/v1.</summary>
internal sealed class ReplicaSetKind(IApiClient client, InformerFactory informers, EventRecorder events) : IReplicaKind
{
    public string ApiVersion => "apps/v1";

    public string Kind => "ReplicaSet";

    public IInformer<V1ReplicaSet> Informer { get; } = informers.For(Kinds.ReplicaSet);

    public Task<V1ReplicaSet?> FindAsync(string ns, string name, CancellationToken cancellationToken) => client.FindAsync(Kinds.ReplicaSet, ns, name, cancellationToken);

    public Task<V1ReplicaSet> PatchStatusAsync(string ns, string name, Patch patch, CancellationToken cancellationToken) => client.PatchAsync(Kinds.ReplicaSet, ns, name, patch, "status", cancellationToken);

    public void Record(V1ReplicaSet set, string type, string reason, string message) => events.Record(Kinds.ReplicaSet, set, type, reason, message);
}
