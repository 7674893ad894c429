namespace Kaji.Store;

/// <summary>Bounds and places of a store.</summary>
public sealed record StoreOptions
{
    /// <summary>Directory of the database; created when missing.</summary>
    public required string Directory { get; init; }

    /// <summary>Writes that may wait for the writer loop; more wait at the door.</summary>
    public int MaxPendingWrites { get; init; } = 4096;

    /// <summary>Writes committed by one sync at most.</summary>
    public int MaxBatch { get; init; } = 512;

    /// <summary>Revisions of history kept for watches and consistent pages; older ones are compacted.</summary>
    public int HistoryRevisions { get; init; } = 20_000;

    /// <summary>Bytes of overwritten and deleted values kept with that history, in memory and on disk: past this, what is older than <see cref="HistoryAge"/> is compacted.</summary>
    public long HistoryBytes { get; init; } = 8 << 20;

    /// <summary>Age up to which history is kept whatever it weighs, within <see cref="HistoryRevisions"/>.</summary>
    public TimeSpan HistoryAge { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>The clock of <see cref="HistoryAge"/>.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Events a watch may lie behind before it is cut.</summary>
    public int MaxWatchLag { get; init; } = 10_000;

    /// <exception cref="ArgumentOutOfRangeException">A bound is not positive.</exception>
    public void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(Directory);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxPendingWrites);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxBatch);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(HistoryRevisions);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(HistoryBytes);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxWatchLag);
    }
}
