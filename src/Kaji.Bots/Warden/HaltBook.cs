using k8s.Models;
using Kaji.Bots.Api;
using Kaji.Client;

namespace Kaji.Bots.Warden;

/// <summary>A halt that is in force.</summary>
public sealed record HaltOrder(string Name, bool Flatten, string Why);

/// <summary>The halts that are in force, as one process knows them: from the API, and those made on this machine while it is out of reach.</summary>
public sealed class HaltBook
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Halt> _halts = new(StringComparer.Ordinal);
    private HaltOrder? _local;

    /// <summary>Something has changed; called on the thread that changed it.</summary>
    public event Action? Changed;

    /// <summary>A halt made on this machine for all of its bots; null lifts it.</summary>
    public HaltOrder? Local
    {
        get => _local;
        set
        {
            _local = value;
            Changed?.Invoke();
        }
    }

    /// <summary>Follows the Halt objects.</summary>
    public void Follow(IInformer<Halt> halts) => halts.Subscribe(change =>
    {
        lock (_gate)
        {
            if (change.New is { Spec.Released: null } halt)
            {
                _halts[halt.Metadata.Name] = halt;
            }
            else
            {
                _halts.Remove(change.Object.Metadata.Name);
            }
        }

        Changed?.Invoke();
    });

    /// <summary>The halt that holds for a bot; of several the one that flattens, then the first by name. Null when none does.</summary>
    public HaltOrder? Find(string ns, string bot, string? account, IDictionary<string, string>? labels)
    {
        if (_local is { } local)
        {
            return local;
        }

        lock (_gate)
        {
            return _halts.Values.Where(h => Selects(h.Spec, ns, bot, account, labels)).OrderByDescending(h => h.Spec.Flatten == true).ThenBy(h => h.Metadata.Name, StringComparer.Ordinal)
                .Select(h => new HaltOrder(h.Metadata.Name, h.Spec.Flatten == true, h.Spec.Why ?? "")).FirstOrDefault();
        }
    }

    /// <summary>Whether a halt is about a bot.</summary>
    public static bool Selects(HaltSpec halt, string ns, string bot, string? account, IDictionary<string, string>? labels) =>
        halt.All == true
        || halt.Namespace == ns
        || (halt.Account is { } a && a == account)
        || halt.Bots?.Contains($"{ns}/{bot}", StringComparer.Ordinal) == true
        || (halt.MatchLabels is { Count: > 0 } wanted && wanted.All(l => labels?.TryGetValue(l.Key, out var value) == true && value == l.Value));
}
