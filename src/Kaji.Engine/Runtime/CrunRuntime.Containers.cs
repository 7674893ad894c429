using Kaji.Engine.Oci;
using Kaji.Linux.Cgroups;
using Kaji.Linux.Files;
using Kaji.Linux.Mounts;
using Kaji.Linux.Processes;

namespace Kaji.Engine.Runtime;

/// <content>Containers: create, start, stop, remove, usage.</content>
public sealed partial class CrunRuntime
{
    public async Task<string> CreateContainerAsync(string sandboxId, ContainerConfig config, CancellationToken cancellationToken = default)
    {
        CheckId(config.Id);
        if (!_sandboxes.TryGetValue(sandboxId, out var sandbox) || sandbox.Record is not { State: SandboxState.Ready } pod)
        {
            throw new EngineException(EngineFault.NotFound, $"sandbox {sandboxId} is not there or not ready");
        }

        await _creates.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_containers.ContainsKey(config.Id))
            {
                return config.Id;
            }

            // Disk work and crun's waits must not hold the caller's thread.
            await Task.Run(() => CreateAsync(pod, config, cancellationToken), cancellationToken).ConfigureAwait(false);
            return config.Id;
        }
        finally
        {
            _creates.Release();
        }
    }

    public async Task StartContainerAsync(string containerId, CancellationToken cancellationToken = default)
    {
        var container = Require(containerId);
        await container.Gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (container.Record.StartError is { } reason)
            {
                throw new EngineException(EngineFault.CommandNotFound, reason);
            }

            if (container.Info.State != ContainerState.Created)
            {
                return;
            }

            lock (container.RecordLock)
            {
                container.Starting = true;
            }

            await _tools.StartAsync(containerId, cancellationToken).ConfigureAwait(false);
            lock (container.RecordLock)
            {
                // A short one may have ended already.
                if (container.Info.State == ContainerState.Created)
                {
                    container.Record = container.Record with { Info = container.Info with { StartedAt = _time.GetUtcNow(), State = ContainerState.Running } };
                    Save(container.Record);
                    TellStarted(container);
                }
            }
        }
        catch (Exception e)
        {
            lock (container.RecordLock)
            {
                container.Starting = false;
            }

            throw Translate(e, $"container {containerId}");
        }
        finally
        {
            container.Gate.Release();
        }
    }

    public async Task StopContainerAsync(string containerId, TimeSpan grace, string? signal = null, CancellationToken cancellationToken = default)
    {
        if (!_containers.TryGetValue(containerId, out var container) || container.Info.State == ContainerState.Exited)
        {
            return;
        }

        var name = signal ?? container.Record.StopSignal ?? "SIGTERM";
        var number = Signals.Parse(name) ?? throw new EngineException(EngineFault.Invalid, $"\"{name}\" is no signal");
        if (container.Process is { } process)
        {
            if (grace > TimeSpan.Zero && container.Info.State == ContainerState.Running)
            {
                process.Signal(number);
                if (await EndsWithinAsync(container, grace, cancellationToken).ConfigureAwait(false))
                {
                    return;
                }
            }

            process.Signal(Signals.Kill);
            await container.Ended.Task.WaitAsync(_options.ToolTimeout, _time, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            End(container, 255, _time.GetUtcNow());
        }
    }

    public async Task RemoveContainerAsync(string containerId, CancellationToken cancellationToken = default)
    {
        if (!_containers.TryGetValue(containerId, out var container))
        {
            return;
        }

        await container.Gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (!_containers.ContainsKey(containerId))
            {
                return;
            }

            await StopContainerAsync(containerId, TimeSpan.Zero, null, cancellationToken).ConfigureAwait(false);
            await DiscardAsync(containerId, container.Record.CgroupPath, cancellationToken).ConfigureAwait(false);
            _containers.TryRemove(containerId, out _);
            container.Process?.Dispose();
        }
        catch (Exception e)
        {
            throw Translate(e, $"container {containerId}");
        }
        finally
        {
            container.Gate.Release();
        }
    }

    public ContainerStats? GetStats(string containerId) =>
        _containers.TryGetValue(containerId, out var container) && container.Info.State == ContainerState.Running
            && new Cgroup(_cgroups, container.Record.CgroupPath).Usage() is { } usage
            ? new ContainerStats(_time.GetUtcNow(), usage.Cpu, usage.Memory, Math.Max(0, usage.Memory - usage.Reclaimable), usage.Pids)
            : null;

    private async Task CreateAsync(SandboxRecord pod, ContainerConfig config, CancellationToken cancellationToken)
    {
        var id = config.Id;
        var cgroup = $"{SandboxCgroup(pod.Config)}/{id}";
        LiveContainer? container = null;
        try
        {
            var content = _images.Acquire(config.ImageId, id);
            var arguments = SpecWriter.Arguments(config, content.Config);
            var home = Path.Combine(_paths.Containers, id);
            var (upper, work, rootfs, bundle) = ($"{home}/upper", $"{home}/work", _paths.Rootfs(id), _paths.Bundle(id));
            foreach (var directory in (string[])[upper, work, rootfs, bundle, Path.GetDirectoryName(config.LogPath)!])
            {
                Directory.CreateDirectory(directory);
            }

            Mount.Overlay(rootfs, content.LayerPaths, upper, work, isVolatile: true);
            var user = UserResolver.Resolve(rootfs, content.Config.User, config.Security);
            if (config.Security.RunAsNonRoot && user.Uid == 0)
            {
                throw new EngineException(EngineFault.RunsAsRoot, "container has runAsNonRoot and image will run as root");
            }

            var directoryInside = RootedPath.Resolve(rootfs, SpecWriter.WorkingDirectory(config, content.Config));
            Directory.CreateDirectory(directoryInside);
            await File.WriteAllBytesAsync(_paths.Spec(id), SpecWriter.Write(new SpecInput
            {
                Container = config,
                Image = content.Config,
                User = user,
                Rootfs = rootfs,
                CgroupPath = cgroup,
                Hostname = pod.Config.Hostname,
                IsCgroupV2 = _cgroups.IsV2,
                OomScoreAdj = Math.Clamp(config.OomScoreAdj, _ownOomScoreAdj, 1000),
                Capabilities = Capabilities.For(config.Security, _bounding),
                Namespaces = NamespacesFor(pod, config),
                SharedMemoryPath = pod.Config.HostIpc ? "/dev/shm" : _paths.Pin(pod.Config.Id, "shm"),
            }), cancellationToken).ConfigureAwait(false);

            File.Delete(_paths.ExitFile(id));
            container = _containers[id] = new LiveContainer(new ContainerRecord
            {
                Info = new ContainerInfo
                {
                    Id = id,
                    SandboxId = pod.Config.Id,
                    Name = config.Name,
                    Attempt = config.Attempt,
                    Labels = config.Labels,
                    ImageId = config.ImageId,
                    State = ContainerState.Created,
                    CreatedAt = _time.GetUtcNow(),
                    LogPath = config.LogPath,
                },
                BootId = _bootId,
                CgroupPath = cgroup,
                StopSignal = content.Config.StopSignal,
                Tty = config.Tty,
                Stdin = config.Stdin,
            });

            await LaunchAsync(container, bundle, config, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _containers.TryRemove(id, out _);
            container?.Dispose();
            await DiscardAsync(id, cgroup, CancellationToken.None).ConfigureAwait(false);
            throw Translate(e, $"container {config.Name}");
        }
    }

    private async Task LaunchAsync(LiveContainer container, string bundle, ContainerConfig config, CancellationToken cancellationToken)
    {
        var record = container.Record;
        try
        {
            var pid = await _tools.CreateAsync(config.Id, bundle, config, cancellationToken).ConfigureAwait(false);
            record = record with { PidStart = ProcessFacts.StartTicks(pid) ?? 0, Info = record.Info with { Pid = pid } };
        }
        catch (EngineException e) when (e.Fault == EngineFault.CommandNotFound)
        {
            // crun looks for the command at create; the seam tells it at start, as CRI does.
            record = record with { StartError = e.Message };
        }

        lock (container.RecordLock)
        {
            if (container.Info.State == ContainerState.Created)
            {
                container.Record = record;
                Save(record);
            }
        }

        if (record.Info.Pid > 0)
        {
            container.Process = PidFd.TryOpen(record.Info.Pid);
            if (container.Process is not null)
            {
                _ = WatchAsync(container);
            }
        }
    }

    private async Task DiscardAsync(string id, string cgroup, CancellationToken cancellationToken)
    {
        if (Directory.Exists(Path.Combine(_paths.CrunRoot, id)))
        {
            await _tools.DeleteAsync(id, cancellationToken).ConfigureAwait(false);
        }

        Mount.Remove(_paths.Rootfs(id));
        await RemoveCgroupAsync(cgroup, cancellationToken).ConfigureAwait(false);
        File.Delete(_paths.ExitFile(id));
        Tree.Delete(_paths.Bundle(id));
        _images.Release(id);
        // Last: a record without its container is cleaned up at the next start, a container without its record would not be.
        Tree.Delete(Path.Combine(_paths.Containers, id));
    }

    private Dictionary<string, string> NamespacesFor(SandboxRecord pod, ContainerConfig config)
    {
        var id = pod.Config.Id;
        var namespaces = new Dictionary<string, string>(StringComparer.Ordinal) { ["mount"] = "", ["cgroup"] = "" };
        if (!pod.Config.HostNetwork)
        {
            namespaces["network"] = _paths.Pin(id, "net");
            namespaces["uts"] = _paths.Pin(id, "uts");
        }

        if (!pod.Config.HostIpc)
        {
            namespaces["ipc"] = _paths.Pin(id, "ipc");
        }

        if (config.TargetPidContainerId is { } target)
        {
            namespaces["pid"] = $"/proc/{RequireRunning(target).Info.Pid}/ns/pid";
        }
        else if (pod.HolderPid > 0)
        {
            namespaces["pid"] = $"/proc/{pod.HolderPid}/ns/pid";
        }
        else if (!pod.Config.HostPid)
        {
            namespaces["pid"] = "";
        }

        return namespaces;
    }

    private async Task<bool> EndsWithinAsync(LiveContainer container, TimeSpan grace, CancellationToken cancellationToken)
    {
        try
        {
            await container.Ended.Task.WaitAsync(grace, _time, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }
}
