using System.Text;
using Kaji.Linux.Cgroups;

namespace Kaji.Engine.Tests;

public sealed class ContainerTests
{
    [Fact]
    public async Task Run_CommandThatFails_TellsExitCodeAndLog()
    {
        await using var host = await EngineHost.StartAsync();
        var events = host.Runtime.Subscribe();
        var (info, log) = await host.RunToEndAsync(await host.SandboxAsync(), host.Config("sh", "-c", "echo out; echo err >&2; exit 3"));

        Assert.Equal(3, info.ExitCode);
        Assert.False(info.OomKilled);
        Assert.Equal(0, info.Pid);
        Assert.True(info.FinishedAt >= info.CreatedAt.AddSeconds(-1));
        Assert.Matches(@"(?m)^\S+ stdout F out$", log);
        Assert.Matches(@"(?m)^\S+ stderr F err$", log);
        var kinds = new List<ContainerEventKind>();
        while (kinds.Count < 2)
        {
            kinds.Add((await events.ReadAsync()).Kind);
        }

        Assert.Equal([ContainerEventKind.Started, ContainerEventKind.Exited], kinds);
        Assert.NotNull(info.StartedAt);
    }

    [Fact]
    public async Task Run_EnvironmentUserHostname_AreWhatWasAsked()
    {
        await using var host = await EngineHost.StartAsync();
        var image = await host.BuildBusyboxAsync("busybox:app", user: "app");
        var config = host.Config("sh", "-c", "id -u; id -g; id -G; hostname; echo $HOME $A; cat /proc/self/status | grep NoNewPrivs; ls /sys/fs/cgroup") with
        {
            ImageId = image.Id,
            Env = [new("A", "b c")],
        };
        var (info, log) = await host.RunToEndAsync(await host.SandboxAsync(), config);

        Assert.Equal(0, info.ExitCode);
        var lines = log.Split('\n').Select(l => l.Split(' ', 4).ElementAtOrDefault(3) ?? "").ToArray();
        Assert.Equal(["1000", "1001", "1001 2000", "web-0", "/home/app b c", "NoNewPrivs:\t1"], lines[..6].Select(l => l is "2000 1001" ? "1001 2000" : l));
        Assert.Contains("memory", log);
    }

    [Fact]
    public async Task Run_MoreMemoryThanAllowed_IsOomKilled()
    {
        await using var host = await EngineHost.StartAsync();
        var config = host.Config("sh", "-c", "dd if=/dev/zero of=/dev/null bs=200M count=1") with { Limits = new ResourceLimits { MemoryBytes = 32 << 20 } };
        var (info, _) = await host.RunToEndAsync(await host.SandboxAsync(), config);

        Assert.True(info.OomKilled);
        Assert.Equal(137, info.ExitCode);
    }

    [Fact]
    public async Task Start_CommandNotInImage_IsCommandNotFound()
    {
        await using var host = await EngineHost.StartAsync();
        var id = await host.Runtime.CreateContainerAsync(await host.SandboxAsync(), host.Config("nosuch"));
        var error = await Assert.ThrowsAsync<EngineException>(() => host.Runtime.StartContainerAsync(id));

        Assert.Equal(EngineFault.CommandNotFound, error.Fault);
        Assert.Contains("\"nosuch\": executable file not found", error.Message);
        var path = await host.Runtime.CreateContainerAsync(host.Runtime.ListSandboxes()[0].Id, host.Config("/no/such"));
        Assert.Equal(EngineFault.CommandNotFound, (await Assert.ThrowsAsync<EngineException>(() => host.Runtime.StartContainerAsync(path))).Fault);
        await host.Runtime.RemoveContainerAsync(id);
        Assert.Null(host.Runtime.GetContainer(id));
    }

    [Fact]
    public async Task Create_RootWhereNotAllowed_IsRefused()
    {
        await using var host = await EngineHost.StartAsync();
        var sandbox = await host.SandboxAsync();
        var config = host.Config("true") with { Security = new SecurityOptions { RunAsNonRoot = true } };

        Assert.Equal(EngineFault.RunsAsRoot, (await Assert.ThrowsAsync<EngineException>(() => host.Runtime.CreateContainerAsync(sandbox, config))).Fault);
        Assert.Empty(host.Runtime.ListContainers());
    }

