using System.Net.Sockets;
using System.Text;
using ICSharpCode.SharpZipLib.Checksum;
using ICSharpCode.SharpZipLib.Zip.Compression;
using Kaji.Node.Streaming.Spdy;

namespace Kaji.Node.Tests;

public sealed class SpdyTests
{
    [Fact]
    public void Dictionary_IsTheSpecifiedOne()
    {
        var adler = new Adler32();
        adler.Update(SpdyDictionary.Bytes);
        Assert.Equal((1423, 0xE3C6A7C2L), (SpdyDictionary.Bytes.Length, adler.Value));
    }

    [Fact]
    public void WrittenBlocks_AreReadBack_OneAfterTheOther()
    {
        var writer = new SpdyHeaderWriter();
        var reader = new SpdyHeaderReader();
        Assert.Empty(reader.Read(writer.Write([])));
        Assert.Equal("8080", reader.Read(writer.Write([new("Port", "8080"), new("streamType", "data")]))["PORT"]);
        Assert.Equal("error", reader.Read(writer.Write([new("streamtype", "error")]))["streamType"]);
    }

    [Fact]
    public void FirstBlock_HasTheBytesOfTheExample() =>
        Assert.Equal("78BBE3C6A7C2000400FBFF00000000000000FFFF", Convert.ToHexString(new SpdyHeaderWriter().Write([])));

    [Fact]
    public void CompressedBlocks_ThatUseTheDictionary_AreRead()
    {
        var deflater = new Deflater(9);
        deflater.SetDictionary(SpdyDictionary.Bytes);
        var reader = new SpdyHeaderReader();
        for (var i = 0; i < 3; i++)
        {
            var headers = reader.Read(Compress(deflater, [0, 0, 0, 2, .. Text("content-type"), .. Text("text/html"), .. Text("requestid"), .. Text($"{i}")]));
            Assert.Equal(("text/html", $"{i}"), (headers["content-type"], headers["requestID"]));
        }
    }

    [Fact]
    public void CutShortBlock_IsRefused() =>
        Assert.Throws<SpdyException>(() => new SpdyHeaderReader().Read([0x78, 0xBB, 0xE3, 0xC6, 0xA7, 0xC2, 0, 4, 0, 0xFB, 0xFF, 0, 0, 0, 9, 0, 0, 0, 0xFF, 0xFF]));

    [Fact]
    public async Task Session_AnswersStreamsAndPings_AndCarriesDataBothWays()
    {
        var (client, server) = await ConnectAsync();
        await using var session = new SpdySession(server);
        var headers = new SpdyHeaderWriter().Write([new("streamType", "data"), new("port", "80")]);
        await client.WriteAsync((byte[])[0x80, 3, 0, 1, 0, 0, 0, (byte)(10 + headers.Length), 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, .. headers]);
        var stream = await session.Incoming.ReadAsync();
        Assert.Equal("80", stream.Header("port"));
        Assert.Equal("800300020000001800000001" + "78BBE3C6A7C2000400FBFF00000000000000FFFF", await HexAsync(client, 32));

        await client.WriteAsync((byte[])[0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 7]);
        Assert.Equal("800300060000000400000007", await HexAsync(client, 12));

        await client.WriteAsync((byte[])[0, 0, 0, 1, 1, 0, 0, 2, .. "hi"u8]);
        using var reader = new StreamReader(stream);
        Assert.Equal("hi", await reader.ReadToEndAsync());

        await stream.WriteAsync("yo"u8.ToArray());
        await stream.EndAsync(CancellationToken.None);
        Assert.Equal("0000000100000002" + "796F" + "0000000101000000", await HexAsync(client, 18));
    }

    [Fact]
    public async Task Garbage_EndsTheSession()
    {
        var (client, server) = await ConnectAsync();
        await using var session = new SpdySession(server);
        await client.WriteAsync(Encoding.ASCII.GetBytes("\u007fGET / HTTP/1.1\r\n\r\n").Select(b => (byte)(b | 0x80)).ToArray());
        Assert.False(await session.Incoming.WaitToReadAsync());
    }

    private static byte[] Text(string text) => [0, 0, 0, (byte)text.Length, .. Encoding.ASCII.GetBytes(text)];

    private static byte[] Compress(Deflater deflater, byte[] plain)
    {
        deflater.SetInput(plain);
        deflater.Flush();
        var buffer = new byte[4096];
        return buffer[..deflater.Deflate(buffer)];
    }

    private static async Task<string> HexAsync(Stream stream, int count)
    {
        var bytes = new byte[count];
        await stream.ReadExactlyAsync(bytes);
        return Convert.ToHexString(bytes);
    }

    private static async Task<(Stream Client, Stream Server)> ConnectAsync()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        var client = new TcpClient();
        await client.ConnectAsync((System.Net.IPEndPoint)listener.LocalEndpoint);
        return (client.GetStream(), (await listener.AcceptTcpClientAsync()).GetStream());
    }
}
