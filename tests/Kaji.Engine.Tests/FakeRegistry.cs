using System.Net;
using System.Net.Sockets;
using System.Text;
using Kaji.Engine.Images;

namespace Kaji.Engine.Tests;

/// <summary>A registry of one image that asks for a token, and whose connections break on demand.</summary>
internal sealed class FakeRegistry : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly byte[] _config;
    private readonly byte[] _layer;
    private readonly byte[] _manifest;
    private readonly Task _serving;
    private int _broken;

    public FakeRegistry(byte[] config, byte[] layer)
    {
        (_config, _layer) = (config, layer);
        _manifest = Encoding.UTF8.GetBytes($$"""{"schemaVersion":2,"config":{"digest":"{{Digests.Of(config)}}","size":{{config.Length}}},"layers":[{"digest":"{{Digests.Of(layer)}}","size":{{layer.Length}}}]}""");
        using (var probe = new TcpListener(IPAddress.Loopback, 0))
        {
            probe.Start();
            Port = ((IPEndPoint)probe.LocalEndpoint).Port;
        }

        _listener.Prefixes.Add($"http://127.0.0.1:{Port}/");
        _listener.Start();
        _serving = ServeAsync();
    }

    public int Port { get; }

    public required string Token { get; init; }

    public required string User { get; init; }

    public required string Password { get; init; }

    public bool BreakBlobsOnce { get; init; }

    public bool Corrupt { get; set; }

    public bool SawRange { get; private set; }

    public async ValueTask DisposeAsync()
    {
        _listener.Close();
        await _serving;
    }

    private async Task ServeAsync()
    {
        while (true)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            Answer(context.Request, context.Response);
        }
    }

    private void Answer(HttpListenerRequest request, HttpListenerResponse response)
    {
        var path = request.Url!.AbsolutePath;
        if (path == "/token")
        {
            var right = request.Headers["Authorization"] == "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{User}:{Password}"));
            response.StatusCode = right ? 200 : 401;
            Send(response, right ? Encoding.UTF8.GetBytes($$"""{"token":"{{Token}}"}""") : []);
        }
        else if (request.Headers["Authorization"] != "Bearer " + Token)
        {
            response.StatusCode = 401;
            response.Headers["WWW-Authenticate"] = $"Bearer realm=\"http://127.0.0.1:{Port}/token\",service=\"fake\",scope=\"repository:private/app:pull\"";
            Send(response, []);
        }
        else if (path.Contains("/manifests/", StringComparison.Ordinal))
        {
            Send(response, _manifest);
        }
        else
        {
            Blob(request, response, path.EndsWith(Digests.Hex(Digests.Of(_config)), StringComparison.Ordinal) ? _config : _layer);
        }
    }

    private void Blob(HttpListenerRequest request, HttpListenerResponse response, byte[] content)
    {
        if (content == _layer && Corrupt)
        {
            Send(response, new byte[content.Length]);
        }
        else if (content == _layer && BreakBlobsOnce && Interlocked.Exchange(ref _broken, 1) == 0)
        {
            response.ContentLength64 = content.Length;
            response.OutputStream.Write(content, 0, content.Length / 2);
            response.OutputStream.Flush();
            response.Abort();
        }
        else if (request.Headers["Range"] is { } range)
        {
            SawRange = true;
            var from = int.Parse(range["bytes=".Length..^1]);
            response.StatusCode = 206;
            Send(response, content[from..]);
        }
        else
        {
            Send(response, content);
        }
    }

    private static void Send(HttpListenerResponse response, byte[] content)
    {
        response.ContentLength64 = content.Length;
        response.OutputStream.Write(content);
        response.Close();
    }
}
