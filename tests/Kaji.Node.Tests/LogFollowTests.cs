namespace Kaji.Node.Tests;

public sealed class LogFollowTests(ServerFixture node) : IClassFixture<ServerFixture>
{
    [Fact]
    public async Task Follower_GetsLinesAsTheyAreWritten_AndTheEndWhenTheContainerEnds()
    {
        using var http = node.Http(node.Client());
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var response = await http.GetAsync("/containerLogs/default/web/main?follow=true", HttpCompletionOption.ResponseHeadersRead, deadline.Token);
        using var text = new StreamReader(await response.Content.ReadAsStreamAsync(deadline.Token));
        Assert.Equal("hello", await text.ReadLineAsync(deadline.Token));
        await File.AppendAllTextAsync(node.LogPath, "2026-11-23T14:00:01.000000001+00:00 stderr F more\n");
        Assert.Equal("more", await text.ReadLineAsync(deadline.Token));
        await File.AppendAllTextAsync(node.LogPath, "2026-11-23T14:00:02.000000001+00:00 stdout F last\n");
        node.Runtime.End();
        Assert.Equal("last", await text.ReadLineAsync(deadline.Token));
        Assert.Null(await text.ReadLineAsync(deadline.Token));
    }
}
