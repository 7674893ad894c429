namespace Kaji.Cel.Evaluating;

/// <summary>State of one evaluation: variables of macros in their slots, and the meter.</summary>
internal sealed class Frame(ICelBindings bindings, int slots, ulong limit, CancellationToken cancellation)
{
    public ICelBindings Bindings => bindings;

    public object?[] Slots { get; } = new object?[slots];

    public ulong Cost { get; private set; }

    public void Charge(ulong cost)
    {
        Cost = Cost > ulong.MaxValue - cost ? ulong.MaxValue : Cost + cost;
        if (Cost > limit)
        {
            throw new CostLimitException();
        }
    }

    public void Tick() => cancellation.ThrowIfCancellationRequested();
}

/// <summary>Unwinds an evaluation that became too expensive.</summary>
internal sealed class CostLimitException() : Exception("operation cancelled: actual cost limit exceeded");
