using System.Text.Json.Nodes;
using Kaji.Api.Kinds;

namespace Kaji.ApiServer.FlowControl;

/// <summary>
/// A priority level at run time: how many requests of it may be under way, and who waits. Its queues are chosen by shuffle sharding: a flow is dealt a few of them and takes the shortest, so that one
/// flow that floods fills a few queues and others still find an empty one. Queues are served in turn. All members but the settings are guarded by the controller's lock.
/// </summary>
internal sealed class PriorityLevel
{
    public static readonly ResourceInfo Resource = BuiltInResources.Find("flowcontrol.apiserver.k8s.io", "v1", "prioritylevelconfigurations")!;
    private readonly List<Queue<Waiting>> _queues = [];
    private int _next;

    public PriorityLevel(string name) => Name = name;

    public string Name { get; }

    public string Uid { get; private set; } = "";

    /// <summary>Its requests never wait and are never counted.</summary>
    public bool IsExempt { get; private set; }

    /// <summary>Nominal share of the server's seats.</summary>
    public long Shares { get; private set; }

    /// <summary>Seats it has when all levels are busy.</summary>
    public int Nominal { get; set; }

    /// <summary>Percent of those that others may use while it does not.</summary>
    public long LendablePercent { get; private set; }

    /// <summary>Percent of its own seats that it may take from others; null for any number.</summary>
    public long? BorrowingLimitPercent { get; private set; }

    /// <summary>Whether requests wait when there is no seat; else they are refused.</summary>
    public bool Queues { get; private set; }

    public int HandSize { get; private set; } = 8;

    public int QueueLengthLimit { get; private set; } = 50;

    public int InUse { get; set; }

    public int Queued { get; private set; }

    public long Dispatched { get; set; }

    public long Rejected { get; set; }

    /// <summary>Seats that nobody may take from it.</summary>
    public int Guaranteed => Math.Max(InUse, Nominal - (int)(Nominal * LendablePercent / 100));

    /// <summary>Seats it may use at most, borrowed ones included.</summary>
    public int Limit => BorrowingLimitPercent is { } percent ? Nominal + (int)(Nominal * percent / 100) : int.MaxValue;

    /// <summary>Takes new settings over; who runs or waits goes on.</summary>
    public void Configure(JsonObject obj)
    {
        var spec = obj.Obj("spec");
        Uid = obj.Obj("metadata").Str("uid");
        IsExempt = spec.Str("type") == "Exempt";
        var limited = spec.Obj(IsExempt ? "exempt" : "limited");
        Shares = limited.Int("nominalConcurrencyShares") ?? (IsExempt ? 0 : 30);
        LendablePercent = limited.Int("lendablePercent") ?? 0;
        BorrowingLimitPercent = limited.Int("borrowingLimitPercent");
        Queues = limited.Obj("limitResponse").Str("type") == "Queue";
        var queuing = limited.Obj("limitResponse").Obj("queuing");
        HandSize = (int)(queuing.Int("handSize") ?? 8);
        QueueLengthLimit = (int)(queuing.Int("queueLengthLimit") ?? 50);
        var wanted = Queues ? (int)(queuing.Int("queues") ?? 64) : 0;
        while (_queues.Count < wanted)
        {
            _queues.Add(new Queue<Waiting>());
        }

        while (_queues.Count > wanted && _queues[^1].Count == 0)
        {
            _queues.RemoveAt(_queues.Count - 1);
        }
    }

    /// <summary>Lets a request wait in the shortest queue of its flow's hand; null when that is full.</summary>
    public Waiting? Enqueue(ulong flow)
    {
        Queue<Waiting>? shortest = null;
        Span<int> dealt = stackalloc int[Math.Min(HandSize, _queues.Count)];
        var hash = flow;
        for (var i = 0; i < dealt.Length; i++)
        {
            // Dealt as from a deck: the card among those that are left.
            var left = (ulong)(_queues.Count - i);
            var card = (int)(hash % left);
            hash /= left;
            for (var j = 0; j < i; j++)
            {
                if (card >= dealt[j])
                {
                    card++;
                }
            }

            var at = i;
            while (at > 0 && dealt[at - 1] > card)
            {
                dealt[at] = dealt[at - 1];
                at--;
            }

            dealt[at] = card;
            var queue = _queues[card];
            if (shortest is null || queue.Count < shortest.Count)
            {
                shortest = queue;
            }
        }

        if (shortest is null || shortest.Count >= QueueLengthLimit)
        {
            return null;
        }

        var waiting = new Waiting(this);
        shortest.Enqueue(waiting);
        Queued++;
        return waiting;
    }

    /// <summary>The next to run, the queues in turn; those that have given up are passed over.</summary>
    public Waiting? Dequeue()
    {
        for (var i = 0; i < _queues.Count; i++)
        {
            var queue = _queues[(_next + i) % _queues.Count];
            while (queue.TryDequeue(out var waiting))
            {
                Queued--;
                if (!waiting.GaveUp)
                {
                    _next = (_next + i + 1) % _queues.Count;
                    return waiting;
                }
            }
        }

        return null;
    }

    /// <summary>A request that waits for a seat.</summary>
    internal sealed class Waiting(PriorityLevel level) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public PriorityLevel Level { get; } = level;

        public bool GaveUp { get; set; }
    }
}
