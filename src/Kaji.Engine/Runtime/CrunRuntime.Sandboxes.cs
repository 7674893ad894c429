using Kaji.Linux.Calls;
using Kaji.Linux.Cgroups;
using Kaji.Linux.Events;
using Kaji.Linux.Files;
using Kaji.Linux.Mounts;
using Kaji.Linux.Namespaces;
using Kaji.Linux.Processes;

namespace Kaji.Engine.Runtime;

/// <summary>A sandbox in memory; the record is null until it was made.</summary>
internal sealed class LiveSandbox
{
    private SandboxRecord? _record;

    public SemaphoreSlim Gate { get; } = new(1, 1);

    public SandboxRecord? Record
    {
        get => Volatile.Read(ref _record);
        set => Volatile.Write(ref _record, value);
    }
}

/// <content>Sandboxes: pinned namespaces, /dev/shm, the network, a cgroup.</content>
public sealed partial class CrunRuntime
{
    private const string SharedMemoryOptions = "mode=1777,size=64m";

    public async Task<SandboxInfo> RunSandboxAsync(SandboxConfig config, CancellationToken cancellationToken = default)
    {
        CheckId(config.Id);
        var sandbox = _sandboxes.GetOrAdd(config.Id, _ => new LiveSandbox());
        await sandbox.Gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (sandbox.Record is { State: SandboxState.Ready } ready)
            {
                return ready.ToInfo();
            }

            try
            {
                sandbox.Record = await MakeAsync(config, cancellationToken).ConfigureAwait(false);
                _sandboxes[config.Id] = sandbox;
                return sandbox.Record.ToInfo();
            }
            catch (Exception e)
            {
                await _network.DetachAsync(config.Id, CancellationToken.None).ConfigureAwait(false);
                Dismantle(config.Id);
                Tree.Delete(Path.Combine(_paths.Sandboxes, config.Id));
                _sandboxes.TryRemove(config.Id, out _);
                throw Translate(e, $"sandbox {config.Id}");
            }
        }
        finally
        {
            sandbox.Gate.Release();
        }
    }

    public async Task StopSandboxAsync(string sandboxId, CancellationToken cancellationToken = default)
    {
        if (!_sandboxes.TryGetValue(sandboxId, out var sandbox))
        {
            return;
        }

        await sandbox.Gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await Task.WhenAll(ContainersOf(sandboxId).Select(c => StopContainerAsync(c, TimeSpan.Zero, null, cancellationToken))).ConfigureAwait(false);
            await _network.DetachAsync(sandboxId, cancellationToken).ConfigureAwait(false);
            if (sandbox.Record is { } record)
            {
                ReleaseHolder(record);
                Dismantle(sandboxId);
                sandbox.Record = record with { State = SandboxState.NotReady, HolderPid = 0 };
                Save(sandbox.Record);
            }
        }
        finally
        {
            sandbox.Gate.Release();
        }
    }

    public async Task RemoveSandboxAsync(string sandboxId, CancellationToken cancellationToken = default)
    {
        if (!_sandboxes.TryGetValue(sandboxId, out var sandbox))
        {
            return;
        }

        await StopSandboxAsync(sandboxId, cancellationToken).ConfigureAwait(false);
        await Task.WhenAll(ContainersOf(sandboxId).Select(c => RemoveContainerAsync(c, cancellationToken))).ConfigureAwait(false);
        await sandbox.Gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (sandbox.Record is { } record)
            {
                await RemoveCgroupAsync(SandboxCgroup(record.Config), cancellationToken).ConfigureAwait(false);
                Tree.Delete(Path.Combine(_paths.Sandboxes, sandboxId));
                _sandboxes.TryRemove(sandboxId, out _);
                sandbox.Record = null;
            }
        }
        finally
        {
            sandbox.Gate.Release();
        }
    }

    public async Task TearDownAsync(TimeSpan grace, CancellationToken cancellationToken = default)
    {
        await Task.WhenAll(_containers.Keys.Select(id => StopContainerAsync(id, grace, null, cancellationToken))).ConfigureAwait(false);
        await Task.WhenAll(_sandboxes.Keys.Select(id => RemoveSandboxAsync(id, cancellationToken))).ConfigureAwait(false);
        await Task.WhenAll(_containers.Keys.Select(id => RemoveContainerAsync(id, cancellationToken))).ConfigureAwait(false);
        await RemoveCgroupAsync(_options.CgroupParent, cancellationToken).ConfigureAwait(false);
        new Cgroup(_cgroups, _options.CgroupParent).RemoveEmptyParents();
        foreach (var directory in (string[])[_paths.Sandboxes, _paths.Containers, _paths.Exits, _paths.CrunRoot, _paths.Execs, _paths.Bundles, _paths.Pins])
        {
            foreach (var mount in Mount.Below(directory))
            {
                Mount.Remove(mount.Target);
            }

            Tree.Delete(directory);
        }
    }

    private async Task<SandboxRecord> MakeAsync(SandboxConfig config, CancellationToken cancellationToken)
    {
        var id = config.Id;
        Dismantle(id);
        Directory.CreateDirectory(Path.Combine(_paths.Sandboxes, id));
        Directory.CreateDirectory(Path.Combine(_paths.Pins, id));
        var cgroup = new Cgroup(_cgroups, SandboxCgroup(config));
        cgroup.Create();
        if (config.Limits is { } limits)
        {
            cgroup.Limit(limits.MemoryBytes, limits.CpuShares, limits.CpuMillis, limits.Pids);
        }

        var net = config.HostNetwork ? null : _paths.Pin(id, "net");
        await PinnedNamespaces.CreateAsync(new NamespaceRequest
        {
            Net = net,
            Uts = config.HostNetwork ? null : _paths.Pin(id, "uts"),
            Ipc = config.HostIpc ? null : _paths.Pin(id, "ipc"),
            Hostname = config.Hostname,
            Sysctls = config.Sysctls,
        }).ConfigureAwait(false);
        if (!config.HostIpc)
        {
            Directory.CreateDirectory(_paths.Pin(id, "shm"));
            Mount.Tmpfs(_paths.Pin(id, "shm"), SharedMemoryOptions);
        }

        var ips = net is null ? [] : await _network.AttachAsync(id, net, config.HostPorts, cancellationToken).ConfigureAwait(false);
        var (holder, holderStart) = config is { ShareProcessNamespace: true, HostPid: false } ? await HoldProcessNamespaceAsync().ConfigureAwait(false) : default;
        var record = new SandboxRecord
        {
            Config = config,
            CreatedAt = _time.GetUtcNow(),
            BootId = _bootId,
            State = SandboxState.Ready,
            IPs = ips,
            HolderPid = holder,
            HolderStart = holderStart,
        };
        Save(record);
        return record;
    }

    /// <summary>A process 1 for a shared process namespace, that collects what is left to it. Only Pods that ask for one pay for it.</summary>
    private async Task<(int Pid, long Start)> HoldProcessNamespaceAsync()
    {
        var child = await PinnedNamespaces.SpawnInNewProcessNamespaceAsync(() => ChildProcess.Start(
            _loop, ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 86400 & wait $!; done"], [new KeyValuePair<string, string>("PATH", "/usr/bin:/bin")])).ConfigureAwait(false);
        child.Dispose();
        return (child.Pid, ProcessFacts.StartTicks(child.Pid) ?? throw new EngineException(EngineFault.Unknown, "The process that holds the shared process namespace ended at once."));
    }

    private static void ReleaseHolder(SandboxRecord record)
    {
        if (record.HolderPid > 0 && ProcessFacts.StartTicks(record.HolderPid) == record.HolderStart)
        {
            using var process = PidFd.TryOpen(record.HolderPid);
            process?.Signal(Signals.Kill);
        }
    }

    private void Dismantle(string id)
    {
        foreach (var kind in (string[])["net", "uts", "ipc"])
        {
            PinnedNamespaces.Release(_paths.Pin(id, kind));
        }

        Mount.Remove(_paths.Pin(id, "shm"));
        Tree.Delete(Path.Combine(_paths.Pins, id));
    }

    private string SandboxCgroup(SandboxConfig config) => $"{_options.CgroupParent}/{config.QosClass}/pod{config.Id}";

    private string[] ContainersOf(string sandboxId) => [.. _containers.Values.Where(c => c.Info.SandboxId == sandboxId).Select(c => c.Info.Id)];

    /// <summary>Killed processes leave their group a moment after their parent knows.</summary>
    private async Task RemoveCgroupAsync(string path, CancellationToken cancellationToken)
    {
        var cgroup = new Cgroup(_cgroups, path);
        for (var tries = 0; !cgroup.Remove(); tries++)
        {
            cgroup.KillAll();
            if (tries == 50)
            {
                LogCgroupStays(path);
                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(10), _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static void CheckId(string id)
    {
        if (id.Length is 0 or > 64 || id.AsSpan().IndexOfAnyExcept("abcdefghijklmnopqrstuvwxyz0123456789-") >= 0)
        {
            throw new EngineException(EngineFault.Invalid, $"\"{id}\" is not an id: 1-64 of a-z, 0-9 and -");
        }
    }

    private static Exception Translate(Exception e, string what) => e switch
    {
        EngineException or OperationCanceledException => e,
        _ when Images.FileImageStore.IsDiskFull(e) => new EngineException(EngineFault.DiskFull, $"{what}: the disk is full: {e.Message}", e),
        KernelException or IOException or UnauthorizedAccessException or TimeoutException => new EngineException(EngineFault.Unknown, $"{what}: {e.Message}", e),
        _ => e,
    };
}
