namespace Kaji.Controllers.PodGc;

/// <summary>Which Pods are litter.</summary>
public sealed record PodGcOptions
{
    /// <summary>Ended Pods that may lie about; beyond it the oldest go.</summary>
    public int TerminatedPodThreshold { get; init; } = 12_500;

    /// <summary>How long a Pod's node must be missing.</summary>
    public TimeSpan Quarantine { get; init; } = TimeSpan.FromSeconds(40);

    /// <exception cref="ArgumentOutOfRangeException">A bound is not positive.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(TerminatedPodThreshold);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Quarantine, TimeSpan.Zero);
    }
}
