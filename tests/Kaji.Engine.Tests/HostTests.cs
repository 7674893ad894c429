using System.Diagnostics;
using Kaji.Engine.Runtime;
using Kaji.Linux.Cgroups;
using Kaji.Linux.Events;
using Kaji.Linux.Files;
using Kaji.Linux.Inotify;
using Kaji.Linux.Mounts;
using Kaji.Linux.Processes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaji.Engine.Tests;

public sealed class HostTests
{
    [Fact]
    public void CgroupLayout_V1AndV2_AreTold()
    {
        var v1 = CgroupLayout.Detect(
            [MountEntry.Parse("30 23 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct"), MountEntry.Parse("31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory")],
            () => throw new InvalidOperationException());
        Assert.False(v1.IsV2);
        Assert.Equal("/sys/fs/cgroup/cpu,cpuacct", v1.Controllers["cpuacct"]);
        Assert.Equal("/sys/fs/cgroup/memory", v1.Controllers["memory"]);
        var v2 = CgroupLayout.Detect([MountEntry.Parse("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate")], () => "cpuset cpu io memory pids\n");
        Assert.True(v2.IsV2);
        Assert.Equal(5, v2.Controllers.Count);
        Assert.True(HybridCgroups.IsHybrid([MountEntry.Parse("40 23 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw")]));
        Assert.Equal((1L, 39L, 10000L), (Cgroup.WeightOf(2), Cgroup.WeightOf(1024), Cgroup.WeightOf(262144)));
    }

    [Fact]
    public void Launcher_SecondStart_FindsTheMountsOfTheFirst()
    {
        var run = $"/run/kaji-test/{Guid.NewGuid().ToString("n")[..8]}";
        var launcher = new MountNamespaceLauncher(run);
        try
        {
            string Inside(string script)
            {
                var argv = launcher.Prepare(["/bin/sh", "-c", script]);
                using var process = Process.Start(new ProcessStartInfo(argv[0], argv.Skip(1)) { RedirectStandardOutput = true })!;
                var output = process.StandardOutput.ReadToEnd();
                process.WaitForExit();
                Assert.Equal(0, process.ExitCode);
                return output.Trim();
            }

            Assert.False(launcher.IsPinned);
            Assert.Equal("ok", Inside($"mkdir {run}/m && mount -t tmpfs x {run}/m && echo kept > {run}/m/file && echo ok"));
            Assert.True(launcher.IsPinned);
            Assert.Equal("kept", Inside($"cat {run}/m/file"));
            Assert.Equal(Environment.CurrentDirectory, Inside("pwd"));
            Assert.Equal("0", Inside($"grep -c ' {HybridCgroups.UnifiedPath} ' /proc/self/mountinfo || true"));
            Assert.False(File.Exists($"{run}/m/file"));
        }
        finally
        {
            launcher.Release();
            Assert.Empty(Mount.Below(run));
            Tree.Delete(run);
        }
    }

    [Fact]
    public async Task Start_WithoutTools_SaysWhatToInstall()
    {
        await using var host = await EngineHost.StartAsync();
        using var loop = new EventLoop();
        using var inotify = new InotifyHub(loop);
        var old = host.Data + "/crun-old";
        File.WriteAllText(old, "#!/bin/sh\necho crun version 0.17\n");
        FileSystem.ChangeMode(old, 0x1ed);
        foreach (var (path, told) in new[] { ("/no/such/crun", "not installed"), (old, "0.17") })
        {
            var options = new CrunOptions { StateDirectory = host.Data + "/x", RunDirectory = host.Run + "x", CgroupParent = "/kaji-test-x", CrunPath = path };
            await using var runtime = new CrunRuntime(options, host.Images, null!, loop, inotify, TimeProvider.System, NullLoggerFactory.Instance);
            var error = await Assert.ThrowsAsync<EngineException>(() => runtime.StartAsync());
            Assert.Equal(EngineFault.Missing, error.Fault);
            Assert.Contains(told, error.Message);
            Assert.Contains("apt-get install -y crun", error.Message);
        }
    }

    [Theory]
    [InlineData("SIGTERM", 15)]
    [InlineData("quit", 3)]
    [InlineData("9", 9)]
    [InlineData("SIGRTMIN+3", 37)]
    [InlineData("SIGNONE", null)]
    [InlineData("0", null)]
    public void Signal_Names_AreNumbers(string text, int? number) => Assert.Equal(number, Signals.Parse(text));

    [Fact]
    public async Task Events_SubscriberThatLags_GetsOneResyncLast()
    {
        var hub = new EventHub(3);
        var reader = hub.Subscribe();
        for (var i = 0; i < 10; i++)
        {
            hub.Publish(new ContainerEvent(ContainerEventKind.Started, $"{i}", "s"));
        }

        var seen = new List<string>();
        while (reader.TryRead(out var change))
        {
            seen.Add(change.Kind == ContainerEventKind.Resync ? "resync" : change.ContainerId);
        }

        Assert.Equal(["0", "1", "2", "resync"], seen);
        hub.Publish(new ContainerEvent(ContainerEventKind.Exited, "later", "s"));
        Assert.Equal("later", (await reader.ReadAsync()).ContainerId);
    }

    [Fact]
    public async Task ChildProcess_ManyAtOnce_AllAreCollected()
    {
        using var loop = new EventLoop();
        var codes = await Task.WhenAll(Enumerable.Range(0, 100).Select(async i =>
        {
            using var child = ChildProcess.Start(loop, ["/bin/sh", "-c", $"exit {i}"], []);
            return await child.Exit.WaitAsync(TimeSpan.FromSeconds(20));
        }));

        Assert.Equal(Enumerable.Range(0, 100), codes);
    }
}
