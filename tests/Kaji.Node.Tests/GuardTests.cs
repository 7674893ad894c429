using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using Kaji.Linux.Processes;
using Kaji.Node.Guard;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kaji.Node.Tests;

/// <summary>The guard over real processes in real cgroups: docs/fence.md, rules 6 and 7.</summary>
public sealed class GuardTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly string _directory = Directory.CreateTempSubdirectory("kaji-guard-").FullName;
    private readonly CgroupProcesses _groups = new();
    private readonly BlockingCollection<string> _said = [];
    private readonly Thread _thread;

    public GuardTests()
    {
        _thread = new Thread(() => new GuardServer(Address, _groups.Parent, _said.Add).Run());
        _thread.Start();
        SpinWait.SpinUntil(() => File.Exists(Address) && TryAsk("hello 1 remote"), Patience);
    }

    private string Address => Path.Combine(_directory, "guard.sock");

    public void Dispose()
    {
        Ask("quit");
        _thread.Join();
        _groups.Dispose();
        _said.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void DeadlineThatNobodyMoves_Kills_AndOneThatIsCleared_DoesNot()
    {
        var (one, other) = (StartIn("pod-one"), StartIn("pod-other"));
        Ask($"set -one {At(TimeSpan.FromMilliseconds(100))} 100000000");
        Ask($"set -other {At(TimeSpan.FromMilliseconds(100))} 100000000");
        Ask("clear -other");
        Assert.True(one.WaitForExit(Patience));
        Assert.Contains("pod -one", Said(), StringComparison.Ordinal);
        Assert.False(other.HasExited);
    }

    [Fact]
    public void PodThatStartsAfterItsDeadline_IsKilled_ThoughNobodySaysAnythingMore()
    {
        Ask($"set -late {At(TimeSpan.FromSeconds(-1))} 100000000");
        var other = StartIn("pod-other");
        for (var container = 0; container < 2; container++)
        {
            Assert.True(StartIn("pod-late").WaitForExit(TimeSpan.FromSeconds(5)));
        }

        Assert.False(other.HasExited);
    }

    [Fact]
    public void WhileTheOnlyStoreIsDead_DeadlinesStandStill_AndCountInFullWhenTheNextBegins()
    {
        var (store, bot) = (Start(), StartIn("pod-bot"));
        Ask($"begin {store.Id} local");
        Ask($"set -bot {At(TimeSpan.FromMilliseconds(200))} 400000000");
        store.Kill();
        store.WaitForExit();
        Assert.Contains("stand still", Said(), StringComparison.Ordinal);
        Assert.False(bot.HasExited);

        var before = SuspendedClock.Now;
        var answer = Ask($"begin {Environment.ProcessId} local");
        Assert.True(GuardServer.Time(answer.Split('=')[1]) >= before + TimeSpan.FromMilliseconds(400), answer);
        Assert.False(bot.HasExited);
        Assert.True(bot.WaitForExit(Patience));
    }

    [Fact]
    public void GuardThatOversleptADeadline_Kills_ThoughTheStoreIsDead()
    {
        var (store, bot) = (Start(), StartIn("pod-bot"));
        Ask($"begin {store.Id} local");
        store.Kill();
        store.WaitForExit();

        // As it finds them when its machine has stood still: before the store died it may have granted the next epoch.
        Ask($"set -bot {At(TimeSpan.FromSeconds(-2))} 400000000");
        Assert.True(bot.WaitForExit(Patience));
    }

    [Fact]
    public void AgentThatSaysHelloAgain_GetsNoNewTime()
    {
        var bot = StartIn("pod-bot");
        Ask($"begin {Environment.ProcessId} local");
        var deadline = At(TimeSpan.FromMilliseconds(300));
        Ask($"set -bot {deadline} 4000000000");
        Assert.Equal($"deadlines -bot={deadline}", Ask($"hello {Environment.ProcessId} local"));
        Assert.True(bot.WaitForExit(Patience));
    }

    [Fact]
    public async Task Client_AdoptsWhatAnAgentBeforeItLeft()
    {
        var bot = StartIn("pod-bot");
        Ask($"set -bot {At(TimeSpan.FromSeconds(30))} 4000000000");
        using var client = new GuardClient(new GuardOptions(Address, Local: false, () => throw new IOException("there is a guard")), TimeProvider.System, NullLogger.Instance);
        Assert.True(await client.AdoptAsync(TestContext.Current.CancellationToken));
        Assert.NotNull(client.DeadlineOf("-bot"));
        Assert.Null(client.DeadlineOf("-other"));
        await client.SetAsync("-bot", SuspendedClock.Now, TestContext.Current.CancellationToken);
        Assert.True(bot.WaitForExit(Patience));
    }

    [Fact]
    public void SecondGuard_LeavesTheFirstItsPlace()
    {
        new GuardServer(Address, _groups.Parent, _said.Add).Run();
        Assert.Contains("another guard", Said(), StringComparison.Ordinal);
        Assert.StartsWith("deadlines", Ask("hello 1 remote"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task GuardThatDoesNotAnswer_HoldsUpNobodyForLong_AndIsNotStartedTwice()
    {
        using var frozen = Listen(out var address);
        using var client = new GuardClient(new GuardOptions(address, Local: true, () => throw new InvalidOperationException("there is a guard")), TimeProvider.System, NullLogger.Instance);
        var fault = await Assert.ThrowsAnyAsync<IOException>(() => client.SetAsync("-bot", SuspendedClock.Now, TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken));
        Assert.Contains("not answered", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CancelledQuestion_LeavesNoAnswerForTheNext()
    {
        using var guard = Listen(out var address);
        using var client = new GuardClient(new GuardOptions(address, Local: false, () => throw new InvalidOperationException("there is a guard")), TimeProvider.System, NullLogger.Instance);
        using var cancel = new CancellationTokenSource();
        var first = client.SetAsync("-one", SuspendedClock.Now, cancel.Token);
        using var old = new Peer(await guard.AcceptAsync(TestContext.Current.CancellationToken));
        Assert.StartsWith("hello", old.Next(), StringComparison.Ordinal);
        old.Answer("deadlines ");
        Assert.StartsWith("set -one", old.Next(), StringComparison.Ordinal);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);

        // What was under way is told again, with what is new.
        var second = client.ClearAsync("-two", TestContext.Current.CancellationToken);
        using var peer = new Peer(await guard.AcceptAsync(TestContext.Current.CancellationToken));
        Assert.StartsWith("hello", peer.Next(), StringComparison.Ordinal);
        peer.Answer("deadlines ");
        Assert.StartsWith("set -one", peer.Next(), StringComparison.Ordinal);
        peer.Answer("ok");
        Assert.Equal("clear -two", peer.Next());
        Assert.False(second.IsCompleted);
        peer.Answer("ok");
        await second.WaitAsync(Patience, TestContext.Current.CancellationToken);
    }

    private Socket Listen(out string address)
    {
        address = Path.Combine(_directory, "other.sock");
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(address));
        socket.Listen();
        return socket;
    }

    private static string At(TimeSpan fromNow) => GuardServer.Nanoseconds(SuspendedClock.Now + fromNow);

    private Process Start() => _groups.Start();

    private Process StartIn(string pod) => _groups.StartIn(pod);

    private string Said() => _said.TryTake(out var line, Patience) ? line : "(nothing)";

    private bool TryAsk(string line)
    {
        try
        {
            return Ask(line).Length > 0;
        }
        catch (SocketException)
        {
            // Not there yet.
            return false;
        }
    }

    private string Ask(string line)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(Address));
        using var stream = new NetworkStream(socket);
        stream.Write(System.Text.Encoding.ASCII.GetBytes(line + "\n"));
        using var reader = new StreamReader(stream);
        return reader.ReadLine()!;
    }

    /// <summary>A client of a guard that the test plays.</summary>
    private sealed class Peer(Socket socket) : IDisposable
    {
        private readonly StreamReader _reader = new(new NetworkStream(socket, ownsSocket: true));

        public string? Next() => _reader.ReadLine();

        public void Answer(string line) => socket.Send(System.Text.Encoding.ASCII.GetBytes(line + "\n"));

        public void Dispose() => _reader.Dispose();
    }
}
