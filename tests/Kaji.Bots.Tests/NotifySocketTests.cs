using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;
using Kaji.Bots.Warden;

namespace Kaji.Bots.Tests;

public sealed class NotifySocketTests
{
    [Theory]
    [InlineData("trading BTC-USDT data-age=0.42, orders=3", "data-age", 0.42)]
    [InlineData("age=3s", "age", 3.0)]
    [InlineData("data-age=1;age=2", "age", 2.0)]
    [InlineData("ages=1", "age", null)]
    [InlineData("age=soon", "age", null)]
    [InlineData("", "age", null)]
    public void Figure_IsTheNumberOfItsWord(string status, string word, double? figure) => Assert.Equal(figure, NotifySocket.Figure(status, word));

    [Fact]
    public async Task Status_IsHeard_AndASocketLeftBehindIsReplaced()
    {
        var path = Path.Combine(Path.GetTempPath(), $"kaji-{Guid.NewGuid():N}.sock");
        var heard = Channel.CreateUnbounded<string>();
        try
        {
            new NotifySocket(path, _ => { }).Dispose();
            using var socket = new NotifySocket(path, s => heard.Writer.TryWrite(s));
            using var bot = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            bot.SendTo("READY=1\nSTATUS=first\nWATCHDOG=1"u8.ToArray(), new UnixDomainSocketEndPoint(path));
            bot.SendTo(Encoding.ASCII.GetBytes("STATUS=second"), new UnixDomainSocketEndPoint(path));
            Assert.Equal("first", await heard.Reader.ReadAsync(TestContext.Current.CancellationToken));
            Assert.Equal("second", await heard.Reader.ReadAsync(TestContext.Current.CancellationToken));
        }
        finally
        {
            File.Delete(path);
        }
    }
}
