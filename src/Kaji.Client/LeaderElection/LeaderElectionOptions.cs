namespace Kaji.Client.LeaderElection;

/// <summary>Whose lease, and how long it holds (client-go's names and defaults).</summary>
public sealed record LeaderElectionOptions
{
    public required string Namespace { get; init; }

    /// <summary>Of the Lease.</summary>
    public required string Name { get; init; }

    /// <summary>Of this candidate: different for each process.</summary>
    public required string Identity { get; init; }

    /// <summary>For so long after its last renewal, seen by its own clock, another candidate leaves a holder alone.</summary>
    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>A leader that could not renew for so long stops leading. Shorter than <see cref="LeaseDuration"/>.</summary>
    public TimeSpan RenewDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Between tries.</summary>
    public TimeSpan RetryPeriod { get; init; } = TimeSpan.FromSeconds(2);

    /// <exception cref="ArgumentException">A leader would still lead when another may take over.</exception>
    internal void Check()
    {
        if (LeaseDuration <= RenewDeadline || RenewDeadline <= RetryPeriod)
        {
            throw new ArgumentException($"the lease ({LeaseDuration}) must last longer than the renew deadline ({RenewDeadline}), and that longer than the retry period ({RetryPeriod})");
        }
    }
}
