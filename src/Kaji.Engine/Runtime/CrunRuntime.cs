using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Threading.Channels;
using Kaji.Engine.Images;
using Kaji.Linux.Cgroups;
using Kaji.Linux.Events;
using Kaji.Linux.Files;
using Kaji.Linux.Inotify;
using Kaji.Linux.Mounts;
using Kaji.Linux.Processes;
using Microsoft.Extensions.Logging;

namespace Kaji.Engine.Runtime;

/// <summary>
/// <see cref="IContainerRuntime"/> over crun and conmon. One container, from create to end:
/// <code>
/// Create  overlay mount(2) → config.json → conmon (forks away, runs "crun create", answers the pid)
/// Start   "crun start"; conmon copies output to the log
/// end     conmon writes RUN/exits/ID; inotify tells; record and event
/// Remove  "crun delete -f", umount, directories, cgroup
/// </code>
/// conmon and the container are nobody's children, so they outlive this process; <see cref="StartAsync"/> of the next one reads the records and adopts. This
/// file: start, adoption, the ends of containers. Lock order: a sandbox's gate, then its containers' gates; record locks are innermost.
/// </summary>
public sealed partial class CrunRuntime : IContainerRuntime
{
    private static readonly TimeSpan ExitFileGrace = TimeSpan.FromSeconds(2);

    private readonly CrunOptions _options;
    private readonly FileImageStore _images;
    private readonly ISandboxNetwork _network;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly RuntimePaths _paths;
    private readonly Tools _tools;
    private readonly EventLoop _loop;
    private readonly InotifyHub _inotify;
    private readonly EventHub _events;
    private readonly SemaphoreSlim _creates;
    private readonly ConcurrentDictionary<string, LiveContainer> _containers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, LiveSandbox> _sandboxes = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _closing = new();
    private readonly string _bootId = ProcessFacts.BootId();
    private readonly IReadOnlyList<string> _bounding = ProcessFacts.BoundingCapabilities();
    private readonly int _ownOomScoreAdj = ProcessFacts.OwnOomScoreAdj();
    private CgroupLayout _cgroups = null!;
    private IDisposable? _watch;

    /// <param name="loop">The process's event loop; not disposed here.</param>
    /// <param name="inotify">The process's inotify instance; not disposed here.</param>
    public CrunRuntime(CrunOptions options, FileImageStore images, ISandboxNetwork network, EventLoop loop, InotifyHub inotify, TimeProvider time, ILoggerFactory logs)
    {
        if (options.RunDirectory.Length > 32)
        {
            throw new EngineException(EngineFault.Invalid, $"The run directory {options.RunDirectory} is longer than 32 characters; socket paths below it would be too long.");
        }

        _options = options;
        _images = images;
        _network = network;
        _time = time;
        _log = logs.CreateLogger<CrunRuntime>();
        _paths = new RuntimePaths(options);
        _loop = loop;
        _inotify = inotify;
        _tools = new Tools(options, _paths, loop, time);
        _events = new EventHub(options.EventBuffer);
        _creates = new SemaphoreSlim(options.ParallelCreates);
    }

    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        await _tools.CheckAsync(cancellationToken).ConfigureAwait(false);
        if (HybridCgroups.Detected)
        {
            throw new EngineException(EngineFault.Missing, $"{HybridCgroups.UnifiedPath} is mounted beside cgroup v1, which crun refuses: the engine must run in a mount namespace without it ({nameof(MountNamespaceLauncher)}).");
        }

        _cgroups = CgroupLayout.Detect();
        _paths.Create();
        _watch = _inotify.Watch(_paths.Exits, FileEvents.MovedTo | FileEvents.Created | FileEvents.ClosedAfterWrite, OnExitFile);
        await LoadAsync(cancellationToken).ConfigureAwait(false);
        foreach (var container in _containers.Values)
        {
            await AdoptAsync(container, cancellationToken).ConfigureAwait(false);
        }

