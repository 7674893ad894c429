using System.Text.Json.Nodes;
using Kaji.Api.Kinds;
using Kaji.ApiServer.Admission.Policies;
using Kaji.ApiServer.Admission.Webhooks;
using Kaji.ApiServer.Registry;
using Kaji.Store;

namespace Kaji.ApiServer.Admission;

/// <summary>
/// The webhooks and policies of the cluster as admission uses them: read from the store and made ready (expressions compiled) when they change, not when they are used. A
/// configuration that did not change keeps what was made of it.
/// </summary>
internal sealed class AdmissionConfiguration(IRevisionStore store)
{
    private const string GroupName = "admissionregistration.k8s.io";
    private static readonly string Prefix = $"/registry/{GroupName}/";
    private Dictionary<string, (long Revision, object Made)> _made = new(StringComparer.Ordinal);
    private volatile Snapshot _now = new([], [], [], []);

    public IReadOnlyList<Webhook> MutatingWebhooks => _now.MutatingWebhooks;

    public IReadOnlyList<Webhook> ValidatingWebhooks => _now.ValidatingWebhooks;

    public IReadOnlyList<BoundPolicy> MutatingPolicies => _now.MutatingPolicies;

    public IReadOnlyList<BoundPolicy> ValidatingPolicies => _now.ValidatingPolicies;

    /// <summary>Reads what is stored now.</summary>
    /// <returns>The revision read at.</returns>
    public long Load()
    {
        var all = store.Range(Prefix);
        var made = new Dictionary<string, (long Revision, object Made)>(StringComparer.Ordinal);
        T Made<T>(Entry entry, Func<JsonObject, T> make)
            where T : class
        {
            var kept = _made.TryGetValue(entry.Key, out var before) && before.Revision == entry.Revision ? (T)before.Made : make(ObjectCodec.Stored(entry.Value));
            made[entry.Key] = (entry.Revision, kept);
            return kept;
        }

        // In the order of their keys, which is that of their names.
        List<T> Of<T>(string plural, Func<JsonObject, T> make)
            where T : class => [.. all.Entries.Where(e => e.Key.StartsWith($"{Prefix}{plural}/", StringComparison.Ordinal)).Select(e => Made(e, make))];

        static Webhook[] Webhooks(JsonObject configuration) => [.. configuration.Items("webhooks").Select(w => new Webhook(configuration.Obj("metadata").Str("name"), w))];
        _now = new Snapshot(
            [.. Of("mutatingwebhookconfigurations", Webhooks).SelectMany(w => w)],
            [.. Of("validatingwebhookconfigurations", Webhooks).SelectMany(w => w)],
            Bound(Of("mutatingadmissionpolicies", Policy.OfMutating), Of("mutatingadmissionpolicybindings", o => new PolicyBinding(o))),
            Bound(Of("validatingadmissionpolicies", Policy.OfValidating), Of("validatingadmissionpolicybindings", o => new PolicyBinding(o))));
        _made = made;
        return all.Revision;
    }

    /// <summary>Follows changes until cancelled.</summary>
    /// <param name="changed">Called after each reading.</param>
    public async Task RunAsync(Func<CancellationToken, Task> changed, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            using var watch = store.Watch(Prefix, Load());
            await changed(cancellationToken);
            var events = new List<StoreEvent>();
            while (await watch.ReadAsync(events, cancellationToken))
            {
                events.Clear();
                Load();
                await changed(cancellationToken);
            }

            if (watch.EndReason == WatchEndReason.Closed)
            {
                return;
            }
        }
    }

    private static List<BoundPolicy> Bound(List<Policy> policies, List<PolicyBinding> bindings) =>
        [.. policies.Select(p => new BoundPolicy(p, [.. bindings.Where(b => b.PolicyName == p.Name)])).Where(p => p.Bindings.Count > 0)];

    private sealed record Snapshot(
        IReadOnlyList<Webhook> MutatingWebhooks, IReadOnlyList<Webhook> ValidatingWebhooks, IReadOnlyList<BoundPolicy> MutatingPolicies, IReadOnlyList<BoundPolicy> ValidatingPolicies);
}
