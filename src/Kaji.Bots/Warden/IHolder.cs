namespace Kaji.Bots.Warden;

/// <summary>A bot's Pod as its warden handles it: on Kaji by the node agent, elsewhere from a sidecar in the Pod.</summary>
public interface IHolder
{
    /// <summary>Where its ports are reached; null before it has an address.</summary>
    string? Address { get; }

    /// <summary>Lets its containers start; until then none may.</summary>
    void Open();

    /// <summary>No container starts any more, and every process is killed. Returns when all are gone; may be called again.</summary>
    Task KillAsync(CancellationToken cancellationToken);

    /// <summary>SIGTERM to the bot, SIGKILL when the grace is over; returns when it is gone.</summary>
    /// <returns>Whether it ended by itself.</returns>
    Task<bool> TerminateAsync(TimeSpan grace, CancellationToken cancellationToken);

    /// <summary>Runs a command in the bot's container.</summary>
    Task<(int ExitCode, string Output)> ExecAsync(IReadOnlyList<string> command, TimeSpan timeout, CancellationToken cancellationToken);

    /// <summary>Where this process reaches a file of the bot's container; null when it can't, or the container does not run.</summary>
    string? PathOf(string path);
}

/// <summary>A process apart from the warden that kills the holder at a deadline when nobody has moved it.</summary>
public interface IDeadlineGuard
{
    /// <summary>Moves the deadline; when this returns, the guard knows it.</summary>
    /// <param name="deadline">By the machine's clock that counts suspended time.</param>
    Task SetAsync(TimeSpan deadline, CancellationToken cancellationToken);

    /// <summary>The holder is dead: nothing is to be killed any more.</summary>
    Task ClearAsync(CancellationToken cancellationToken);
}
