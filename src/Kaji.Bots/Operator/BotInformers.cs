using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Client;

namespace Kaji.Bots.Operator;

/// <summary>What the operator watches: its own kinds, and of Kubernetes' kinds those that carry a bot's label.</summary>
public sealed class BotInformers(InformerFactory factory)
{
    public IInformer<Bot> Bots { get; } = factory.For(BotKinds.Bot);

    public IInformer<Account> Accounts { get; } = factory.For(BotKinds.Account);

    public IInformer<BotFleet> Fleets { get; } = factory.For(BotKinds.BotFleet);

    public IInformer<Halt> Halts { get; } = factory.For(BotKinds.Halt);

    public IInformer<V1Pod> Pods { get; } = factory.For(Kinds.Pod, labelSelector: BotNames.BotLabel);

    public IInformer<V1Lease> Leases { get; } = factory.For(Kinds.Lease, labelSelector: BotNames.BotLabel);

    public IInformer<V1Deployment> Deployments { get; } = factory.For(Kinds.Deployment, labelSelector: BotNames.BotLabel);

    public IInformer<V1Node> Nodes { get; } = factory.For(Kinds.Node);

    public IInformer<BotRevision> Revisions { get; } = factory.For(BotKinds.Revision, labelSelector: BotNames.BotLabel);

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Namespace, string Bot), Dictionary<string, V1Pod>> _pods = [];

    /// <summary>Keeps Pods by bot, so that one bot's are found without a walk over all.</summary>
    public void Index() => Pods.Subscribe(change =>
    {
        var meta = change.Object.Metadata;
        if (meta.Labels?.TryGetValue(BotNames.BotLabel, out var bot) != true)
        {
            return;
        }

        lock (_gate)
        {
            var key = (meta.NamespaceProperty, bot!);
            var pods = _pods.TryGetValue(key, out var known) ? known : _pods[key] = new Dictionary<string, V1Pod>(StringComparer.Ordinal);
            if (change.New is { } pod)
            {
                pods[meta.Name] = pod;
            }
            else if (pods.Remove(meta.Name) && pods.Count == 0)
            {
                _pods.Remove(key);
            }
        }
    });

    /// <summary>Whether a node is known to be alive.</summary>
    public bool IsReady(string node) => Nodes.Get(null, node)?.Status?.Conditions?.Any(c => c.Type == "Ready" && c.Status == "True") == true;

    /// <summary>Pods of a bot.</summary>
    public IReadOnlyList<V1Pod> PodsOf(string ns, string bot)
    {
        lock (_gate)
        {
            return _pods.TryGetValue((ns, bot), out var pods) ? [.. pods.Values] : [];
        }
    }

    /// <summary>Pods of a Shared bot: those without an epoch.</summary>
    public IEnumerable<V1Pod> SharedPodsOf(string ns, string bot) => PodsOf(ns, bot).Where(p => p.Metadata.Labels?.ContainsKey(BotNames.EpochLabel) != true);
}
