using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Kaji.Bench;

/// <summary>Debian's etcd on loopback: durable puts of 1 KiB by gRPC, the floor of what a Kubernetes API server writes. Started for the measurement and removed after it.</summary>
internal sealed class EtcdPeer : IAsyncDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("kaji-bench-etcd-").FullName;
    private readonly int _port = Random.Shared.Next(30_000, 31_000);
    private readonly Process _process;

    private EtcdPeer()
    {
        var start = new ProcessStartInfo("etcd") { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var word in (string[])["--data-dir", _data, "--listen-client-urls", $"http://127.0.0.1:{_port}", "--advertise-client-urls", $"http://127.0.0.1:{_port}", "--listen-peer-urls", $"http://127.0.0.1:{_port + 1}", "--log-level", "error"])
        {
            start.ArgumentList.Add(word);
        }

        _process = Process.Start(start)!;
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    /// <summary>Null, with a word why, where etcd is not installed.</summary>
    public static async Task<EtcdPeer?> StartAsync()
    {
        if (!File.Exists("/usr/bin/etcd"))
        {
            Console.WriteLine("etcd is not installed: no figure of it beside ours (apt-get install etcd-server)");
            return null;
        }

        var peer = new EtcdPeer();
        using var http = new HttpClient();
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        for (var tries = 0; tries < 100; tries++)
        {
            try
            {
                (await http.GetAsync($"http://127.0.0.1:{peer._port}/health")).EnsureSuccessStatusCode();
                return peer;
            }
            catch (HttpRequestException)
            {
                await tick.WaitForNextTickAsync();
            }
        }

        throw new InvalidOperationException("etcd did not become ready");
    }

    /// <summary>Puts a second.</summary>
    public async Task<double> PutsAsync(int clients, TimeSpan duration)
    {
        var clock = Stopwatch.StartNew();
        var value = Encoding.ASCII.GetBytes(new string('x', 1000));
        var counts = await Task.WhenAll(Enumerable.Range(0, clients).Select(c => Task.Run(async () =>
        {
            using var http = new HttpClient(new SocketsHttpHandler()) { BaseAddress = new Uri($"http://127.0.0.1:{_port}"), DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
            var i = 0;
            for (; clock.Elapsed < duration; i++)
            {
                using var content = new ByteArrayContent(PutRequest(Encoding.ASCII.GetBytes($"/registry/configmaps/default/c{c}-{i}"), value));
                content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
                using var request = new HttpRequestMessage(HttpMethod.Post, "/etcdserverpb.KV/Put") { Content = content, Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
                request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
                using var response = await http.SendAsync(request);
                await response.Content.ReadAsByteArrayAsync();
                var status = response.TrailingHeaders.TryGetValues("grpc-status", out var values) ? values.First() : "none";
                if (status != "0")
                {
                    throw new InvalidOperationException($"etcd answered a put with gRPC status {status}");
                }
            }

            return i;
        })));
        return counts.Sum() / clock.Elapsed.TotalSeconds;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_data, recursive: true);
    }

    /// <summary>A gRPC frame with <c>PutRequest{key = 1, value = 2}</c>; both are shorter than 16 KiB.</summary>
    private static byte[] PutRequest(byte[] key, byte[] value)
    {
        var message = new List<byte>(key.Length + value.Length + 16);
        Field(1, key);
        Field(2, value);
        var frame = new byte[5 + message.Count];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Count);
        message.CopyTo(frame, 5);
        return frame;

        void Field(int number, byte[] bytes)
        {
            message.Add((byte)(number << 3 | 2));
            message.AddRange(bytes.Length < 128 ? [(byte)bytes.Length] : [(byte)(bytes.Length & 0x7F | 0x80), (byte)(bytes.Length >> 7)]);
            message.AddRange(bytes);
        }
    }
}
