using System.Globalization;
using Kaji.Engine;
using Kaji.Node.Streaming;
using Kaji.Node.Streaming.Spdy;
using Microsoft.AspNetCore.Http;

namespace Kaji.Node.Server;

/// <summary><c>/portForward/NAMESPACE/POD</c>: over SPDY, over SPDY in a WebSocket (kubectl since 1.31), or over WebSocket channels.</summary>
internal sealed class PortForwardHandler(IPodDirectory pods, IContainerRuntime runtime, NodeServerOptions options)
{
    public async Task HandleAsync(HttpContext context, string ns, string pod)
    {
        if (pods.Find(ns, pod) is not { } place)
        {
            await Answers.TextAsync(context, StatusCodes.Status404NotFound, $"pod \"{pod}\" not found");
            return;
        }

        if (place.SandboxId is not { } sandbox)
        {
            await Answers.TextAsync(context, StatusCodes.Status500InternalServerError, $"sandbox of pod \"{pod}\" not found");
            return;
        }

        Task<Stream> Open(int port, CancellationToken token) => runtime.OpenPortAsync(sandbox, port, token);
        if (WebSocketUpgrade.IsRequested(context))
        {
            await WebSocketAsync(context, pod, Open);
        }
        else if (SpdyUpgrade.IsRequested(context))
        {
            if (await SpdyUpgrade.AcceptAsync(context, SpdyUpgrade.PortForward) is { } session)
            {
                await new SpdyPortForward(session, pod, Open).RunAsync(context.RequestAborted);
            }
        }
        else
        {
            await Answers.TextAsync(context, StatusCodes.Status400BadRequest, "unable to upgrade: the request asks for neither WebSocket nor SPDY/3.1");
        }
    }

    private async Task WebSocketAsync(HttpContext context, string pod, Func<int, CancellationToken, Task<Stream>> open)
    {
        var offered = WebSocketUpgrade.Offered(context);
        if (offered.Contains(PortForwarding.Tunnel, StringComparer.Ordinal))
        {
            var tunnel = new WebSocketByteStream(await WebSocketUpgrade.AcceptAsync(context, PortForwarding.Tunnel, options.KeepAlive));
            await new SpdyPortForward(new SpdySession(tunnel), pod, open).RunAsync(context.RequestAborted);
            return;
        }

        var texts = context.Request.Query["port"].Concat(context.Request.Query["ports"]).SelectMany(p => (p ?? "").Split(',')).ToList();
        var ports = texts.Select(t => int.TryParse(t, NumberStyles.None, CultureInfo.InvariantCulture, out var port) ? port : 0).ToList();
        if (ports.Count is 0 or > ChannelPortForward.MaxPorts || ports.Exists(p => p is 0 or > ushort.MaxValue))
        {
            await Answers.TextAsync(context, StatusCodes.Status400BadRequest, $"query parameter \"port\" is required: 1 to {ChannelPortForward.MaxPorts} ports");
            return;
        }

        if (offered.Count > 0 && !offered.Contains(ChannelPortForward.Protocol, StringComparer.Ordinal))
        {
            await Answers.TextAsync(context, StatusCodes.Status400BadRequest, $"none of the subprotocols {string.Join(", ", offered)} is known here");
            return;
        }

        var socket = await WebSocketUpgrade.AcceptAsync(context, offered.Count > 0 ? ChannelPortForward.Protocol : null, options.KeepAlive);
        await using var forward = new ChannelPortForward(socket, ports, pod, open);
        await forward.RunAsync();
    }
}
