using Kaji.Bots.Api;
using Kaji.Bots.Fence;
using Kaji.Bots.Warden;
using Kaji.Client;
using Microsoft.Extensions.Logging;

namespace Kaji.Bots.Operator;

/// <summary>Says in each Halt how many bots it selects and how many of them are proven stopped. The halting itself is the wardens', who watch Halts themselves.</summary>
public sealed class HaltController : Controller
{
    private readonly IApiClient _client;
    private readonly BotInformers _informers;

    public HaltController(IApiClient client, BotInformers informers, TimeProvider time, ILoggerFactory logging)
        : base("halt-controller", time, logging.CreateLogger<HaltController>())
    {
        (_client, _informers) = (client, informers);
        informers.Halts.Subscribe(c => Enqueue(null, c.Object.Metadata.Name));
        informers.Bots.Subscribe(_ => EnqueueAll());
        informers.Leases.Subscribe(c =>
        {
            if (c.Old?.Metadata.Labels?.ContainsKey(BotNames.ReleasedLabel) != c.New?.Metadata.Labels?.ContainsKey(BotNames.ReleasedLabel))
            {
                EnqueueAll();
            }
        });
    }

    protected override async Task ReconcileAsync(string ns, string objectName, CancellationToken cancellationToken)
    {
        if (_informers.Halts.Get(null, objectName) is not { Spec.Released: null } halt)
        {
            return;
        }

        var selected = _informers.Bots.List().Where(b => HaltBook.Selects(halt.Spec, b.Metadata.NamespaceProperty, b.Metadata.Name, BotPodMaker.AccountOf(b, b.Spec), b.Metadata.Labels)).ToArray();
        var status = new HaltStatus { Selected = selected.Length, Stopped = selected.Count(AtRest) };
        if (status != halt.Status)
        {
            await _client.UpdateAsync(BotKinds.Halt, halt with { Status = status }, "status", cancellationToken);
        }
    }

    private bool AtRest(Bot bot)
    {
        var (ns, name) = (bot.Metadata.NamespaceProperty, bot.Metadata.Name);
        if (bot.Spec.Activation?.Mode != BotSpec.Shared)
        {
            return _informers.Leases.Get(ns, BotNames.LeaseOf(name)) is not { } lease || LeaseRecord.Of(lease) is { Released: true } or { Epoch: 0 };
        }

        var deployment = _informers.Deployments.Get(ns, name) is { } known && SharedState.Owns(bot, known) ? known : null;
        return SharedState.AtRest(deployment, [.. _informers.SharedPodsOf(ns, name).Select(p => BotPod.Of(p, _informers.IsReady))]);
    }

    private void EnqueueAll()
    {
        foreach (var halt in _informers.Halts.List().Where(h => h.Spec.Released is null))
        {
            Enqueue(null, halt.Metadata.Name);
        }
    }
}
