using System.Diagnostics;
using Kaji.Engine.Images;
using Kaji.Engine.Runtime;
using Kaji.Linux.Events;
using Kaji.Linux.Files;
using Kaji.Linux.Inotify;
using Kaji.Linux.Mounts;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaji.Engine.Tests;

/// <summary>A runtime with real crun and conmon in directories of its own, with an image of Debian's static busybox. Run under tests/with-mounts.sh on hybrid hosts.</summary>
public sealed class EngineHost : IAsyncDisposable
{
    private readonly string _id = Guid.NewGuid().ToString("n")[..8];
    private readonly EventLoop _loop = new();
    private readonly InotifyHub _inotify;

    public EngineHost()
    {
        _inotify = new InotifyHub(_loop);
        Images = new FileImageStore(new ImageStoreOptions { Directory = Data }, TimeProvider.System, NullLoggerFactory.Instance);
        Runtime = Open();
    }

    public string Data => $"/var/tmp/kaji-engine-{_id}";

    public string Run => $"/run/kaji-test/{_id}";

    public string CgroupParent => $"/kaji-test-{_id}";

    public FileImageStore Images { get; }

    public CrunRuntime Runtime { get; private set; }

    public ImageInfo Busybox { get; private set; } = null!;

    public static async Task<EngineHost> StartAsync()
    {
        var host = new EngineHost();
        await host.Runtime.StartAsync();
        host.Busybox = await host.BuildBusyboxAsync("busybox:test");
        return host;
    }

    public async Task<ImageInfo> BuildBusyboxAsync(string name, string? user = null)
    {
        var root = Path.Combine(Data, "busybox");
        if (!Directory.Exists(root))
        {
            Directory.CreateDirectory(root + "/bin");
            Directory.CreateDirectory(root + "/etc");
            Directory.CreateDirectory(root + "/tmp");
            File.Copy("/bin/busybox", root + "/bin/busybox");
            foreach (var applet in (string[])["sh", "sleep", "cat", "echo", "id", "env", "ls", "nc", "tail", "head", "dd", "stty", "true", "hostname", "mount", "grep", "ps"])
            {
                File.CreateSymbolicLink($"{root}/bin/{applet}", "busybox");
            }

            File.WriteAllText(root + "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:app:/home/app:/bin/sh\n");
            File.WriteAllText(root + "/etc/group", "root:x:0:\nextra:x:2000:app\n");
        }

        return await Images.BuildAsync(new ImageBuildSpec { Name = name, Directory = root, Cmd = ["sh"], User = user });
    }

    /// <summary>As after a restart of Kaji.</summary>
    public async Task ReopenAsync()
    {
        await Runtime.DisposeAsync();
        Runtime = Open();
        await Runtime.StartAsync();
    }

    public async Task<string> SandboxAsync(SandboxConfig? config = null)
    {
        config ??= new SandboxConfig { Id = "pod" + Guid.NewGuid().ToString("n")[..8], Hostname = "web-0" };
        await Runtime.RunSandboxAsync(config);
        return config.Id;
    }

    public ContainerConfig Config(params string[] command) => new()
    {
        Id = Guid.NewGuid().ToString("n"),
        Name = "main",
        ImageId = Busybox.Id,
        Command = command,
        LogPath = $"{Data}/logs/{Guid.NewGuid():n}.log",
    };

    public async Task<ContainerInfo> RunAsync(string sandbox, ContainerConfig config)
    {
        var id = await Runtime.CreateContainerAsync(sandbox, config);
        await Runtime.StartContainerAsync(id);
        return Runtime.GetContainer(id)!;
    }

    public Task<ContainerInfo> ExitOfAsync(string id) => UntilAsync(() => Runtime.GetContainer(id)!, c => c.State == ContainerState.Exited);

    public async Task<(ContainerInfo Info, string Log)> RunToEndAsync(string sandbox, ContainerConfig config)
    {
        var started = await RunAsync(sandbox, config);
        var info = await ExitOfAsync(started.Id);
        return (info, await File.ReadAllTextAsync(config.LogPath));
    }

    /// <summary>Looks again until it is so; fails after 20 s.</summary>
    public static async Task<T> UntilAsync<T>(Func<T> look, Func<T, bool> condition)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var seen = look();
            if (condition(seen))
            {
                return seen;
            }

            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"Waited in vain; last seen: {seen}");
            await Task.Delay(5); // poll interval
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Runtime.TearDownAsync(TimeSpan.Zero);
        await Runtime.DisposeAsync();
        Assert.Empty(Mount.Below(Data));
        Assert.Empty(Mount.Below(Run));
        Assert.False(Directory.Exists("/sys/fs/cgroup/memory" + CgroupParent) || Directory.Exists("/sys/fs/cgroup" + CgroupParent));
        Images.Dispose();
        _inotify.Dispose();
        _loop.Dispose();
        Tree.Delete(Data);
        Tree.Delete(Run);
    }

    private CrunRuntime Open() => new(
        new CrunOptions { StateDirectory = Data, RunDirectory = Run, CgroupParent = CgroupParent },
        Images, new NoNetwork(), _loop, _inotify, TimeProvider.System, NullLoggerFactory.Instance);

    private sealed class NoNetwork : ISandboxNetwork
    {
        public Task<IReadOnlyList<string>> AttachAsync(string sandboxId, string netnsPath, IReadOnlyList<PortMapping> hostPorts, CancellationToken cancellationToken = default) =>
            Task.FromResult<IReadOnlyList<string>>(["127.0.0.1"]);

        public Task DetachAsync(string sandboxId, CancellationToken cancellationToken = default) => Task.CompletedTask;
    }
}
