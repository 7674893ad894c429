namespace Kaji.Controllers.NodeLifecycle;

/// <summary>When a node that is silent counts as lost.</summary>
public sealed record NodeLifecycleOptions
{
    /// <summary>Silence after which a node's conditions become Unknown.</summary>
    public TimeSpan MonitorGracePeriod { get; init; } = TimeSpan.FromSeconds(40);

    /// <summary>The same for a node that has never been heard of.</summary>
    public TimeSpan StartupGracePeriod { get; init; } = TimeSpan.FromSeconds(60);

    /// <exception cref="ArgumentOutOfRangeException">A period is not positive.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(MonitorGracePeriod, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(StartupGracePeriod, MonitorGracePeriod);
    }
}
