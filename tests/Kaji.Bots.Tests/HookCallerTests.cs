using System.Net;
using System.Net.Sockets;
using System.Text;
using Kaji.Bots.Api;
using Kaji.Bots.Warden;

namespace Kaji.Bots.Tests;

/// <summary>Whatever a bot answers is a sentence, never an exception: nobody would end a stop that threw.</summary>
public sealed class HookCallerTests
{
    [Theory]
    [InlineData(-5)]
    [InlineData(0)]
    [InlineData(60_000)]
    public async Task Command_IsGivenATimeThatIsLeft(int milliseconds)
    {
        using var hooks = new HookCaller();
        var given = TimeSpan.Zero;
        var holder = new StopOrderTests.Holder((_, limit, _) => Task.FromResult((given = limit) > TimeSpan.Zero ? (0, "3") : (1, "")));

        var result = await hooks.CallAsync(Exec, holder, new HookBody(), TimeSpan.FromMilliseconds(milliseconds), CancellationToken.None);

        Assert.Equal((null, 3), (result.Fault, result.OpenOrders));
        Assert.InRange(given, TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task CommandThatCanNotBeRun_IsAFault()
    {
        using var hooks = new HookCaller();

        var result = await hooks.CallAsync(Exec, new StopOrderTests.Holder((_, _, _) => throw new InvalidOperationException("no more processes")), new HookBody(), TimeSpan.FromSeconds(1), CancellationToken.None);

        Assert.Equal("ask: no more processes", result.Fault);
    }

    [Theory]
    [InlineData("200 OK", "text/plain; charset=utf8", "{\"openOrders\":2}", null, 2)]
    [InlineData("200 OK", "text/plain; charset=no-such", "7", null, 7)]
    [InlineData("200 OK", "application/json", "{\"openOrders\":1,\"openOrders\":0}", null, null)]
    [InlineData("500 Oh", "text/plain", "no", "/x answered 500: no", null)]
    [InlineData("garbage", "text/plain", "no", "/x: ", null)]
    public async Task Answer_IsTakenAsItComes(string status, string type, string body, string? fault, int? open)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = AnswerAsync(listener, $"HTTP/1.1 {status}\r\nContent-Type: {type}\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n{body}");
        using var hooks = new HookCaller();
        var hook = new Hook { HttpGet = new HttpHook { Path = "/x", Port = ((IPEndPoint)listener.LocalEndpoint).Port } };

        var result = await hooks.CallAsync(hook, new StopOrderTests.Holder((_, _, _) => throw new InvalidOperationException(), "127.0.0.1"), new HookBody(), TimeSpan.FromSeconds(5), CancellationToken.None);

        await serving;
        Assert.Equal(open, result.OpenOrders);
        Assert.Equal(fault is null, result.Fault is null);
        Assert.StartsWith(fault ?? "", result.Fault ?? "", StringComparison.Ordinal);
    }

    private static Hook Exec => new() { Exec = new ExecHook { Command = ["ask"] } };

    private static async Task AnswerAsync(TcpListener listener, string answer)
    {
        using var client = await listener.AcceptTcpClientAsync();
        await using var stream = client.GetStream();
        using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        while (await reader.ReadLineAsync() is { Length: > 0 })
        {
        }

        await stream.WriteAsync(Encoding.ASCII.GetBytes(answer));
    }
}