    [Fact]
    public async Task Stop_WellBehaved_EndsBySignal_Stubborn_ByKill()
    {
        await using var host = await EngineHost.StartAsync();
        var sandbox = await host.SandboxAsync();
        var good = await host.RunAsync(sandbox, host.Config("sh", "-c", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"));
        var bad = await host.RunAsync(sandbox, host.Config("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"));
        await EngineHost.UntilAsync(() => File.ReadAllText(good.LogPath) + File.ReadAllText(bad.LogPath), t => t.Split("ready").Length == 3);
        await host.Runtime.StopContainerAsync(good.Id, TimeSpan.FromSeconds(15));
        await host.Runtime.StopContainerAsync(bad.Id, TimeSpan.FromMilliseconds(200));

        Assert.Equal(7, host.Runtime.GetContainer(good.Id)!.ExitCode);
        Assert.Equal(137, host.Runtime.GetContainer(bad.Id)!.ExitCode);
    }

    [Fact]
    public async Task Stats_OfRunning_CountMemoryAndProcesses()
    {
        await using var host = await EngineHost.StartAsync();
        var info = await host.RunAsync(await host.SandboxAsync(), host.Config("sh", "-c", "while :; do :; done"));
        var stats = await EngineHost.UntilAsync(() => host.Runtime.GetStats(info.Id)!, s => s.CpuNanoseconds > 1_000_000);

        Assert.True(stats.MemoryBytes > 0);
        Assert.Equal(1, stats.Pids);
        await host.Runtime.StopContainerAsync(info.Id, TimeSpan.Zero);
        Assert.Null(host.Runtime.GetStats(info.Id));
    }

    [Fact]
    public async Task Reopen_WhileRunning_AdoptsSameProcess_AndExitsMeanwhile()
    {
        await using var host = await EngineHost.StartAsync();
        var sandbox = await host.SandboxAsync();
        var stays = await host.RunAsync(sandbox, host.Config("sleep", "1000"));
        var ends = await host.RunAsync(sandbox, host.Config("sh", "-c", "while ! [ -e /tmp/go ]; do sleep 0.02; done; exit 9"));
        var after = await host.RunAsync(sandbox, host.Config("sh", "-c", "while ! [ -e /tmp/go ]; do sleep 0.02; done; exit 4"));
        await host.Runtime.DisposeAsync();
        File.WriteAllText($"{host.Data}/containers/{ends.Id}/rootfs/tmp/go", "");
        await EngineHost.UntilAsync(() => File.Exists($"{host.Run}/exits/{ends.Id}"), e => e);
        await host.ReopenAsync();

        Assert.Equal(stays.Pid, host.Runtime.GetContainer(stays.Id)!.Pid);
        Assert.Equal(ContainerState.Running, host.Runtime.GetContainer(stays.Id)!.State);
        Assert.Equal((ContainerState.Exited, 9), (host.Runtime.GetContainer(ends.Id)!.State, host.Runtime.GetContainer(ends.Id)!.ExitCode));
        Assert.Equal(SandboxState.Ready, host.Runtime.ListSandboxes().Single().State);
        File.WriteAllText($"{host.Data}/containers/{after.Id}/rootfs/tmp/go", "");
        Assert.Equal(4, (await host.ExitOfAsync(after.Id)).ExitCode);
        Assert.Equal(0, (await host.Runtime.ExecAsync(stays.Id, ["true"], TimeSpan.FromSeconds(10))).ExitCode);
    }

    [Fact]
    public async Task Sandbox_SharedProcessNamespace_ShowsTheOthersProcesses()
    {
        await using var host = await EngineHost.StartAsync();
        var sandbox = await host.SandboxAsync(new SandboxConfig { Id = "shared", Hostname = "shared", ShareProcessNamespace = true });
        await host.RunAsync(sandbox, host.Config("sleep", "4321"));
        var second = await host.RunAsync(sandbox, host.Config("sleep", "1234"));
        var seen = await host.Runtime.ExecAsync(second.Id, ["ps"], TimeSpan.FromSeconds(10));

        Assert.Contains("sleep 4321", Encoding.UTF8.GetString(seen.Output));
        Assert.Contains("sleep 86400", Encoding.UTF8.GetString(seen.Output));
    }

    [Fact]
    public async Task Container_KilledFromOutside_IsNoticedAtOnce()
    {
        await using var host = await EngineHost.StartAsync();
        var info = await host.RunAsync(await host.SandboxAsync(), host.Config("sleep", "1000"));
        System.Diagnostics.Process.GetProcessById(info.Pid).Kill();

        Assert.Equal(137, (await host.ExitOfAsync(info.Id)).ExitCode);
    }

    [Fact]
    public async Task ReopenLog_AfterRename_WritesToNewFile()
    {
        await using var host = await EngineHost.StartAsync();
        var info = await host.RunAsync(await host.SandboxAsync(), host.Config("sh", "-c", "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.02; done"));
        await EngineHost.UntilAsync(() => File.ReadAllText(info.LogPath), t => t.Contains("line 2"));
        File.Move(info.LogPath, info.LogPath + ".1");
        await host.Runtime.ReopenLogAsync(info.Id);

        await EngineHost.UntilAsync(() => File.Exists(info.LogPath) ? File.ReadAllText(info.LogPath) : "", t => t.Contains("line"));
    }

    [Fact]
    public async Task Sandbox_Limits_LieInItsCgroup()
    {
        await using var host = await EngineHost.StartAsync();
        await host.SandboxAsync(new SandboxConfig { Id = "limited", Hostname = "l", QosClass = "burstable", Limits = new ResourceLimits { MemoryBytes = 64 << 20, CpuMillis = 500, CpuShares = 512, Pids = 40 } });
        var layout = CgroupLayout.Detect();
        string Limit(string controller, string v1, string v2) => File.ReadAllText($"{layout.Controllers[controller]}{host.CgroupParent}/burstable/podlimited/{(layout.IsV2 ? v2 : v1)}").Trim();

        Assert.Equal((64 << 20).ToString(), Limit("memory", "memory.limit_in_bytes", "memory.max"));
        Assert.StartsWith("50000", Limit("cpu", "cpu.cfs_quota_us", "cpu.max"));
        Assert.Equal("40", Limit("pids", "pids.max", "pids.max"));
    }

    [Fact]
    public async Task Conmon_Killed_ContainerGoesOn_ItsEndIsNoticed()
    {
        await using var host = await EngineHost.StartAsync();
        var info = await host.RunAsync(await host.SandboxAsync(), host.Config("sleep", "1000"));
        System.Diagnostics.Process.GetProcessById(int.Parse(File.ReadAllText($"{host.Run}/c/{info.Id}/conmon.pid"))).Kill();
        Assert.Equal(0, (await host.Runtime.ExecAsync(info.Id, ["true"], TimeSpan.FromSeconds(10))).ExitCode);
        await host.Runtime.StopContainerAsync(info.Id, TimeSpan.Zero);

        Assert.Equal((ContainerState.Exited, 255), (host.Runtime.GetContainer(info.Id)!.State, host.Runtime.GetContainer(info.Id)!.ExitCode));
    }

    [Fact]
    public async Task Reopen_AfterReboot_NothingIsReadyAndNothingRuns()
    {
        await using var host = await EngineHost.StartAsync();
        var sandbox = await host.SandboxAsync();
        var info = await host.RunAsync(sandbox, host.Config("sleep", "1000"));
        await host.Runtime.DisposeAsync();
        foreach (var file in (string[])[$"{host.Data}/sandboxes/{sandbox}/sandbox.json", $"{host.Data}/containers/{info.Id}/container.json"])
        {
            var text = File.ReadAllText(file);
            Assert.Contains("\"bootId\"", text);
            File.WriteAllText(file, text.Replace(Kaji.Linux.Processes.ProcessFacts.BootId(), "another"));
        }

        await host.ReopenAsync();
        Assert.Equal(SandboxState.NotReady, host.Runtime.ListSandboxes().Single().State);
        Assert.Equal((ContainerState.Exited, 255), (host.Runtime.GetContainer(info.Id)!.State, host.Runtime.GetContainer(info.Id)!.ExitCode));
        var again = await host.SandboxAsync(new SandboxConfig { Id = sandbox, Hostname = "again" });
        Assert.Equal(0, (await host.RunToEndAsync(again, host.Config("true"))).Info.ExitCode);
    }

    [Fact]
    public async Task Reopen_AfterCutOffCreation_CleansUp()
    {
        await using var host = await EngineHost.StartAsync();
        var sandbox = await host.SandboxAsync();
        var info = await host.RunAsync(sandbox, host.Config("sleep", "1000"));
        await host.Runtime.DisposeAsync();
        File.WriteAllText($"{host.Data}/containers/{info.Id}/container.json", "{\"inf");
        await host.ReopenAsync();

        Assert.Empty(host.Runtime.ListContainers());
        Assert.Null(Kaji.Linux.Processes.ProcessFacts.StartTicks(info.Pid));
        Assert.False(Directory.Exists($"{host.Data}/containers/{info.Id}"));
    }

    [Fact]
    public async Task Mounts_AndReadOnlyRoot_AreAsAsked()
    {
        await using var host = await EngineHost.StartAsync();
        Directory.CreateDirectory(host.Data + "/volume");
        File.WriteAllText(host.Data + "/volume/in", "from host\n");
        File.WriteAllText(host.Data + "/single", "one file\n");
        var config = host.Config("sh", "-c", "cat /data/in; cat /etc/single; echo back > /data/out; echo x > /ro/x; echo x > /root-is-ro; echo done") with
        {
            Mounts = [new MountSpec(host.Data + "/volume", "/data"), new MountSpec(host.Data + "/volume", "/ro", ReadOnly: true), new MountSpec(host.Data + "/single", "/etc/single")],
            Security = new SecurityOptions { ReadOnlyRootfs = true },
        };
        var (info, log) = await host.RunToEndAsync(await host.SandboxAsync(), config);

        Assert.Equal(0, info.ExitCode);
        Assert.Contains("F from host", log);
        Assert.Contains("F one file", log);
        Assert.Equal(2, log.Split("Read-only file system").Length - 1);
        Assert.Equal("back\n", File.ReadAllText(host.Data + "/volume/out"));
        Assert.False(File.Exists(host.Data + "/volume/x"));
    }

    [Fact]
    public async Task Security_DefaultPrivilegedAndDropped_GiveTheirCapabilities()
    {
        await using var host = await EngineHost.StartAsync();
        var sandbox = await host.SandboxAsync();
        async Task<(ulong Effective, string Log)> RunAsync(SecurityOptions security)
        {
            var (_, log) = await host.RunToEndAsync(sandbox, host.Config("sh", "-c", "grep CapEff /proc/self/status; grep Seccomp: /proc/self/status; mount -t tmpfs x /tmp && echo mounted") with { Security = security });
            return (Convert.ToUInt64(log.Split("CapEff:\t")[1][..16], 16), log);
        }

        var standard = await RunAsync(new SecurityOptions { AllowPrivilegeEscalation = true });
        Assert.Equal(0xa80425fbUL, standard.Effective);
        Assert.Contains("Seccomp:\t2", standard.Log);
        Assert.DoesNotContain("mounted", standard.Log);
        Assert.Equal(1UL << 10, (await RunAsync(new SecurityOptions { DropCapabilities = ["ALL"], AddCapabilities = ["NET_BIND_SERVICE"] })).Effective);
        var privileged = await RunAsync(new SecurityOptions { Privileged = true });
        Assert.Contains("mounted", privileged.Log);
        Assert.Contains("Seccomp:\t0", privileged.Log);
        var error = await Assert.ThrowsAsync<EngineException>(() => host.Runtime.CreateContainerAsync(sandbox, host.Config("true") with { Security = new SecurityOptions { AddCapabilities = ["NOSUCH"] } }));
        Assert.Equal(EngineFault.Invalid, error.Fault);
    }

    [Fact]
    public async Task Sandbox_OnHostNamespaces_SeesTheHost()
    {
        await using var host = await EngineHost.StartAsync();
        var sandbox = await host.SandboxAsync(new SandboxConfig { Id = "hosty", Hostname = "ignored", HostNetwork = true, HostPid = true, HostIpc = true });
        var (_, log) = await host.RunToEndAsync(sandbox, host.Config("sh", "-c", "hostname; ls -l /proc/self/ns/net; cat /proc/self/stat"));

        Assert.Contains(Environment.MachineName, log);
        Assert.Contains(new FileInfo("/proc/self/ns/net").LinkTarget!, log);
        await host.ReopenAsync();
        Assert.Equal(SandboxState.Ready, host.Runtime.ListSandboxes().Single().State);
    }

    [Fact]
    public async Task Sandbox_Sysctls_AreSetInside()
    {
        await using var host = await EngineHost.StartAsync();
        var sandbox = await host.SandboxAsync(new SandboxConfig { Id = "sys", Hostname = "s", Sysctls = new Dictionary<string, string> { ["net.ipv4.ip_unprivileged_port_start"] = "80" } });
        var (_, log) = await host.RunToEndAsync(sandbox, host.Config("cat", "/proc/sys/net/ipv4/ip_unprivileged_port_start"));

        Assert.Contains("F 80", log);
        Assert.NotEqual("80", File.ReadAllText("/proc/sys/net/ipv4/ip_unprivileged_port_start").Trim());
        await Assert.ThrowsAsync<EngineException>(() => host.SandboxAsync(new SandboxConfig { Id = "sys2", Hostname = "s", Sysctls = new Dictionary<string, string> { ["net.no.such"] = "1" } }));
        Assert.Single(host.Runtime.ListSandboxes());
    }

    [Fact]
    public async Task Layers_WithWhiteouts_HideWhatIsBelow()
    {
        await using var host = await EngineHost.StartAsync();
        var below = Path.Combine(host.Data, "below");
        Directory.CreateDirectory(below + "/d/sub");
        foreach (var file in (string[])["gone", "kept", "d/old", "d/sub/older"])
        {
            File.WriteAllText($"{below}/{file}", "lower");
        }

        await host.Images.BuildAsync(new ImageBuildSpec { Name = "below", From = "busybox:test", Directory = below });
        // A layer's tar may name whiteouts as files do, so a directory with such files makes one.
        var above = Path.Combine(host.Data, "above");
        Directory.CreateDirectory(above + "/d");
        foreach (var file in (string[])[".wh.gone", "d/.wh..wh..opq", "d/new"])
        {
            File.WriteAllText($"{above}/{file}", "");
        }

        var image = await host.Images.BuildAsync(new ImageBuildSpec { Name = "above", From = "below", Directory = above });
        var (_, log) = await host.RunToEndAsync(await host.SandboxAsync(), host.Config("sh", "-c", "echo / $(ls /) ; echo d $(ls /d)") with { ImageId = image.Id });

        Assert.Matches("(?m)F d new$", log);
        Assert.Contains("kept", log);
        Assert.DoesNotContain("gone", log);
    }

    [Fact]
    public async Task StopRemoveAndExec_AtTheSameTime_LeaveNothing()
    {
        await using var host = await EngineHost.StartAsync();
        var sandboxes = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => host.SandboxAsync()));
        await Task.WhenAll(sandboxes.Select(async sandbox =>
        {
            var info = await host.RunAsync(sandbox, host.Config("sleep", "1000"));
            var exec = host.Runtime.ExecAsync(info.Id, ["sleep", "1000"], TimeSpan.FromSeconds(15));
            await Task.WhenAll(
                host.Runtime.StopContainerAsync(info.Id, TimeSpan.FromMilliseconds(50)),
                host.Runtime.RemoveContainerAsync(info.Id),
                host.Runtime.RemoveContainerAsync(info.Id),
                host.Runtime.RemoveSandboxAsync(sandbox));
            await Assert.ThrowsAnyAsync<Exception>(async () => Assert.Equal(0, (await exec).ExitCode));
            Assert.Null(host.Runtime.GetContainer(info.Id));
        }));

        Assert.Empty(host.Runtime.ListSandboxes());
        Assert.Empty(Directory.GetDirectories(host.Data + "/containers"));
    }
}