        LogStarted(_sandboxes.Count, _containers.Values.Count(c => c.Info.State == ContainerState.Running));
    }

    public ChannelReader<ContainerEvent> Subscribe() => _events.Subscribe();

    public IReadOnlyList<SandboxInfo> ListSandboxes() => [.. _sandboxes.Values.Select(s => s.Record).OfType<SandboxRecord>().Select(r => r.ToInfo())];

    public IReadOnlyList<ContainerInfo> ListContainers() => [.. _containers.Values.Select(c => c.Info).OrderBy(i => i.CreatedAt).ThenBy(i => i.Id, StringComparer.Ordinal)];

    public ContainerInfo? GetContainer(string containerId) => _containers.TryGetValue(containerId, out var container) ? container.Info : null;

    /// <summary>Stops watching; containers go on.</summary>
    public ValueTask DisposeAsync()
    {
        _closing.Cancel();
        _watch?.Dispose();
        _events.Complete();
        foreach (var container in _containers.Values)
        {
            container.Process?.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private async Task LoadAsync(CancellationToken cancellationToken)
    {
        foreach (var directory in Directory.GetDirectories(_paths.Sandboxes))
        {
            var id = Path.GetFileName(directory);
            if (Read(_paths.SandboxFile(id), RecordJson.Default.SandboxRecord) is not { } record)
            {
                await _network.DetachAsync(id, cancellationToken).ConfigureAwait(false);
                Dismantle(id);
                Tree.Delete(directory);
                continue;
            }

            var pin = record.Config.HostNetwork ? _paths.Pin(id, "ipc") : _paths.Pin(id, "net");
            var needsPin = !record.Config.HostNetwork || !record.Config.HostIpc;
            if (record.State == SandboxState.Ready && (record.BootId != _bootId || (needsPin && !Kaji.Linux.Namespaces.PinnedNamespaces.IsPinned(pin))))
            {
                record = record with { State = SandboxState.NotReady };
            }

            _sandboxes[id] = new LiveSandbox { Record = record };
        }

        foreach (var directory in Directory.GetDirectories(_paths.Containers))
        {
            var id = Path.GetFileName(directory);
            if (Read(_paths.ContainerFile(id), RecordJson.Default.ContainerRecord) is { } record)
            {
                _containers[id] = new LiveContainer(record);
            }
            else
            {
                // Its creation was cut off before it was told to anyone.
                LogHalfMade(id);
                await _tools.DeleteAsync(id, cancellationToken).ConfigureAwait(false);
                Mount.Remove(_paths.Rootfs(id));
                _images.Release(id);
                Tree.Delete(directory);
                Tree.Delete(_paths.Bundle(id));
            }
        }
    }

    private async Task AdoptAsync(LiveContainer container, CancellationToken cancellationToken)
    {
        var record = container.Record;
        if (record.Info.State == ContainerState.Exited)
        {
            container.Ended.TrySetResult();
            return;
        }

        if (File.Exists(_paths.ExitFile(record.Info.Id)) && record.BootId == _bootId)
        {
            OnExitFile(record.Info.Id);
        }
        else if (record.BootId == _bootId && record.Info.Pid > 0 && ProcessFacts.StartTicks(record.Info.Pid) == record.PidStart && PidFd.TryOpen(record.Info.Pid) is { } process)
        {
            container.Process = process;
            _ = WatchAsync(container);
            return;
        }
        else
        {
            // The machine was started anew, or conmon and container died together: nobody knows the code.
            End(container, 255, _time.GetUtcNow());
            await _tools.DeleteAsync(record.Info.Id, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>The process ends first, conmon writes the exit file a moment later; if conmon is gone too, the code is unknown.</summary>
    private async Task WatchAsync(LiveContainer container)
    {
        try
        {
            await container.Process!.WaitAsync(_loop, _closing.Token).ConfigureAwait(false);
            using var conmon = File.Exists(_paths.ConmonPidFile(container.Info.Id))
                && int.TryParse(await File.ReadAllTextAsync(_paths.ConmonPidFile(container.Info.Id)).ConfigureAwait(false), CultureInfo.InvariantCulture, out var pid) ? PidFd.TryOpen(pid) : null;
            if (conmon is not null)
            {
                await Task.WhenAny(container.Ended.Task, conmon.WaitAsync(_loop, _closing.Token)).ConfigureAwait(false);
            }

            await container.Ended.Task.WaitAsync(ExitFileGrace, _time, _closing.Token).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            LogNoExitFile(container.Info.Id);
            End(container, 255, _time.GetUtcNow());
        }
        catch (OperationCanceledException)
        {
            // Closing: the next process will see.
        }
    }

    private void OnExitFile(FileEvent change)
    {
        // On the event loop's thread: hand over.
        _ = change.Kind.HasFlag(FileEvents.Overflow)
            ? Task.Run(() => Array.ForEach(Directory.GetFiles(_paths.Exits), f => OnExitFile(Path.GetFileName(f))))
            : Task.Run(() => OnExitFile(change.Name));
    }

    private void OnExitFile(string id)
    {
        if (!_containers.TryGetValue(id, out var container) || container.Ended.Task.IsCompleted)
        {
            return;
        }

        var path = _paths.ExitFile(id);
        try
        {
            if (int.TryParse(File.ReadAllText(path), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var code))
            {
                End(container, code, new DateTimeOffset(File.GetLastWriteTimeUtc(path), TimeSpan.Zero));
            }
        }
        catch (FileNotFoundException)
        {
            // The container was removed meanwhile.
        }
    }

    private void End(LiveContainer container, int code, DateTimeOffset at)
    {
        lock (container.RecordLock)
        {
            var record = container.Record;
            if (record.Info.State == ContainerState.Exited)
            {
                return;
            }

            // The group stays until the container is removed, so its counter still tells.
            if (container.Starting)
            {
                // So short that it ended before "crun start" returned.
                record = record with { Info = record.Info with { StartedAt = record.Info.StartedAt ?? at } };
                TellStarted(container);
            }

            var oom = new Cgroup(_cgroups, record.CgroupPath).OomKills() > 0;
            container.Record = record with { Info = record.Info with { State = ContainerState.Exited, ExitCode = code, FinishedAt = at, OomKilled = oom, Pid = 0 } };
            Save(container.Record);
            _events.Publish(new ContainerEvent(ContainerEventKind.Exited, container.Info.Id, container.Info.SandboxId));
        }

        container.Ended.TrySetResult();
        LogExited(container.Info.Id, code, container.Info.OomKilled);
    }

    /// <summary>Once a container, always before its end; call with the record lock held.</summary>
    private void TellStarted(LiveContainer container)
    {
        if (!container.StartTold)
        {
            container.StartTold = true;
            _events.Publish(new ContainerEvent(ContainerEventKind.Started, container.Info.Id, container.Info.SandboxId));
        }
    }

    private void Save(ContainerRecord record)
    {
        if (Directory.Exists(Path.GetDirectoryName(_paths.ContainerFile(record.Info.Id))))
        {
            AtomicFile.Write(_paths.ContainerFile(record.Info.Id), JsonSerializer.SerializeToUtf8Bytes(record, RecordJson.Default.ContainerRecord));
        }
    }

    private void Save(SandboxRecord record) =>
        AtomicFile.Write(_paths.SandboxFile(record.Config.Id), JsonSerializer.SerializeToUtf8Bytes(record, RecordJson.Default.SandboxRecord));

    private static T? Read<T>(string path, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), type);
        }
        catch (Exception e) when (e is JsonException or FileNotFoundException)
        {
            // Never written, or cut off by a crash of the machine: then nothing of it runs.
            return null;
        }
    }

    private LiveContainer Require(string containerId) =>
        _containers.TryGetValue(containerId, out var container) ? container : throw new EngineException(EngineFault.NotFound, $"container {containerId} not found");

    private LiveContainer RequireRunning(string containerId)
    {
        var container = Require(containerId);
        return container.Info.State == ContainerState.Running
            ? container
            : throw new EngineException(EngineFault.Invalid, $"container {containerId} is not running");
    }

    [LoggerMessage(EventId = 3101, Level = LogLevel.Information, Message = "Engine started: {Sandboxes} sandboxes, {Running} running containers adopted")]
    private partial void LogStarted(int sandboxes, int running);

    [LoggerMessage(EventId = 3102, Level = LogLevel.Debug, Message = "Container {ContainerId} exited with {ExitCode}, OOM {OomKilled}")]
    private partial void LogExited(string containerId, int exitCode, bool oomKilled);

    [LoggerMessage(EventId = 3103, Level = LogLevel.Warning, Message = "Container {ContainerId} ended without an exit file; its exit code is unknown")]
    private partial void LogNoExitFile(string containerId);

    [LoggerMessage(EventId = 3104, Level = LogLevel.Warning, Message = "Container {ContainerId} was half made and is removed")]
    private partial void LogHalfMade(string containerId);

    [LoggerMessage(EventId = 3105, Level = LogLevel.Warning, Message = "cgroup {Path} could not be removed: processes hold it")]
    private partial void LogCgroupStays(string path);
}
