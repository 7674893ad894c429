using System.IO.Pipelines;
using System.Text;
using Kaji.Linux.Events;
using Kaji.Linux.Inotify;
using Kaji.Node.Logs;
using Microsoft.AspNetCore.Http;

namespace Kaji.Node.Tests;

public sealed class LogTests : IDisposable
{
    private const string Sample =
        "2026-11-23T14:00:00.000000001+00:00 stdout F one\n" +
        "2026-11-23T14:00:01.000000001+00:00 stderr F two\n" +
        "2026-11-23T14:00:02.000000001+00:00 stdout P thr\n" +
        "2026-11-23T14:00:02.000000002+00:00 stdout F ee\n" +
        "2026-11-23T14:00:03.000000001+00:00 stdout F \n" +
        "2026-11-23T14:00:04.000000001+00:00 stdout F five\n";

    private readonly string _directory = Directory.CreateTempSubdirectory("kaji-logs-").FullName;
    private readonly EventLoop _loop = new();
    private readonly InotifyHub _hub;

    public LogTests() => _hub = new InotifyHub(_loop);

    private string File0 => Path.Combine(_directory, "0.log");

    public void Dispose()
    {
        _hub.Dispose();
        _loop.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task All_IsWithoutPrefixes_AndPiecesAreJoined() => Assert.Equal("one\ntwo\nthree\n\nfive\n", await ReadAsync(Sample, new LogQuery()));

    [Theory]
    [InlineData(0, "")]
    [InlineData(1, "five\n")]
    [InlineData(3, "three\n\nfive\n")]
    [InlineData(4, "two\nthree\n\nfive\n")]
    [InlineData(5, "one\ntwo\nthree\n\nfive\n")]
    [InlineData(99, "one\ntwo\nthree\n\nfive\n")]
    public async Task Tail_CountsWholeLines(long lines, string expected) => Assert.Equal(expected, await ReadAsync(Sample, new LogQuery { TailLines = lines }));

    [Fact]
    public async Task Tail_OverManyBlocks_FindsTheLines()
    {
        var log = new StringBuilder();
        for (var i = 0; i < 20_000; i++)
        {
            log.Append("2026-11-23T14:00:00.000000001+00:00 stdout F line ").Append(i).Append('\n');
        }

        var lines = (await ReadAsync(log.ToString(), new LogQuery { TailLines = 5_000 })).Split('\n');
        Assert.Equal(("line 15000", "line 19999", 5_001), (lines[0], lines[4_999], lines.Length));
    }

    [Fact]
    public async Task Options_Filter()
    {
        Assert.Equal("three\n\nfive\n", await ReadAsync(Sample, new LogQuery { Since = new DateTimeOffset(2026, 11, 23, 14, 0, 2, TimeSpan.Zero) }));
        Assert.Equal("one\ntw", await ReadAsync(Sample, new LogQuery { LimitBytes = 6 }));
        Assert.Equal("two\n", await ReadAsync(Sample, new LogQuery { Stream = "stderr" }));
        Assert.Equal("2026-11-23T14:00:02.000000001Z three\n2026-11-23T14:00:03.000000001Z \n2026-11-23T14:00:04.000000001Z five\n", await ReadAsync(Sample, new LogQuery { Timestamps = true, TailLines = 3 }));
    }

    [Fact]
    public async Task LineStillBeingWritten_IsNotShown() => Assert.Equal("one\n", await ReadAsync(Sample[..60], new LogQuery()));

    [Fact]
    public async Task Follow_GoesOn_OverRotation_UntilTheContainerEnds()
    {
        await File.WriteAllTextAsync(File0, Line("a"));
        var pipe = new Pipe();
        var ended = new TaskCompletionSource();
        var copying = new LogReader(new DirectoryChanges(_hub)).CopyAsync(File0, new LogQuery { Follow = true }, pipe.Writer, ended.Task, CancellationToken.None);
        using var text = new StreamReader(pipe.Reader.AsStream());
        Assert.Equal("a", await text.ReadLineAsync());

        await File.AppendAllTextAsync(File0, Line("b"));
        Assert.Equal("b", await text.ReadLineAsync());

        // As rotation does it: rename, then conmon still writes to the old file until it is told to open the new one.
        File.Move(File0, File0 + ".20261123-140000");
        await File.AppendAllTextAsync(File0 + ".20261123-140000", Line("c"));
        await File.WriteAllTextAsync(File0, Line("d"));
        Assert.Equal("c", await text.ReadLineAsync());
        Assert.Equal("d", await text.ReadLineAsync());
        await File.AppendAllTextAsync(File0, Line("e"));
        Assert.Equal("e", await text.ReadLineAsync());

        ended.SetResult();
        await copying;
        await pipe.Writer.CompleteAsync();
        Assert.Null(await text.ReadLineAsync());
    }

    [Fact]
    public async Task TwoFollowers_OfOneDirectory_BothSeeEverything()
    {
        await File.WriteAllTextAsync(File0, Line("a"));
        var changes = new DirectoryChanges(_hub);
        var ended = new TaskCompletionSource();
        var (first, second) = (new Pipe(), new Pipe());
        Task[] copying = [.. ((Pipe[])[first, second]).Select(p => new LogReader(changes).CopyAsync(File0, new LogQuery { Follow = true }, p.Writer, ended.Task, CancellationToken.None))];
        using var one = new StreamReader(first.Reader.AsStream());
        using var two = new StreamReader(second.Reader.AsStream());
        Assert.Equal(("a", "a"), (await one.ReadLineAsync(), await two.ReadLineAsync()));
        await File.AppendAllTextAsync(File0, Line("b"));
        Assert.Equal(("b", "b"), (await one.ReadLineAsync(), await two.ReadLineAsync()));
        ended.SetResult();
        await Task.WhenAll(copying);
    }

    [Fact]
    public void Query_ReadsTheOptions_AndRefusesNonsense()
    {
        var now = new DateTimeOffset(2026, 11, 23, 14, 0, 0, TimeSpan.Zero);
        var query = LogQuery.Parse(new QueryCollection(QueryOf("follow", "true", "tailLines", "5", "sinceSeconds", "60", "timestamps", "1")), now, out _);
        Assert.Equal(new LogQuery { Follow = true, TailLines = 5, Since = now.AddMinutes(-1), Timestamps = true }, query);
        Assert.Null(LogQuery.Parse(new QueryCollection(QueryOf("tailLines", "-1")), now, out var error));
        Assert.Contains("tailLines", error, StringComparison.Ordinal);
        Assert.Null(LogQuery.Parse(new QueryCollection(QueryOf("sinceTime", "yesterday")), now, out _));
    }

    private static string Line(string text) => $"2026-11-23T14:00:00.000000001+00:00 stdout F {text}\n";

    private static Dictionary<string, Microsoft.Extensions.Primitives.StringValues> QueryOf(params string[] pairs) =>
        pairs.Chunk(2).ToDictionary(p => p[0], p => new Microsoft.Extensions.Primitives.StringValues(p[1]), StringComparer.Ordinal);

    private async Task<string> ReadAsync(string log, LogQuery query)
    {
        await File.WriteAllTextAsync(File0, log);
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        await new LogReader(new DirectoryChanges(_hub)).CopyAsync(File0, query, pipe.Writer, Task.CompletedTask, CancellationToken.None);
        await pipe.Writer.CompleteAsync();
        using var text = new StreamReader(pipe.Reader.AsStream());
        return await text.ReadToEndAsync();
    }
}
