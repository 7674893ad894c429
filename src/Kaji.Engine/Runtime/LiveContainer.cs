using Kaji.Linux.Processes;

namespace Kaji.Engine.Runtime;

/// <summary>A container in memory: its record, and who waits for its end. The gate orders create, start, stop and remove; the end comes by itself.</summary>
internal sealed class LiveContainer(ContainerRecord record) : IDisposable
{
    private ContainerRecord _record = record;

    public SemaphoreSlim Gate { get; } = new(1, 1);

    public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Held while the record changes and its file is written.</summary>
    public Lock RecordLock { get; } = new();

    public PidFd? Process { get; set; }

    /// <summary>"crun start" was called; under <see cref="RecordLock"/>.</summary>
    public bool Starting { get; set; }

    /// <summary>Its Started event is out; under <see cref="RecordLock"/>.</summary>
    public bool StartTold { get; set; }

    public ContainerRecord Record
    {
        get => Volatile.Read(ref _record);
        set => Volatile.Write(ref _record, value);
    }

    public ContainerInfo Info => Record.Info;

    public void Dispose()
    {
        Process?.Dispose();
        Gate.Dispose();
    }
}
