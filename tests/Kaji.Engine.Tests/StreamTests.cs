using System.Text;

namespace Kaji.Engine.Tests;

public sealed class StreamTests
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Exec_Simple_GivesOutputAndCode()
    {
        await using var host = await EngineHost.StartAsync();
        var id = (await host.RunAsync(await host.SandboxAsync(), host.Config("sleep", "1000"))).Id;
        var result = await host.Runtime.ExecAsync(id, ["sh", "-c", "echo hi; echo oh >&2; exit 5"], Long);

        Assert.Equal((5, false), (result.ExitCode, result.TimedOut));
        Assert.Equal("hi\noh\n", Encoding.UTF8.GetString(result.Output));
        var missing = await Assert.ThrowsAsync<EngineException>(() => host.Runtime.ExecAsync(id, ["nosuch"], Long));
        Assert.Equal(EngineFault.CommandNotFound, missing.Fault);
        Assert.True((await host.Runtime.ExecAsync(id, ["sleep", "100"], TimeSpan.FromMilliseconds(300))).TimedOut);
        var left = await host.Runtime.ExecAsync(id, ["ps"], Long);
        Assert.DoesNotContain("sleep 100\n", Encoding.UTF8.GetString(left.Output));
    }

    [Fact]
    public async Task OpenExec_WithInput_StreamsBothWaysUntilEnd()
    {
        await using var host = await EngineHost.StartAsync();
        var id = (await host.RunAsync(await host.SandboxAsync(), host.Config("sleep", "1000"))).Id;
        await using var session = await host.Runtime.OpenExecAsync(id, ["sh", "-c", "cat; echo done >&2"], tty: false, stdin: true);
        var payload = new byte[1 << 20];
        Random.Shared.NextBytes(payload);
        var writing = Task.Run(async () =>
        {
            await session.Stdin!.WriteAsync(payload);
            await session.Stdin.DisposeAsync();
        });
        var stdout = new MemoryStream();
        await session.Stdout.CopyToAsync(stdout).WaitAsync(Long);
        await writing;

        Assert.Equal(payload, stdout.ToArray());
        Assert.Equal("done\n", await new StreamReader(session.Stderr!).ReadToEndAsync().WaitAsync(Long));
        Assert.Equal(0, await session.Exit.WaitAsync(Long));
    }

    [Fact]
    public async Task OpenExec_Terminal_HasSizeAndEnds()
    {
        await using var host = await EngineHost.StartAsync();
        var id = (await host.RunAsync(await host.SandboxAsync(), host.Config("sleep", "1000"))).Id;
        await using var session = await host.Runtime.OpenExecAsync(id, ["sh"], tty: true, stdin: true);
        await session.ResizeAsync(111, 42);
        await session.Stdin!.WriteAsync("stty size; exit 6\n"u8.ToArray());
        var text = await new StreamReader(session.Stdout).ReadToEndAsync().WaitAsync(Long);

        Assert.Contains("42 111", text);
        Assert.Null(session.Stderr);
        Assert.Equal(6, await session.Exit.WaitAsync(Long));
        // crun may hand over the terminal before it looks for the command, so either step may tell.
        var missing = await Assert.ThrowsAsync<EngineException>(async () =>
        {
            await using var wrong = await host.Runtime.OpenExecAsync(id, ["nosuch"], tty: true, stdin: false);
            await wrong.Exit.WaitAsync(Long);
        });
        Assert.Equal(EngineFault.CommandNotFound, missing.Fault);
    }

    [Fact]
    public async Task OpenAttach_WithInput_ReachesMainProcess()
    {
        await using var host = await EngineHost.StartAsync();
        var config = host.Config("sh", "-c", "read line; echo got $line; echo bad >&2; exit 8") with { Stdin = true, StdinOnce = true };
        var id = (await host.RunAsync(await host.SandboxAsync(), config)).Id;
        await using var session = await host.Runtime.OpenAttachAsync(id, stdin: true);
        await session.Stdin!.WriteAsync("hello\n"u8.ToArray());

        Assert.Equal("got hello\n", await new StreamReader(session.Stdout).ReadToEndAsync().WaitAsync(Long));
        Assert.Equal("bad\n", await new StreamReader(session.Stderr!).ReadToEndAsync().WaitAsync(Long));
        Assert.Equal(8, await session.Exit.WaitAsync(Long));
    }

    [Fact]
    public async Task OpenAttach_Terminal_CanBeResized()
    {
        await using var host = await EngineHost.StartAsync();
        var config = host.Config("sh", "-c", "read line; stty size") with { Stdin = true, Tty = true };
        var id = (await host.RunAsync(await host.SandboxAsync(), config)).Id;
        await using var session = await host.Runtime.OpenAttachAsync(id, stdin: true);
        await session.ResizeAsync(120, 33);
        // conmon takes size and input from different descriptors: ask until the size has arrived.
        await EngineHost.UntilAsync(() => host.Runtime.ExecAsync(id, ["sh", "-c", "stty size -F /proc/1/fd/0 || stty size < /proc/1/fd/0"], Long).Result, r => Encoding.UTF8.GetString(r.Output).Contains("33 120"));
        await session.Stdin!.WriteAsync("\n"u8.ToArray());

        Assert.Contains("33 120", await new StreamReader(session.Stdout).ReadToEndAsync().WaitAsync(Long));
    }

    [Fact]
    public async Task OpenPort_ReachesLoopbackOfTheSandbox()
    {
        await using var host = await EngineHost.StartAsync();
        var sandbox = await host.SandboxAsync();
        var info = await host.RunAsync(sandbox, host.Config("sh", "-c", "while :; do nc -l -p 8080 -e cat; done"));
        await EngineHost.UntilAsync(() => host.Runtime.ExecAsync(info.Id, ["cat", "/proc/net/tcp", "/proc/net/tcp6"], Long).Result, r => Encoding.UTF8.GetString(r.Output).Contains(":1F90"));
        await using var port = await host.Runtime.OpenPortAsync(sandbox, 8080);
        await port.WriteAsync("ping"u8.ToArray());
        var buffer = new byte[4];
        await port.ReadExactlyAsync(buffer).AsTask().WaitAsync(Long);

        Assert.Equal("ping", Encoding.UTF8.GetString(buffer));
        await Assert.ThrowsAsync<EngineException>(() => host.Runtime.OpenPortAsync(sandbox, 8081));
    }
}
