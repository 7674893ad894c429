namespace Kaji.Bots.Fence;

/// <summary>
/// The times of the fence; the same for a bot's wardens and whoever grants its epochs. Each is measured on one machine's own clock that counts suspended time
/// (CLOCK_BOOTTIME); no two machines' clocks are ever compared. See docs/fence.md.
/// </summary>
public sealed record FenceTiming
{
    /// <summary>How long a renewal holds: spec.leaseDurationSeconds of the Lease.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long before that end the warden begins to kill: what a kill may take.</summary>
    public TimeSpan KillMargin { get; init; } = TimeSpan.FromMilliseconds(1000);

    /// <summary>What a successor waits longer than the lease: what two clocks may drift apart meanwhile.</summary>
    public TimeSpan TakeoverMargin { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Between renewals.</summary>
    public TimeSpan RenewEvery { get; init; } = TimeSpan.FromMilliseconds(1000);

    /// <summary>How long one renewal may be on its way before the next is tried.</summary>
    public TimeSpan RenewTimeout { get; init; } = TimeSpan.FromMilliseconds(900);

    /// <exception cref="ArgumentException">The times leave no room for a renewal, or none for a kill.</exception>
    public FenceTiming Validated()
    {
        if (KillMargin <= TimeSpan.Zero || TakeoverMargin <= TimeSpan.Zero || RenewEvery <= TimeSpan.Zero || RenewTimeout <= TimeSpan.Zero)
        {
            throw new ArgumentException("Each time of the fence must be positive.");
        }

        if (RenewEvery + RenewTimeout + KillMargin > Lease)
        {
            throw new ArgumentException($"A lease of {Lease.TotalSeconds} s leaves no room: renewing every {RenewEvery.TotalSeconds} s, waiting {RenewTimeout.TotalSeconds} s for an answer and killing within {KillMargin.TotalSeconds} s take longer.");
        }

        return this;
    }
}
