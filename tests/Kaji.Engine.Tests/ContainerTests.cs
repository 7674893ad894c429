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

        Assert.Equal([ContainerEventKind.Exited, ContainerEventKind.Started], kinds.Order().Reverse());
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
}
